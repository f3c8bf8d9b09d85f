import FoundationEssentials
import Postgres
import TestSupport
import Testing

@testable import ControlPlane

/// What ends by itself.
@Suite struct MitigationEndTests {
    private let start = Date(timeIntervalSince1970: (Date().timeIntervalSince1970 / 60).rounded(.down) * 60)

    @Test(arguments: [("done", "its worker has started again"), ("failed", "it could not be carried out")])
    func `a restart by hand keeps its worker drained until that has started again or cannot, and no longer unless it is pinned`(
        outcome: String, reason: String
    ) async throws {
        try await IncidentWorld.with { world in
            let (pool, alpha, operation) = (world.world.pool, world.workers["alpha"], UUID())
            _ = try await pool.pipeline([
                """
                INSERT INTO serving.operations (id, host_id, worker_id, kind, state, deadline, requested_by)
                VALUES (\(operation), (SELECT host_id FROM serving.workers WHERE id = \(alpha)), \(alpha), 'restart', 'running', \(start + 900), 'test')
                """,
                """
                INSERT INTO reliability.mitigation (action, worker_id, cause, mode, state, requested_by, created_at, expires_at, operation_id,
                    pinned, pinned_until)
                VALUES ('restart_worker', \(alpha), 'by hand', 'manual', 'active', 'test', \(start), \(start + 3_600), \(operation),
                    TRUE, \(start + 18))
                """,
            ])
            func found() async throws -> [String] { try await world.rows("SELECT state, end_reason FROM reliability.mitigation") }
            try await world.turn(start + 5)
            #expect(try await found() == ["(active,)"])
            try await pool.execute("UPDATE serving.operations SET state = \(outcome)")
            try await world.turn(start + 12)
            #expect(try await found() == ["(active,)"], "it is pinned")
            try await world.turn(start + 20)
            #expect(try await found() == ["(reverted,\"\(reason)\")"])
        }
    }

    @Test func `what ran out while nobody looked ended then, and is done again at once`() async throws {
        try await IncidentWorld.with { world in
            for second in [0.0, 1] { try await world.turn(start + second, out: ["alpha"]) }
            try await world.turn(start + 7_200, out: ["alpha"])
            let found = try await world.rows(
                """
                SELECT state, extract(epoch FROM coalesce(ended_at, created_at) - \(start)::timestamptz)::integer FROM reliability.mitigation
                WHERE action = 'drain_provider' ORDER BY created_at
                """)
            #expect(found == ["(expired,3601)", "(active,7200)"])
        }
    }
}
