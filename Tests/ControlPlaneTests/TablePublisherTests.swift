import FoundationEssentials
import Logging
import Postgres
import Testing

@testable import ControlPlane

@Suite struct TablePublisherTests {
    private func version(_ world: PeerWorld) async throws -> Int64 {
        try await world.pool.queryOne("SELECT coalesce(max(version), 0) AS version FROM serving.routing_table_version")?.value("version") ?? 0
    }

    private func waitForVersion(_ version: Int64, _ world: PeerWorld) async throws {
        while try await self.version(world) < version { await Task.yield() }
    }

    /// A ring in the middle of a turn, after the turn has read its rows, is heard although nobody looks by the clock.
    @Test(.timeLimit(.minutes(6))) func aRingDuringATurnMakesAnotherVersion() async throws {
        try await PeerWorld.with { world in
            let news = Bells<ChangeChannel>()
            let publisher = TablePublisher(
                pool: world.pool, authority: world.authority, news: news, holder: UUID(), pollInterval: .seconds(600), logger: world.logger)
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await publisher.run() }
                try await waitForVersion(1, world)
                try await world.pool.transaction { connection in
                    try await connection.execute("LOCK TABLE serving.routing_table_version IN SHARE MODE")
                    try await world.pool.execute("UPDATE serving.tiers SET requests_per_minute = 7")
                    news.ring(.table)
                    let blocked: SQL = "SELECT 1 FROM pg_locks WHERE NOT granted AND relation = 'serving.routing_table_version'::regclass"
                    while try await world.count(blocked) == 0 { await Task.yield() }
                    try await world.pool.execute("UPDATE serving.tiers SET requests_per_minute = 8")
                    news.ring(.table)
                }
                try await waitForVersion(3, world)
                group.cancelAll()
            }
        }
    }
}
