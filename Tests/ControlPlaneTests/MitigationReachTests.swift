import Domain
import FoundationEssentials
import Postgres
import TestSupport
import Testing

@testable import ControlPlane

/// When something that was decided helps, and what it costs.
@Suite struct MitigationReachTests {
    private let start = Date(timeIntervalSince1970: (Date().timeIntervalSince1970 / 60).rounded(.down) * 60)

    private func asks(_ world: IncidentWorld, _ gateway: UUID, _ version: Int64, at now: Date) async throws {
        try await world.world.pool.execute("UPDATE serving.gateways SET table_version = \(version), last_seen_at = \(now) WHERE id = \(gateway)")
    }

    @Test func `a mitigation is in force when the last connected gateway has its table, and the timeline says where it is`() async throws {
        try await IncidentWorld.with { world in
            let (pool, other, gone) = (world.world.pool, UUID(), UUID())
            for (id, name) in [(other, "gw-2"), (gone, "gw-3")] {
                try await pool.execute("INSERT INTO serving.gateways (id, name, region, boot_id) VALUES (\(id), \(name), 'us', 'b')")
            }
            try await asks(world, gone, 0, at: start - 60)
            for second in [0.0, 1] { try await world.turn(start + second, out: ["alpha"]) }
            let version = try #require(try await world.world.publisher().publishNow())
            try await asks(world, world.gateway, version, at: start + 2)
            try await asks(world, other, version - 1, at: start + 2)
            for second in [2.0, 3, 7, 8] { try await world.turn(start + second, out: ["alpha"]) }
            let reach: SQL = """
                SELECT table_version = \(version), connected, reached, late_at = \(start + 7)::timestamptz, in_force_at FROM reliability.mitigation_reach
                """
            #expect(try await world.rows(reach) == ["(t,2,1,t,)"])
            try await asks(world, other, version + 3, at: start + 9)
            for second in [9.0, 12] { try await world.turn(start + second, out: ["alpha"]) }
            #expect(
                try await world.rows("SELECT extract(epoch FROM in_force_at - \(start)::timestamptz)::integer FROM reliability.mitigation_reach") == [
                    "(9)"
                ])
            let told = try await world.rows(
                "SELECT text FROM reliability.incident_event WHERE kind = 'mitigation' ORDER BY id"
            ).map { $0.filter { !"()\"".contains($0) } }
            #expect(
                told == [
                    "decided: drain provider, region eu, provider alpha; costs nothing",
                    "after 5 s in force only at 1 of 2 gateways: drain provider, region eu, provider alpha",
                    "in force at 2 of 2 gateways: drain provider, region eu, provider alpha",
                ])
            let draft = try await PostmortemDraft(reliability: pool).make(
                try #require(UUID(uuidString: try await world.one("SELECT id::text AS one FROM reliability.incident") ?? "")), until: start + 20)
            #expect(draft.document.contains("\"seconds_to_mitigate\":8"), "\(draft.document)")
        }
    }

    @Test func `what is taken from customers is counted on what they asked for`() async throws {
        try await IncidentWorld.with { world in
            let (pool, tenant) = (world.world.pool, UUID())
            _ = try await pool.pipeline([
                "INSERT INTO serving.tenants (id, name, display_name, tier) VALUES (\(tenant), 'acme', 'Acme', 'pro')",
                """
                INSERT INTO billing.usage_event (tenant_id, request_id, accepted_at, key_id, tier, model, region, gateway_id, boot_id, sequence, stream, status,
                    outcome, finished_after_us, queued_for_us, prompt_tokens, cached_prompt_tokens, completion_tokens, reasoning_tokens,
                    billable_prompt_tokens, billable_completion_tokens, estimated, attempts, batch_deadline_us, payload_sha256)
                SELECT \(tenant), gen_random_uuid(), \(start)::timestamptz - make_interval(secs => place), gen_random_uuid(), 'pro', 'tiny', 'eu',
                    gen_random_uuid(), 'b', place, TRUE, 200, 'good', 1, 0, place * 100, 0, 206 + place, 0, 0, 0, FALSE, 1,
                    CASE WHEN place % 10 = 0 THEN 1000 END, sha256(''::bytea)
                FROM generate_series(1, 100) AS place
                """,
            ])
            let demand = try await DemandReader(serving: pool, billing: pool, reliability: pool, now: start).read()
            let service = try #require(demand.services.first)
            #expect((service.tier, service.requests, service.batchRequests, service.longPrompts) == ("pro", 1_200, 120, 960))
            // 51 answers of 257 to 306 tokens within five minutes.
            #expect(service.tokensAboveCap == 12 * (1...50).reduce(0, +))
            let known = try #require(demand.tenants[tenant.lowercased])
            #expect((known.requests, known.allowedRequests, known.allowedTokens) == (1_200, 6_000, 6_000_000))

            for minute in 0..<5 { try await world.minute(start + Double(60 * minute) - 300, good: 90, errors: 10) }
            for second in stride(from: 10.0, through: 100, by: 10) { try await world.turn(start + second) }
            let costs = try await world.rows(
                """
                SELECT cost_micro_usd_per_hour, shortened_tokens_per_hour > 0, refused_requests_per_hour FROM reliability.mitigation
                WHERE action = 'cap_output' AND mode = 'automatic'
                """)
            #expect(costs == ["(0,t,0)"])
            let told = try await world.rows("SELECT text FROM reliability.incident_event WHERE text LIKE 'decided: cap output%'").first ?? ""
            #expect(told.contains("tokens not written an hour"), "\(told)")
        }
    }
}
