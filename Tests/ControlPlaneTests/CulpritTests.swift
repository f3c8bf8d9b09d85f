import Domain
import FoundationEssentials
import PlimsollWire
import Postgres
import TestSupport
import Testing

@testable import ControlPlane

/// Who is at fault, by what it answered, and what is done about it.
@Suite struct CulpritTests {
    private let start = Date(timeIntervalSince1970: (Date().timeIntervalSince1970 / 60).rounded(.down) * 60)

    /// The worker of beta serves another release, which took over five minutes ago.
    private func release(_ world: IncidentWorld) async throws {
        _ = try await world.world.pool.pipeline([
            "INSERT INTO serving.releases (name, model) VALUES ('tiny-2', 'tiny')",
            "UPDATE serving.workers SET release = 'tiny-2' WHERE id = \(world.workers["beta"])",
            """
            INSERT INTO serving.routing_weights (scope, subject, weight_ppm, source, reason, actor, created_at)
            VALUES ('release', 'tiny-2', 500000, 'operator', 'a new image', 'test', \(start - 300))
            """,
        ])
    }

    private func fail(_ world: IncidentWorld, from second: Double = 0) async throws {
        try await world.minute(start + second, good: 80, errors: 20)
        try await world.turn(start + second + 10)
    }

    private let incidents: SQL = "SELECT rule FROM reliability.incident"
    private let rollBacks: SQL = "SELECT release, mode, state FROM reliability.mitigation WHERE action = 'roll_back_image'"

