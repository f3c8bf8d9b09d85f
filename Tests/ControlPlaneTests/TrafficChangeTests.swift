import Domain
import FoundationEssentials
import Postgres
import TestSupport
import Testing

@testable import ControlPlane

/// Which changes bad minutes are laid to.
@Suite struct TrafficChangeTests {
    @Test func `a bad minute is laid to what moved traffic, each time that it did, and to nothing that only people read`() async throws {
        try await KeeperWorld.run(opening: 260) { keeper in
            let (pool, start) = (keeper.world.pool, keeper.start)
            let host = try await keeper.world.host(region: "eu")
            let worker = try await keeper.world.worker(on: host)
            func at(_ minute: Int64) -> SQL { SQL.minute(start + minute) }
            _ = try await pool.pipeline([
                "UPDATE serving.providers SET display_name = 'Alpha Two', updated_at = \(at(9)) WHERE name = 'alpha'",
                "UPDATE serving.pools SET hour_price_micro_usd = 5, updated_at = \(at(9)) WHERE name = 'llama'",
                "UPDATE serving.releases SET updated_at = \(at(9)) WHERE name = 'tiny-1'",
                "UPDATE serving.providers SET state = 'suspended', updated_at = \(at(49)) WHERE name = 'alpha'",
                "UPDATE serving.providers SET display_name = 'Alpha', updated_at = \(at(60)) WHERE name = 'alpha'",
                "UPDATE serving.providers SET state = 'active', updated_at = \(at(200)) WHERE name = 'alpha'",
                """
                INSERT INTO serving.operations (host_id, kind, state, deadline, requested_by, created_at)
                VALUES (\(host), 'resume', 'done', now(), 'test', \(at(89)))
                """,
                "UPDATE serving.workers SET weight_ppm = 1000000, updated_at = \(at(120)) WHERE id = \(worker)",
                "UPDATE serving.workers SET weight_ppm = 500000, updated_at = \(at(129)) WHERE id = \(worker)",
                "UPDATE serving.releases SET image_digest = 'sha256:' || repeat('a', 64), updated_at = \(at(169)) WHERE name = 'tiny-1'",
                "UPDATE serving.pools SET state = 'suspended', updated_at = \(at(231)) WHERE name = 'llama'",
            ])
            try await keeper.report(start..<start + 240, good: 20, bad: 0)
            for minute in [10, 50, 90, 130, 170, 232] { try await keeper.report(start + Int64(minute), good: 0, bad: 2, gateway: 2) }
            try await keeper.turn()
            let rows = try await pool.query(
                """
                SELECT (extract(epoch FROM minute_at)::bigint / 60 - \(start)) || ' ' || cause || ' ' || coalesce(changed, '-') || ' ' || coalesce(detail, '-') AS line
                FROM reliability.budget_entry ORDER BY minute_at
                """)
            let name = try await pool.queryOne("SELECT name FROM serving.hosts WHERE id = \(host)")?.value("name", as: String.self) ?? ""
            #expect(
                try rows.map { try $0.value("line", as: String.self) } == [
                    "10 unexpected - -", "50 provider_swap provider alpha provider alpha: suspended",
                    "90 provider_swap host \(name) resume of \(name)",
                    "130 provider_swap worker \(worker.lowercased) worker main of \(name): weight 500000",
                    "170 deployment release tiny-1 release tiny-1", "232 provider_swap pool llama pool llama: suspended",
                ])
            await #expect(throws: PostgresError.self) { try await pool.execute("DELETE FROM serving.traffic_change") }
        }
    }
}
