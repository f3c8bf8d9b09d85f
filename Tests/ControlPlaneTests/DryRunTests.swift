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

    @Test func `a dry run takes nothing back that is in force, and says once what it would take back`() async throws {
        try await IncidentWorld.with { world in
            let pool = world.world.pool
            for second in [0.0, 1, 2] { try await world.turn(start + second, out: ["alpha"]) }
            try await pool.execute("UPDATE reliability.mitigation_policy SET mode = 'dry_run', updated_at = \(start + 2)")
            let stood = try await world.rows("SELECT state, expires_at FROM reliability.mitigation WHERE action = 'drain_provider'")
            // Long enough for it to be well again; and then it is not.
            for second in stride(from: 20.0, to: 960, by: 20) { try await world.turn(start + second) }
            #expect(try await world.rows("SELECT state, expires_at FROM reliability.mitigation WHERE action = 'drain_provider'") == stood)
            #expect(
                try await world.rows("SELECT text FROM reliability.incident_event WHERE text LIKE 'would take back%'") == [
                    "(\"would take back: drain provider, region eu, provider alpha: its trouble is over\")"
                ])
            for second in stride(from: 1_300.0, to: 1_360, by: 20) { try await world.turn(start + second, out: ["alpha"]) }
            #expect(
                try await world.rows("SELECT mode, state FROM reliability.mitigation WHERE action = 'drain_provider' ORDER BY mode") == [
                    "(automatic,active)", "(dry_run,active)",
                ])
            // It may act again: what is in force is what it takes back.
            try await pool.execute("UPDATE reliability.mitigation_policy SET mode = 'act', updated_at = \(start + 1_360)")
            for second in stride(from: 1_380.0, to: 2_400, by: 20) { try await world.turn(start + second) }
            #expect(
                try await world.rows("SELECT mode, state FROM reliability.mitigation WHERE action = 'drain_provider' ORDER BY mode") == [
                    "(automatic,reverted)", "(dry_run,reverted)",
                ])
        }
    }
}
