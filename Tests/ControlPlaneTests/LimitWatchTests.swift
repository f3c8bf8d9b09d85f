import FoundationEssentials
import Postgres
import TestSupport
import Testing

@testable import ControlPlane

@Suite struct LimitWatchTests {
    private let start = Date(timeIntervalSince1970: (Date().timeIntervalSince1970 / 60).rounded(.down) * 60)

    @Test(arguments: [("pool", "beta-eu"), ("provider", "beta")])
    func `who stands by, or has no share, is no room for a greater limit of a tenant`(scope: String, subject: String) async throws {
        try await IncidentWorld.with { world in
            let (pool, tenant, now) = (world.world.pool, UUID(), start + 361)
            try await pool.execute("INSERT INTO serving.tenants (id, name, display_name, tier) VALUES (\(tenant), 'acme', 'Acme', 'business')")
            for minute in 0..<6 { try await world.minute(start + Double(60 * minute), good: 50, tenant: tenant) }
            _ = try await pool.pipeline([
                "UPDATE reliability.minute SET rate_limited = 10", "UPDATE serving.hosts SET last_heartbeat_at = \(now)",
                "UPDATE serving.workers SET load = '{\"running\": 3}' WHERE id = \(world.workers["alpha"])",
                "UPDATE serving.workers SET load = '{\"running\": 0}' WHERE id = \(world.workers["beta"])",
            ])
            func found() async throws -> [UUID] { try await LimitWatch(serving: pool, reliability: pool, now: now).findings().map(\.tenant) }
            #expect(try await found() == [tenant])
            try await pool.execute(
                """
                INSERT INTO serving.routing_weights (scope, subject, weight_ppm, source, reason, actor)
                VALUES (\(scope), \(subject), 0, 'operator', 'stands by', 'test')
                """)
            #expect(try await found().isEmpty, "three of the four places that are left are taken")
        }
    }
}
