import FoundationEssentials
import Postgres
import Testing

@testable import ControlPlane

/// A region is lost, and everything that is sold there at once.
@Suite struct ManyIncidentsTests {
    private let start = Date(timeIntervalSince1970: (Date().timeIntervalSince1970 / 60).rounded(.down) * 60)

    @Test func `many incidents at once are all open after one look, and their snapshots are made in the next ones`() async throws {
        try await IncidentWorld.with { world in
            for tier in 0..<12 {
                for minute in 1...6 { try await world.minute(start - Double(minute) * 60, good: 40, errors: 20, tier: "t\(tier)") }
            }
            func bare() async throws -> String? {
                try await world.one("SELECT count(*) FILTER (WHERE snapshot = '{}')::text AS one FROM reliability.incident")
            }
            try await world.turn(start)
            let opened = try #require(try await world.one("SELECT count(*)::text AS one FROM reliability.incident").flatMap(Int.init))
            #expect(opened >= 12)
            #expect(try await bare() == "\(opened - IncidentKeeper.snapshotsAtOnce)")
            for second in 1...((opened - 1) / IncidentKeeper.snapshotsAtOnce) { try await world.turn(start + Double(second)) }
            #expect(try await bare() == "0")
            #expect(try await world.one("SELECT count(*)::text AS one FROM reliability.incident") == "\(opened)")
        }
    }
}
