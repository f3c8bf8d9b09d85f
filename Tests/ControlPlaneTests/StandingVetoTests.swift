import FoundationEssentials
import Postgres
import TestSupport
import Testing

@testable import ControlPlane

/// What becomes of a trouble of which somebody does not want a step.
@Suite struct StandingVetoTests {
    private let start = Date(timeIntervalSince1970: (Date().timeIntervalSince1970 / 60).rounded(.down) * 60)
    private let drains: SQL = "SELECT state, end_reason FROM reliability.mitigation WHERE action = 'drain_provider' ORDER BY created_at"

    @Test func `a provider that must not be drained is not, the timeline says so once, and what was done before is taken back`() async throws {
        try await IncidentWorld.with { world in
            for second in [0.0, 1, 2] { try await world.turn(start + second, out: ["alpha"]) }
            #expect(try await world.rows(drains) == ["(active,)"])
            try await world.world.pool.execute(
                """
                INSERT INTO reliability.mitigation_veto (action, provider, reason, requested_by, created_at, expires_at)
                VALUES ('drain_provider', 'alpha', 'they move racks', 'token:a', \(start), \(start + 1_800))
                """)
            for second in [3.0, 4, 400, 401] { try await world.turn(start + second, out: ["alpha"]) }
            #expect(try await world.rows(drains) == ["(reverted,\"a person does not want it\")"])
            let told = try await world.rows("SELECT text FROM reliability.incident_event WHERE detail ->> 'withheld' IS NOT NULL")
            #expect(told == ["(\"not done, because a person does not want it: drain provider, region eu, provider alpha\")"])
            try await world.world.pool.execute("UPDATE reliability.mitigation_veto SET withdrawn_at = now(), withdrawn_by = 'token:a'")
            try await world.turn(start + 402, out: ["alpha"])
            #expect(try await world.rows(drains).last == "(active,)")
        }
    }
}
