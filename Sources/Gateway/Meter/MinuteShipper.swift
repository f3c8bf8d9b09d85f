import Domain
import Glibc
package import Logging
package import PlimsollWire
import ServiceLifecycle
import Synchronization

/// Sends the counters of open minutes every few seconds and right after each minute's end. They are cumulative and numbered, so a lost or repeated batch
/// changes nothing.
///
/// A batch without counters is a sign of life, and the last one of a good stop says so: a boot that falls silent without it has lost what it counted last.
/// What a crash leaves uncounted, requests that it interrupted among them, the control plane counts from the usage records once the next start has shipped
/// them.
package struct MinuteShipper: Service {
    package typealias Send = @Sendable (MinuteBatch) async throws -> IntakeResponse

    private let spool: Spool
    private let send: Send
    private let logger: Logger
    private let interval: Duration
    private static let lastTry = Duration.seconds(3)

    package init(spool: Spool, logger: Logger, interval: Duration = .seconds(5), send: @escaping Send) {
        self.spool = spool
        self.logger = logger
        self.interval = interval
        self.send = send
    }

    package func run() async throws {
        let last = await cancelWhenGracefulShutdown {
            var sender = MinuteSender(spool: spool, send: send)
            let pace = MinutePace(gateway: spool.settings.gateway, interval: interval)
            while !Task.isCancelled {
                var (wasTold, retryAfter): (Bool, Duration?) = (true, nil)
                do {
                    try await sender.shipChanges(now: Int64(time(nil)))
                } catch {
                    wasTold = false
                    retryAfter = (error as? EnrolmentError)?.retryAfter
                    note(error)
                }
                let pause = pace.pause(at: LoopClock.wallMicroseconds(), wasTold: wasTold, retryAfter: retryAfter)
                // Cancellation ends the pause and the loop.
                try? await Task.sleep(for: pause, tolerance: .milliseconds(50))
            }
            return sender
        }
        // What was counted while requests drained and the spool was closed; one try, the records have it all.
        do {
            try await TimeLimit.run(Self.lastTry) {
                var sender = last
                try await sender.shipChanges(now: Int64(time(nil)), closes: true)
            }
        } catch {
            note(error)
        }
    }

    private func note(_ error: any Error) {
        guard !Task.isCancelled else { return }
        logger.warning("minutes not shipped", metadata: ["error": "\(MeterError.describe(error))"])
    }
}

/// The state of minute shipping: one at a time.
///
/// What ends when its minute is long over is counted apart, as if by another boot: then counts of ten thousands of tenants need be kept for a few
/// minutes only, and those that must be kept for hours are few.
struct MinuteSender {
    private let spool: Spool
    private let send: MinuteShipper.Send
    private var fresh = MinuteLedger(keptMinutes: MinuteLedger.freshMinutes)
    private var late = MinuteLedger(keptMinutes: MinuteLedger.lateMinutes)
    private var firstTokens = RecentFirstTokens()
    private var sequence: Int64 = 0
    /// Minutes in a batch: fewer after one that was refused, as a control plane of the release before refuses one that is too large for it.
    private var most = MinuteBatch.most
    private static let fewest = 500

    init(spool: Spool, send: @escaping MinuteShipper.Send) {
        self.spool = spool
        self.send = send
    }

    /// - Parameters:
    ///   - now: Seconds since 1970.
    ///   - closes: Nothing is counted any more.
    mutating func shipChanges(now: Int64, closes: Bool = false) async throws {
        let (minute, counted) = (now / 60, try await spool.takeMinutes())
        firstTokens.note(try await spool.takeFirstTokens(), now: now)
        let isFresh = { (key: MinuteKey) in key.minute > minute - MinuteLedger.freshMinutes }
        fresh.add(counted.filter { isFresh($0.key) }, nowMinute: minute)
        late.add(counted.filter { !isFresh($0.key) }, nowMinute: minute)
        spool.statistics.droppedMinuteCounts.store(fresh.dropped + late.dropped, ordering: .relaxed)
        while !late.isClean { try await tell(\.late, boot: spool.boot + "-late") }
        repeat {
            try await tell(\.fresh, boot: spool.boot, closes: closes)
        } while !fresh.isClean
    }

    /// One batch, of nothing where nothing has changed.
    private mutating func tell(_ ledger: WritableKeyPath<MinuteSender, MinuteLedger>, boot: String, closes: Bool? = nil) async throws {
        let keys = self[keyPath: ledger].take(most)
        sequence += 1
        let batch = MinuteBatch(
            gateway: spool.settings.gateway, boot: boot, sequence: sequence, minutes: self[keyPath: ledger].counters(keys),
            closes: closes.map { $0 && self[keyPath: ledger].isClean },
            firstTokens: closes.map { _ in firstTokens.counts.map { FirstTokenCount($0.key, $0.value) } })
        do {
            _ = try await send(batch)
            most = min(2 * most, MinuteBatch.most)
        } catch {
            if (error as? EnrolmentError)?.code == .refused { most = max(most / 2, Self.fewest) }
            self[keyPath: ledger].restore(keys)
            throw error
        }
    }
}

extension FirstTokenCount {
    init(_ name: ServiceName, _ counter: LatencyCounter) {
        self.init(
            tier: name.tier, model: name.model, region: name.region, drill: name.isDrill ? true : nil, samples: counter.samples, over: counter.over)
    }
}
