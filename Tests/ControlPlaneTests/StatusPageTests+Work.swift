import Domain
import FoundationEssentials
import PlimsollWire
import Postgres
import Testing

@testable import ControlPlane

/// Announced work beside what is measured.
extension StatusPageTests {
    private func announce(_ world: PeerWorld, _ first: Int64, _ end: Int64, hoursAhead: Int64) async throws {
        try await world.pool.execute(
            """
            INSERT INTO reliability.maintenance_window (region, title, reason, starts_at, ends_at, announced_at, announced_by)
            VALUES ('eu', 'Upgrade', 'new runtime', \(SQL.minute(first)), \(SQL.minute(end)),
                \(SQL.minute(first)) - make_interval(hours => \(Int(hoursAhead))), 'test')
            """)
    }

    private func state(_ maker: StatusMaker) async throws -> ComponentStatus {
        let snapshot = try await maker.make(at: Self.now)
        #expect(snapshot.maintenances.map(\.status) == [.inProgress])
        return snapshot.components[0].status
    }

    @Test func `work that was announced too late hides no outage, and nothing that is unmeasured`() async throws {
        try await withMaker { world, maker in
            try await announce(world, Self.until - 30, Self.until + 30, hoursAhead: 1)
            #expect(try await state(maker) == .unmeasured)
            try await traffic(world, 1..<6, good: 10, bad: 10)
            #expect(try await state(maker) == .majorOutage)
            try await world.pool.execute("UPDATE reliability.service_minute SET good = 20, bad = 0")
            #expect(try await state(maker) == .underMaintenance)
        }
    }

    @Test func `accepted work is told for what fails in it, and for nothing that failed before it`() async throws {
        try await withMaker { world, maker in
            try await announce(world, Self.until - 5, Self.until + 30, hoursAhead: 72)
            #expect(try await state(maker) == .underMaintenance, "nobody asks while the service is away")
            try await traffic(world, 1..<40, good: 10, bad: 10)
            #expect(try await state(maker) == .underMaintenance)
            // One of the work itself is none beside it, and one that was there before is.
            _ = try await incident(world, impactMinutes: 4)
            try await world.pool.execute(
                "UPDATE reliability.incident SET impact_from = \(Self.now)::timestamptz - interval '4 minutes', last_signal_at = \(Self.now + 3_600)")
            #expect(try await maker.make(at: Self.now + 360).incidents.count == 1)
            #expect(try await state(maker) == .underMaintenance)
            _ = try await incident(world, impactMinutes: 30, rule: "server_errors", tier: "hobby")
            #expect(try await state(maker) == .degradedPerformance)
        }
        try await withMaker { world, maker in
            try await announce(world, Self.until - 2, Self.until + 30, hoursAhead: 72)
            try await traffic(world, 1..<40, good: 10, bad: 10)
            #expect(try await state(maker) == .majorOutage, "three minutes before the work failed")
        }
    }

    @Test func `an outage that is felt in short spells publishes itself when they add up to ten minutes`() async throws {
        try await withMaker { world, maker in
            let id = try await incident(world, impactMinutes: 60, rule: "provider_health")
            func felt(_ spells: [(from: Int, minutes: Int)]) async throws -> Int {
                let (from, minutes) = (spells.map(\.from), spells.map(\.minutes))
                try await world.pool.execute(
                    """
                    UPDATE reliability.incident SET felt = (SELECT range_agg(tstzrange(\(Self.now)::timestamptz - make_interval(mins => ago),
                        \(Self.now)::timestamptz - make_interval(mins => ago - length))) FROM unnest(\(from)::int[], \(minutes)::int[]) AS spell (ago, length))
                    WHERE id = \(id)
                    """)
                return try await maker.make(at: Self.now).incidents.count
            }
            #expect(try await felt([(60, 4), (40, 5)]) == 0)
            #expect(try await felt([(60, 4), (40, 5), (20, 1)]) == 1)
        }
    }

    @Test func `work that was announced too late, or that is more than contracts leave out, counts like any other time`() async throws {
        try await withMaker { world, maker in
            let begins = Self.until - 400
            try await traffic(world, 1..<401, good: 1, bad: 1)
            let excluded = { (snapshot: StatusSnapshot) in snapshot.components[0].days.reduce(0) { $0 + $1.excluded } }
            try await announce(world, begins, begins + 50, hoursAhead: 1)
            #expect(excluded(try await maker.make(at: Self.now)) == 0, "an hour ahead hides nothing")
            try await announce(world, begins + 50, begins + 100, hoursAhead: 72)
            let told = try await maker.make(at: Self.now)
            #expect(excluded(told) == 50 && told.components[0].days.reduce(0) { $0 + $1.bad } == 350)
        }
    }
}