    @Test func `a release that fails more than the others is rolled back, in gateways' tables, and stays away when it is quiet`() async throws {
        try await IncidentWorld.with { world in
            try await release(world)
            try await world.requests(200, failed: 2, worker: world.workers["alpha"], release: "tiny-1", at: start)
            try await world.requests(60, failed: 20, worker: world.workers["beta"], release: "tiny-2", at: start)
            try await fail(world)
            #expect(try await world.rows(incidents) == ["(server_errors)"])
            #expect(try await world.rows(rollBacks) == ["(tiny-2,automatic,active)"])
            let told = try await world.rows("SELECT text FROM reliability.incident_event WHERE detail ->> 'release' = 'tiny-2'")
            #expect(told.count == 1 && told[0].contains("20 of 60 answers failed") && told[0].contains("of others 2 of 200"), "\(told)")
            let snapshot = try await world.one("SELECT snapshot::text AS one FROM reliability.incident") ?? ""
            #expect(snapshot.contains(#""suspect_release": "tiny-2""#))
            _ = try await world.world.publisher().publishNow()
            let entry = try await world.one(
                "SELECT value AS one FROM serving.routing_table_entry WHERE key LIKE 'mitigation/%' AND value LIKE '%roll_back%'")
            #expect(entry?.contains(#""release":"tiny-2""#) == true, "\(entry ?? "")")
            #expect(
                try await world.rows(
                    "SELECT extract(day FROM expires_at - created_at)::integer FROM reliability.mitigation WHERE action = 'roll_back_image'")
                    == ["(7)"], "a control plane that is away for a while brings it back nowhere")
            try await world.probed(start + 60, minutes: 40)
            for second in stride(from: 30.0, through: 2_400, by: 30) { try await world.turn(start + second) }
            #expect(try await world.rows("SELECT step FROM reliability.incident") == ["(resolved)"])
            #expect(
                try await world.one("SELECT postmortem ->> 'root_cause' AS one FROM reliability.incident")
                    == "Workers answered with errors. A release that had taken over was worse than the others.")
            #expect(try await world.rows(rollBacks) == ["(tiny-2,automatic,active)"])
            try await world.world.pool.execute("UPDATE serving.releases SET state = 'deleted', deleted_at = now() WHERE name = 'tiny-2'")
            for second in [2_430.0, 2_436] { try await world.turn(start + second) }
            #expect(try await world.rows(rollBacks) == ["(tiny-2,automatic,reverted)"])
        }
    }

    @Test func `a release that is as good as the others is left alone, and one of which too little is known is a proposal`() async throws {
        try await IncidentWorld.with { world in
            try await release(world)
            try await world.requests(200, failed: 40, worker: world.workers["alpha"], release: "tiny-1", at: start)
            try await world.requests(60, failed: 12, worker: world.workers["beta"], release: "tiny-2", at: start)
            try await fail(world)
            for second in stride(from: 15.0, through: 300, by: 15) { try await world.turn(start + second) }
            #expect(try await world.rows(incidents) == ["(server_errors)"])
            #expect(try await world.rows(rollBacks).isEmpty)
        }
        try await IncidentWorld.with { world in
            try await release(world)
            try await world.requests(200, worker: world.workers["alpha"], release: "tiny-1", at: start)
            try await world.requests(20, failed: 20, worker: world.workers["beta"], release: "tiny-2", at: start)
            for minute in 0..<4 { try await world.minute(start + Double(60 * minute), good: 80, errors: minute == 3 ? 80 : 0) }
            for second in stride(from: 190.0, through: 400, by: 10) { try await world.turn(start + second) }
            #expect(try await world.rows(rollBacks) == ["(tiny-2,proposal,proposed)"])
        }
    }

    @Test func `a release is held against what others answer in its regions, and only while it has a share`() async throws {
        try await IncidentWorld.with { world in
            try await release(world)
            try await world.requests(100, failed: 40, worker: world.workers["alpha"], release: "tiny-1", at: start)
            try await world.requests(60, failed: 24, worker: world.workers["beta"], release: "tiny-2", at: start)
            try await world.requests(3_000, worker: UUID(), release: "tiny-1", at: start, region: "us")
            let pool = world.world.pool
            func found() async throws -> CulpritReader.Finding? {
                try await CulpritReader(serving: pool, billing: pool, reliability: pool, now: start).read(["tiny"])["tiny"]?.release
            }
            #expect(try await found()?.verdict == .alike, "everybody fails in its region")
            try await pool.execute("UPDATE billing.answer_count SET failed = 0 WHERE release = 'tiny-1'")
            #expect(try await found()?.verdict == .worse)
            try await pool.execute(
                """
                INSERT INTO serving.routing_weights (scope, subject, weight_ppm, source, reason, actor, created_at)
                VALUES ('release', 'tiny-2', 0, 'operator', 'back again', 'test', \(start - 10))
                """)
            #expect(try await found() == nil, "somebody rolled it back")
        }
    }

    @Test func `one worker that fails while the others do not is drained; where two do, none is`() async throws {
        try await IncidentWorld.with { world in
            try await world.requests(100, failed: 1, worker: world.workers["alpha"], release: "tiny-1", at: start)
            try await world.requests(60, failed: 30, worker: world.workers["beta"], release: "tiny-1", at: start)
            try await fail(world)
            let drained = try await world.rows("SELECT worker_id FROM reliability.mitigation WHERE action = 'drain_worker' AND mode = 'automatic'")
            #expect(drained == ["(\(world.workers["beta"]?.lowercased ?? "?"))"])
        }
        try await IncidentWorld.with { world in
            for name in ["alpha", "beta"] { try await world.requests(60, failed: 30, worker: world.workers[name], release: "tiny-1", at: start) }
            try await fail(world)
            #expect(try await world.rows("SELECT worker_id FROM reliability.mitigation WHERE action = 'drain_worker'").isEmpty)
        }
    }

    @Test func `probes of workers are answers, too`() async throws {
        try await IncidentWorld.with { world in
            for (name, isWell) in [("alpha", true), ("beta", false)] {
                try await world.world.pool.execute(
                    """
                    INSERT INTO reliability.probe (id, at, kind, worker_id, provider, model, region, succeeded, fault, status)
                    SELECT gen_random_uuid(), \(start)::timestamptz - make_interval(secs => place * 10), 'worker', \(world.workers[name]), \(name), 'tiny', 'eu',
                        \(isWell), CASE WHEN NOT \(isWell) THEN 'answer' END, 200 FROM generate_series(1, 40) AS place
                    """)
            }
            let pool = world.world.pool
            let found = try await CulpritReader(serving: pool, billing: pool, reliability: pool, now: start).read(["tiny"])
            #expect(found["tiny"]?.workers["eu"]?.name == world.workers["beta"]?.lowercased)
            #expect(found["tiny"]?.release == nil)
        }
    }

    /// Two first tokens a second, of answers that have not ended; all are late from second 70 to 150. Then the keeper looks.
    private func tell(_ world: IncidentWorld, _ second: Int) async throws {
        let recent = max(0, second - 29)...second
        let told = FirstTokenCount(
            tier: "business", model: "tiny", region: "eu", samples: Int64(recent.count) * 2, over: Int64(recent.count { (70..<150).contains($0) }) * 2
        )
        let batch = MinuteBatch(gateway: "", boot: "b", sequence: Int64(second), minutes: [], closes: false, firstTokens: [told])
        _ = try await MinuteIntake(pool: world.world.pool).store(batch, from: world.gateway)
        try await world.turn(start + Double(second))
    }

    @Test func `first tokens that become far too late are an incident with something done within a minute, once`() async throws {
        try await IncidentWorld.with { world in
            for second in stride(from: 4, to: 240, by: 5) { try await tell(world, second) }
            let opened = try await world.rows(
                """
                SELECT rule, severity, tier, opened_at - \(start + 70)::timestamptz < interval '60 seconds', occurrences FROM reliability.incident
                WHERE rule = 'first_token_late'
                """)
            #expect(opened == ["(first_token_late,page,business,t,1)"])
            let first = try await world.rows(
                """
                SELECT min(created_at) - \(start + 70)::timestamptz < interval '60 seconds' FROM reliability.mitigation WHERE mode = 'automatic'
                """)
            #expect(first == ["(t)"])
            let steps = try await world.rows("SELECT text FROM reliability.incident_event WHERE kind = 'step' ORDER BY id")
            #expect(steps == ["(stabilizing)"] || steps == ["(stabilizing)", "(mitigated)"], "\(steps)")
        }
    }

    @Test func `what a drill slows down is an incident of the drill`() async throws {
        try await IncidentWorld.with { world in
            try await world.world.pool.execute(
                """
                INSERT INTO reliability.drill (kind, region, regions, models, delay_milliseconds, compression, reason, requested_by, started_at, until_at)
                VALUES ('slow-region', 'eu', '{eu}', '{tiny}', 3000, 1, 'test of it', 'test', \(start + 60), \(start + 300))
                """)
            for second in stride(from: 4, to: 120, by: 5) { try await tell(world, second) }
            #expect(try await world.rows("SELECT rule, drill FROM reliability.incident") == ["(first_token_late,t)"])
        }
    }
}
