import FoundationEssentials
import Postgres
import TestSupport
import Testing

@testable import ControlPlane

/// What the policy only says, and what becomes of it when it may act.
@Suite struct DryRunTests {
    private let start = Date(timeIntervalSince1970: (Date().timeIntervalSince1970 / 60).rounded(.down) * 60)

    @Test func `a dry run that ends in the middle of a trouble leaves nothing behind that keeps the policy from acting`() async throws {
        try await IncidentWorld.with { world in
            let pool = world.world.pool
            try await pool.execute("UPDATE reliability.mitigation_policy SET mode = 'dry_run'")
            for second in [0.0, 1, 2] { try await world.turn(start + second, out: ["alpha"]) }
            try await pool.execute("UPDATE reliability.mitigation_policy SET mode = 'act'")
            try await world.turn(start + 3, out: ["alpha"])
            #expect(
                try await world.rows("SELECT mode, state, end_reason FROM reliability.mitigation WHERE action = 'drain_provider' ORDER BY mode") == [
                    "(automatic,active,)", "(dry_run,reverted,\"the dry run is over\")",
                ])
            // What is in force is not told to be done once more.
            try await pool.execute("UPDATE reliability.mitigation_policy SET mode = 'dry_run'")
            try await world.turn(start + 4, out: ["alpha"])
            #expect(try await world.rows("SELECT id FROM reliability.mitigation WHERE action = 'drain_provider'").count == 2)
        }
    }
}
