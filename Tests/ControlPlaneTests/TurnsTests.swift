import FoundationEssentials
import Logging
import Postgres
import ServiceLifecycle
import Synchronization
import Telemetry
import TestSupport
import Testing

@testable import ControlPlane

@Suite struct TurnsTests {
    private struct Trouble: Error {}

    private struct Loop: Service {
        let body: @Sendable () async -> Void

        func run() async throws { await body() }
    }

    /// What the log said.
    private final class Lines: Sendable {
        private let lines = Mutex<[String]>([])

        var logger: Logger { Logger(label: "test") { _ in Handler(lines: self) } }
        var all: [String] { lines.withLock { $0 } }

        func note(_ line: String) { lines.withLock { $0.append(line) } }
    }

    private struct Handler: LogHandler {
        let lines: Lines
        var metadata: Logger.Metadata = [:]
        var logLevel = Logger.Level.debug

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            let code = event.metadata?[LogKeys.code].map { " \($0)" } ?? ""
            lines.note("\(event.level) \(event.message)\(code)")
        }
    }

    @Test(.timeLimit(.minutes(1))) func `a pause ends when the program stops, and no turn follows`() async throws {
        let (turns, turned) = AsyncStream.makeStream(of: Void.self)
        let lines = Lines()
        let count = Mutex(0)
        let loop = Loop {
            await Turns("Late", logger: lines.logger).run(every: .seconds(600)) {
                count.withLock { $0 += 1 }
                turned.yield()
            }
        }
        let group = ServiceGroup(
            configuration: ServiceGroupConfiguration(
                services: [.init(service: loop, successTerminationBehavior: .gracefullyShutdownGroup)], logger: Logger(label: "test")))
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await group.run() }
            _ = await turns.first { true }
            await group.triggerGracefulShutdown()
            try await tasks.waitForAll()
        }
        #expect(count.withLock { $0 } == 1 && lines.all.isEmpty)
    }

    @Test(.timeLimit(.minutes(1))) func `a turn that fails is told once, and the next one comes; one that is cancelled is not told`() async throws {
        let lines = Lines()
        let (turns, turned) = AsyncStream.makeStream(of: Void.self)
        await withTaskGroup(of: Void.self) { group in
            group.addTask {
                var count = 0
                await Turns("Late", level: .error, logger: lines.logger).take(pausing: { _ in .zero }) {
                    count += 1
                    if count == 1 { throw Trouble() }
                    turned.yield()
                    // Ends by cancellation.
                    try await gracefulShutdown()
                }
                #expect(count == 2)
            }
            _ = await turns.first { true }
            group.cancelAll()
        }
        #expect(lines.all == ["error Late Trouble"])
    }

    // Its time counts from before it has its turn among all tests of the target.
    @Test(.timeLimit(.minutes(20))) func `there are no turns while somebody else holds the lease`() async throws {
        try await PeerWorld.with { world in
            let (other, own) = (Lease("turns", holder: UUID(), seconds: 600), Lease("turns", holder: UUID()))
            let (pool, turns) = (world.pool, Lines())
            #expect(try await other.acquire(pool) == 1)
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    await Turns("Late", logger: turns.logger).run(every: .zero, under: own, pool) { turns.note("turn") }
                }
                // Whoever asks a second time has been through the first.
                for _ in 0..<2 { try await waitForAsking(world) }
                #expect(turns.all.isEmpty)
                try await other.release(pool)
                try await Waiting.until("a turn", within: .seconds(60)) { turns.all.contains("turn") }
                group.cancelAll()
            }
        }
    }

    /// Holds the row of the lease until somebody waits for it.
    private func waitForAsking(_ world: PeerWorld) async throws {
        try await world.pool.transaction { connection in
            try await connection.execute("SELECT 1 FROM serving.leases WHERE name = 'turns' FOR UPDATE")
            let blocked: SQL = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
            try await Waiting.until("somebody who asks for the lease", within: .seconds(60)) { try await world.count(blocked) > 0 }
        }
    }
}
