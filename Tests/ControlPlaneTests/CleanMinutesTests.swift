import Domain
import FoundationEssentials
import Postgres
import TestSupport
import Testing

@testable import ControlPlane

/// When an incident is over.
@Suite struct CleanMinutesTests {
    private let start = Date(timeIntervalSince1970: (Date().timeIntervalSince1970 / 60).rounded(.down) * 60)
    private let steps: SQL = "SELECT step FROM reliability.incident WHERE rule = 'provider_health'"

    /// Its last sign is that of the second look.
    private func lose(_ world: IncidentWorld) async throws {
        for second in [0.0, 1] { try await world.turn(start + second, out: ["alpha"]) }
    }

    private func look(_ world: IncidentWorld, from first: Double, to last: Double) async throws {
        for second in stride(from: first, through: last, by: 30) { try await world.turn(start + second) }
    }

    @Test func `silence ends nothing that nobody measures, and ten clean minutes do, of which the timeline tells`() async throws {
        try await IncidentWorld.with { world in
            try await lose(world)
            try await look(world, from: 30, to: 1_500)
            #expect(try await world.rows(steps) == ["(mitigated)"])
            #expect(
                try await world.rows("SELECT DISTINCT end_reason FROM reliability.mitigation WHERE mode = 'automatic'") == [
                    "(\"its trouble is over\")"
                ])
            try await world.probed(start + 1_500, minutes: 20)
            try await look(world, from: 1_530, to: 2_100)
            #expect(try await world.rows(steps) == ["(mitigated)"])
            try await look(world, from: 2_130, to: 2_130)
            #expect(try await world.rows(steps) == ["(resolved)"])
            let told = try await world.rows("SELECT actor, text, detail ->> 'end' FROM reliability.incident_event WHERE kind = 'resolved'")
            #expect(told == ["(policy,\"10 clean minutes\",clean_minutes)"])
        }
    }

    @Test func `a minute that is not as promised begins the count anew`() async throws {
        try await IncidentWorld.with { world in
            try await world.probed(start, minutes: 40)
            try await lose(world)
            try await world.minute(start + 300, good: 97, errors: 3)
            try await look(world, from: 30, to: 930)
            #expect(try await world.rows(steps) == ["(mitigated)"])
            try await look(world, from: 960, to: 990)
            #expect(try await world.rows(steps) == ["(resolved)"])
        }
    }

    @Test func `after an outage of the control plane ten minutes are looked at, whatever was measured meanwhile`() async throws {
        try await IncidentWorld.with { world in
            try await world.probed(start, minutes: 60)
            try await lose(world)
            try await look(world, from: 30, to: 60)
            // As whoever takes over from one that is gone, or could not reach the database.
            try await look(world, from: 1_200, to: 1_230)
            #expect(try await world.rows(steps) == ["(stabilizing)"], "nobody looked for a minute yet")
            try await look(world, from: 1_260, to: 1_800)
            #expect(try await world.rows(steps) == ["(mitigated)"])
            try await look(world, from: 1_830, to: 1_830)
            #expect(try await world.rows(steps) == ["(resolved)"])
        }
    }
}
