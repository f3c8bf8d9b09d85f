import FoundationEssentials
import Postgres
import TestSupport
import Testing

@testable import ControlPlane

/// Operators who do something about the same trouble at the same time.
@Suite struct MitigationRaceTests {
    private static let workers = ["00000000-0000-4000-8000-000000000002", "00000000-0000-4000-8000-000000000004"]

    /// A model with two workers, on a host each.
    private func prepare(_ admin: AdminFixture) async throws {
        _ = try await admin.post("tiers", AdminFixture.tier("hobby").replacing("warm_regional", with: "shared"))
        for statement in AdminFixture.tinyModel + [
            """
            INSERT INTO serving.hosts (id, name, pool, region, boot_id, last_heartbeat_at)
            VALUES ('00000000-0000-4000-8000-000000000001', 'one', 'llama', 'eu', 'b', now()),
                ('00000000-0000-4000-8000-000000000003', 'two', 'llama', 'eu', 'b', now())
            """,
            """
            INSERT INTO serving.workers (id, host_id, runtime, release, dialect, runtime_state, slots, context_tokens, accepted)
            SELECT replace(replace(id::text, '000003', '000004'), '000001', '000002')::uuid, id, 'main', 'tiny-1', 'vllm', 'ready', 4, 2048, TRUE
            FROM serving.hosts
            """,
        ] as [SQL] { _ = try await admin.row(statement) }
    }

    private func code(_ answer: JSONClient.Answer) -> String { "\(answer.status) \(answer.json["error"]["code"].string ?? "")" }

    /// What the answers are to requests that are sent together, sorted.
    private func together(_ admin: AdminFixture, _ bodies: [String]) async throws -> [String] {
        try await withThrowingTaskGroup(of: String.self) { group in
            for body in bodies { group.addTask { code(try await admin.post("mitigations", body)) } }
            return try await group.reduce(into: []) { $0.append($1) }.sorted()
        }
    }

    @Test func `the same action that several run at once is in force once`() async throws {
        try await AdminFixture.run { admin in
            try await prepare(admin)
            let cap = #"{"action": "cap_output", "tier": "hobby", "model": "tiny", "region": "eu", "value": 128, "reason": "the region is short"}"#
            let wanted = ["201 "] + [String](repeating: "409 in_force", count: 3)
            #expect(try await together(admin, [String](repeating: cap, count: 4)) == wanted)
            let row = try await admin.row("SELECT count(*) AS count FROM reliability.mitigation WHERE state = 'active'")
            #expect(try row?.value("count", as: Int.self) == 1)
        }
    }

    @Test func `of the last two workers one is drained, however close together both are asked for`() async throws {
        try await AdminFixture.run { admin in
            try await prepare(admin)
            let drains = Self.workers.map { #"{"action": "drain_worker", "worker": "\#($0)", "reason": "it seems slow"}"# }
            #expect(try await together(admin, drains) == ["201 ", "409 last_left"])
        }
    }

    @Test func `the database holds nothing twice in force, and dry runs beside it`() async throws {
        try await AdminFixture.run { admin in
            let insert = { (mode: String) -> SQL in
                """
                INSERT INTO reliability.mitigation (action, provider, cause, mode, state, requested_by, created_at, expires_at)
                VALUES ('drain_provider', 'alpha', 'slow', \(mode), 'active', 'test', now(), now() + interval '1 hour')
                """
            }
            _ = try await admin.row(insert("manual"))
            for _ in 0..<2 { _ = try await admin.row(insert("dry_run")) }
            let error = await #expect(throws: PostgresError.self) { _ = try await admin.row(insert("automatic")) }
            #expect(error?.constraint == "mitigation_in_force")
        }
    }

    @Test func `the policy waits for its turn before it holds an incident, which who decides by hand holds afterwards`() async throws {
        let start = Date(timeIntervalSince1970: (Date().timeIntervalSince1970 / 60).rounded(.down) * 60)
        try await IncidentWorld.with { world in
            let pool = world.world.pool
            for second in [0.0, 1] { try await world.turn(start + second, out: ["alpha"]) }
            try await withThrowingTaskGroup(of: Void.self) { group in
                try await pool.transaction { connection in
                    try await MitigationDesk(connection: connection, now: start).takeTurn()
                    group.addTask { try await world.turn(start + 2, out: ["alpha"]) }
                    // Not by this connection: a transaction sees of that what it saw at first.
                    let waiting: SQL = "SELECT 1 AS one FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
                    try await Waiting.until("the policy waits", within: .seconds(30)) { try await world.world.count(waiting) == 1 }
                    let held = try await connection.query("SELECT id FROM reliability.incident FOR KEY SHARE NOWAIT")
                    #expect(!held.isEmpty)
                }
                try await group.waitForAll()
            }
        }
    }
}
