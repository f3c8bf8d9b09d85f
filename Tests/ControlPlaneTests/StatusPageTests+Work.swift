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

    @Test func `work that was announced too late hides no outage, and is told where nothing is measured`() async throws {
        try await withMaker { world, maker in
            try await announce(world, Self.until - 30, Self.until + 30, hoursAhead: 1)
            #expect(try await state(maker) == .underMaintenance)
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

    /// Of all posts, by hand.
    private func write(_ world: PeerWorld, incident: String = "", maintenance: String) async throws {
        try await world.pool.execute(
            """
            INSERT INTO reliability.status_update (post_id, status, body, actor)
            SELECT id, CASE kind WHEN 'incident' THEN \(incident) ELSE \(maintenance) END, 'Told by hand.', 'token:1' FROM reliability.status_post
            """)
    }

    @Test func `what was told as over and goes on is open, and over when it is told so again`() async throws {
        try await withMaker { world, maker in
            try await world.pool.execute(
                """
                INSERT INTO reliability.status_post (kind, title, impact, models, regions, began_at, ends_at, published_at, created_by)
                SELECT kind, 'By hand', 'minor', '{tiny}', '{eu}', now() - interval '1 hour',
                    CASE kind WHEN 'maintenance' THEN now() + interval '1 hour' END, now(), 'test'
                FROM unnest(ARRAY['incident', 'maintenance']) AS kind
                """)
            try await write(world, incident: "resolved", maintenance: "completed")
            let over = try await maker.make(at: Self.now)
            let (ended, done) = (try #require(over.incidents[0].resolvedAt), try #require(over.maintenances[0].completedAt))
            try await write(world, incident: "investigating", maintenance: "in_progress")
            let open = try await maker.make(at: Self.now)
            #expect(open.incidents[0].isOpen && open.incidents[0].resolvedAt == nil, "\(open.incidents)")
            #expect(open.maintenances[0].isActive && open.maintenances[0].completedAt == nil, "\(open.maintenances)")
            try await write(world, incident: "resolved", maintenance: "completed")
            let again = try await maker.make(at: Self.now)
            let (endedAgain, doneAgain) = (try #require(again.incidents[0].resolvedAt), try #require(again.maintenances[0].completedAt))
            #expect(endedAgain > ended && doneAgain > done)
            try await write(world, incident: "postmortem", maintenance: "completed")
            #expect(try await maker.make(at: Self.now).incidents[0].resolvedAt == endedAgain, "it was over before it was written up")
        }
    }

    @Test func `work that a person told as done before its time is not told as begun`() async throws {
        try await withMaker { world, maker in
            try await announce(world, Self.until + 30, Self.until + 60, hoursAhead: 72)
            #expect(try await maker.make(at: Self.now).maintenances.map(\.status) == [.scheduled])
            try await write(world, maintenance: "completed")
            for later in [2_700.0, 7_200] {
                let work = try #require(try await maker.make(at: Self.now + later).maintenances.first)
                #expect(work.updates.map(\.status) == [.completed, .scheduled], "\(work)")
            }
        }
    }

    @Test func `what was open for months is told as over, and stays on the page for a while`() async throws {
        try await withMaker { world, maker in
            let id = try await incident(world, impactMinutes: 30)
            #expect(try await maker.make(at: Self.now).incidents.map(\.status) == [.investigating])
            let end = Self.now + 100 * 86_400
            try await world.pool.execute(
                "UPDATE reliability.incident SET step = 'resolved', resolved_at = \(end), impact_until = \(Self.now) WHERE id = \(id)")
            #expect(try await maker.make(at: end + 60).incidents.map(\.status) == [.resolved])
            try await world.pool.execute(
                """
                WITH post AS (INSERT INTO reliability.status_post (kind, title, impact, models, regions, began_at, published_at, created_by)
                    VALUES ('incident', 'Long', 'minor', '{tiny}', '{eu}', now() - interval '100 days', now() - interval '100 days', 'test') RETURNING id)
                INSERT INTO reliability.status_update (post_id, status, body, actor) SELECT id, 'resolved', 'Over.', 'test' FROM post
                """)
            #expect(try await maker.make(at: Self.now).incidents.map(\.title) == ["Disruption of tiny in eu", "Long"])
        }
    }

    @Test func `what nothing sells or serves any more stays on the page while customers ask for it`() async throws {
        try await withMaker { world, maker in
            try await traffic(world, 1..<6, good: 10, bad: 10)
            #expect(try await maker.make(at: Self.now).components.map(\.region) == ["eu", "us"])
            try await world.pool.execute("UPDATE serving.skus SET state = 'retired'")
            for _ in 0..<2 {
                let left = try await maker.make(at: Self.now).components
                #expect(left.map { "\($0.region) \($0.status.rawValue)" } == ["eu major_outage"], "nobody asked for the other one")
            }
            #expect(try await maker.make(at: Self.now + 90_000).components.isEmpty)
        }
    }
}
