import FoundationEssentials
import Postgres
import TestSupport
import Testing

@testable import ControlPlane

/// Who is throttled for an incident.
@Suite struct NoisyTenantTests {
    private let start = Date(timeIntervalSince1970: (Date().timeIntervalSince1970 / 60).rounded(.down) * 60)

    @Test(arguments: [false, true])
    func `a tenant that behaves unlike itself is in the timeline of what it asks for, and throttled above its limits`(above: Bool) async throws {
        try await IncidentWorld.with { world in
            let pool = world.world.pool
            let row = try await pool.queryOne(
                "INSERT INTO serving.tenants (name, display_name, tier) VALUES ('noisy', 'Noisy', 'business') RETURNING id")
            let noisy: UUID = try #require(try row?.value("id"))
            _ = try await pool.pipeline([
                """
                INSERT INTO serving.abuse_events (at, kind, tenant_id, detail)
                VALUES (\(start), 'anomaly', \(noisy), '{"signal": "tokens", "observed": 9000, "usual": 100}')
                """,
                """
                INSERT INTO serving.behaviour (tenant_id, signal, mean, variance, samples, alarmed, streak) VALUES (\(noisy), 'tokens', 1, 1, 100, TRUE, 1)
                """,
            ])
            for minute in 0..<5 { try await world.minute(start + Double(60 * minute), good: 90, errors: 10, tenant: noisy) }
            if above { try await pool.execute(#"UPDATE reliability.minute SET outcomes = outcomes || '{"excluded:quota": 3}'"#) }
            for second in stride(from: 300.0, through: 520, by: 10) { try await world.turn(start + second) }
            let told = try await world.rows(
                """
                SELECT incident.rule FROM reliability.incident_event AS event JOIN reliability.incident AS incident ON incident.id = incident_id
                WHERE event.text LIKE '%behaves unlike itself: 9000 tokens in a minute, usually 100' ORDER BY 1
                """)
            #expect(told == ["(breached_minutes)"], "\(told)")
            let throttled = try await world.rows("SELECT tenant_id, mode FROM reliability.mitigation WHERE action = 'throttle_tenant'")
            #expect(throttled == ["(\(noisy.lowercased),\(above ? "automatic" : "proposal"))"])
        }
    }
}
