import Domain
import Logging
import NIOCore
import PlimsollWire
import ServiceLifecycle
import Synchronization
import Testing

@testable import Gateway

/// Stands for the server: closes the spool when it is asked to stop.
private struct ClosingServer: Service {
    let stand: SpoolStand
    let started: AsyncStream<Void>.Continuation

    func run() async throws {
        started.yield()
        try? await gracefulShutdown()
        try await stand.serve(3)
        try await stand.spool.close()
    }
}

/// What a control plane was sent.
private final class Received: Sendable {
    let usage = Mutex<[UsageRecord]>([])
    let minutes = Mutex<[MinuteBatch]>([])

    static let answer = IntakeResponse(stored: 0, duplicates: 0, quarantined: 0)
}

@Suite("Stopping in good order")
struct CleanStopTests {
    @Test("minutes that were counted before the spool was closed can still be taken")
    func minutesOutliveTheirMeters() async throws {
        let stand = try await SpoolStand(ScratchFolder())
        try await stand.serve(3)
        try await stand.spool.close()
        let cells = try await stand.spool.takeMinutes()
        #expect(cells.values.map { $0.outcomes[Outcome.good.place] } == [3])
        #expect(try await stand.spool.takeMinutes().isEmpty)
    }

    @Test("what was served while the gateway drained is sent before it ends: minutes and records")
    func lastSending() async throws {
        let (folder, received) = (try ScratchFolder(), Received())
        let stand = try await SpoolStand(folder)
        let logger = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
        let usage = UsageShipper(spool: stand.spool, logger: logger, pause: .seconds(60)) { batch in
            received.usage.withLock { $0 += batch.records }
            return Received.answer
        }
        let minutes = MinuteShipper(spool: stand.spool, logger: logger, interval: .seconds(60)) { batch in
            received.minutes.withLock { $0.append(batch) }
            return Received.answer
        }
        let (starts, started) = AsyncStream.makeStream(of: Void.self)
        let services: [any Service] = [usage, minutes, ClosingServer(stand: stand, started: started)]
        let group = ServiceGroup(
            configuration: ServiceGroupConfiguration(services: services.map { .init(service: $0) }, logger: logger))
        // Waited for below.
        let running = Task { try await group.run() }
        _ = await starts.first { true }
        await group.triggerGracefulShutdown()
        try await running.value
        #expect(received.usage.withLock { $0.map(\.sequence) } == [1, 2, 3])
        #expect(received.minutes.withLock { $0.last { !$0.minutes.isEmpty }?.minutes.first?.outcomes } == ["good": 3])
        #expect(received.minutes.withLock { $0.last?.closes } == true && received.minutes.withLock { $0.dropLast().allSatisfy { $0.closes != true } })
    }

    @Test("a start after a stop in good order reads nothing")
    func nothingToRead() async throws {
        let folder = try ScratchFolder()
        let stand = try await SpoolStand(folder)
        try await stand.serve(3)
        try await stand.spool.close()
        for name in try folder.files(".seg") { try folder.write([UInt8](repeating: 0, count: 500), to: name) }
        #expect(try SpoolRecovery(directory: folder.path, gateway: "gw-1").run() == SpoolRecovery.Report())
    }

    @Test("a stop with a request that never ended is no stop in good order")
    func openAtStop() async throws {
        let folder = try ScratchFolder()
        let stand = try await SpoolStand(folder)
        try await stand.serve(3)
        _ = try await stand.admit(4)
        try await stand.spool.close()
        #expect(try folder.files(".closed").isEmpty)
        #expect(try SpoolRecovery(directory: folder.path, gateway: "gw-1").run().interrupted == 1)
    }
}
