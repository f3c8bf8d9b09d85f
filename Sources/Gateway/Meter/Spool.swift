import Domain
import FoundationEssentials
import Glibc
package import NIOCore
import NIOPosix
import Synchronization

/// The gateway's durable list of what it served: segment files of admissions and ends, one series for each event loop.
///
/// The bill rests on it: an admission is in the kernel before the first byte goes upstream and an end before the last byte goes to the
/// client, so a killed process loses nothing; a power cut loses at most `SpoolSettings.syncDelay`.
package final class Spool: Sendable {
    package let settings: SpoolSettings
    /// Id of this start of the gateway, a UUID.
    package let boot: String
    package let statistics = SpoolStatistics()
    /// What was found of earlier starts.
    package let recovery: SpoolRecovery.Report
    private let lock: Int32
    private let sequence = Atomic<Int64>(0)
    /// Of one thread: a sync that does not end holds up those of all loops.
    let syncPool = NIOThreadPool(numberOfThreads: 1)
    /// Meters belong to their loops and are touched only there.
    private let meters = Mutex<[NIOLoopBound<LoopMeter>]>([])
    /// Minutes of meters that were closed, for the last hand-over.
    private let lastMinutes = Mutex<[MinuteKey: MinuteCell]>([:])

    /// Opens the directory, closes what earlier starts left open, and is ready to meter. Blocks on the disk: call it before serving.
    package init(_ settings: SpoolSettings) throws(MeterError) {
        self.settings = settings
        boot = UUID().uuidString.lowercased()
        guard mkdir(settings.directory, 0o700) == 0 || errno == EEXIST else { throw SystemFault.error("cannot make \(settings.directory)") }
        lock = open("\(settings.directory)/lock", O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard lock >= 0 else { throw SystemFault.error("cannot open the lock of \(settings.directory)") }
        guard flock(lock, LOCK_EX | LOCK_NB) == 0 else {
            Glibc.close(lock)
            throw MeterError(.directoryInUse, "another process uses \(settings.directory)")
        }
        recovery = try SpoolRecovery(directory: settings.directory, gateway: settings.gateway).run()
        statistics.damagedRegions.store(recovery.damagedRegions, ordering: .relaxed)
        syncPool.start()
    }

    deinit {
        syncPool.shutdownGracefully { _ in }
        Glibc.close(lock)
    }

    /// The meter of one event loop; called once for each loop, on it or before it is used.
    package func makeMeter(on eventLoop: any EventLoop) -> EventLoopFuture<NIOLoopBound<LoopMeter>> {
        let stream = streams.wrappingAdd(1, ordering: .relaxed).oldValue
        return eventLoop.submit {
            let log = SegmentLog(
                eventLoop: eventLoop, settings: self.settings, statistics: self.statistics, syncPool: self.syncPool,
                origin: SpoolOrigin(gateway: self.settings.gateway, boot: self.boot), stream: stream)
            try log.open()
            let bound = NIOLoopBound(LoopMeter(eventLoop: eventLoop, spool: self, log: log), eventLoop: eventLoop)
            self.meters.withLock { $0.append(bound) }
            return bound
        }
    }

    /// Writes, syncs and closes everything. Call it when nothing is in flight any more. The counted minutes can still be taken afterwards.
    package func close() async throws {
        let closing = meters.withLock { meters in
            defer { meters = [] }
            return meters
        }
        guard !closing.isEmpty else { return }
        var isWhole = true
        for meter in closing {
            let closed = try await meter.eventLoop.flatSubmit { meter.value.close() }.get()
            isWhole = isWhole && closed
            let minutes = try await meter.eventLoop.submit { meter.value.takeMinutes() }.get()
            lastMinutes.withLock { Self.merge(minutes, into: &$0) }
        }
        guard isWhole else { return }
        let (directory, boot) = (settings.directory, boot)
        // Without the mark the next start reads more; nothing is lost.
        try? await BlockingCalls.run { try ClosedMark.make(directory, boot: boot) }
    }

    /// What all loops have counted since the last call.
    func takeMinutes() async throws -> [MinuteKey: MinuteCell] {
        var merged = lastMinutes.withLock { kept in
            defer { kept = [:] }
            return kept
        }
        for meter in meters.withLock({ $0 }) {
            Self.merge(try await meter.eventLoop.submit { meter.value.takeMinutes() }.get(), into: &merged)
        }
        return merged
    }

    /// First tokens of all loops since the last call.
    func takeFirstTokens(at now: NIODeadline = .now()) async throws -> [ServiceName: LatencyCounter] {
        var counts: [ServiceName: LatencyCounter] = [:]
        for meter in meters.withLock({ $0 }) {
            counts.merge(try await meter.eventLoop.submit { meter.value.takeFirstTokens(at: now) }.get(), uniquingKeysWith: +)
        }
        return counts
    }

    private static func merge(_ cells: [MinuteKey: MinuteCell], into merged: inout [MinuteKey: MinuteCell]) {
        for (key, cell) in cells { merged[key, default: MinuteCell()].add(cell) }
    }

    func nextSequence() -> Int64 {
        sequence.wrappingAdd(1, ordering: .relaxed).newValue
    }

    private let streams = Atomic<Int>(0)
}
