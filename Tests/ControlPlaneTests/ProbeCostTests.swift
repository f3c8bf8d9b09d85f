import Postgres
import TestSupport
import Testing

@testable import ControlPlane

@Suite struct ProbeCostTests {
    @Test func `probes cost a worker's place for the time that they held it, where its hosts have a price`() async throws {
        try await AdminFixture.run { admin in
            for statement in Self.statements { _ = try await admin.row(statement) }
            let rows = try await admin.get("probe-costs?order=asc").json["data"].elements
            #expect(rows.map { $0["source"].string } == ["outside", "worker", "worker"])
            // One of four places, at 3.60 US dollars an hour, for four seconds.
            #expect(rows.map { $0["cost_micro_usd"] } == [.number(1_000), .number(1_000), .null])
            #expect(rows[0]["provider"] == .null && rows[0]["completion_tokens"] == .number(256) && rows[0]["held_seconds"] == .number(4))
            #expect(try await admin.get("probe-costs?source=outside").json["data"].elements.count == 1)
            #expect(try await admin.get("probe-costs?since=2027-01-16T00:00:00Z").json["data"].elements.isEmpty)
            let before = try await admin.get("probe-costs?until=2027-01-15T00:00:00Z").json
            #expect(before["data"].elements.isEmpty && before["measured_from"].string == "2027-01-15")
        }
    }

    @Test func `where no probe was counted yet no day is said to be measured`() async throws {
        try await AdminFixture.run { admin in
            let answer = try await admin.get("probe-costs")
            #expect(answer.status == 200 && answer.json["measured_from"] == .null, "\(answer.text)")
        }
    }

    private static let statements: [SQL] = [
        "INSERT INTO serving.models (name, display_name, context_tokens) VALUES ('tiny', 'Tiny', 2048)",
        "INSERT INTO serving.releases (name, model) VALUES ('tiny-1', 'tiny')",
        "INSERT INTO serving.providers (name, display_name, kind) VALUES ('alpha', 'A', 'independent'), ('beta', 'B', 'independent')",
        """
        INSERT INTO serving.pools (name, provider, region, hour_price_micro_usd) VALUES ('alpha-eu', 'alpha', 'eu', 3600000), ('beta-eu', 'beta', 'eu', NULL)
        """,
        """
        WITH host AS (INSERT INTO serving.hosts (id, name, pool, region, boot_id, last_heartbeat_at)
            SELECT gen_random_uuid(), 'h-' || name, name, 'eu', 'b', now() FROM serving.pools RETURNING id)
        INSERT INTO serving.workers (host_id, runtime, release, dialect, runtime_state, slots, context_tokens, accepted)
        SELECT id, 'main', 'tiny-1', 'vllm', 'ready', 4, 2048, true FROM host
        """,
        """
        INSERT INTO reliability.probe_cost VALUES ('2027-01-15', 'outside', '', 'tiny', 'eu', 1, 12, 256, 4000000),
            ('2027-01-15', 'worker', 'alpha', 'tiny', 'eu', 2, 6, 2, 4000000), ('2027-01-15', 'worker', 'beta', 'tiny', 'eu', 2, 6, 2, 4000000)
        """,
    ]
}
