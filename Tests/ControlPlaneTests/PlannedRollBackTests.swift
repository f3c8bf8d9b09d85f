import Postgres
import TestSupport
import Testing

/// What the plan says of a breach that a new release has caused.
@Suite struct PlannedRollBackTests {
    @Test func `a release that took over lately and fails more than the others is rolled back in the plan, whatever the policy's mode`() async throws
    {
        try await AdminFixture.run { admin in
            try await release(admin)
            try await answers(admin, 200, failed: 2, release: "tiny-1")
            try await answers(admin, 60, failed: 20, release: "tiny-2")
            for mode in ["act", "dry_run", "off"] {
                #expect(try await admin.patch("mitigation-policy", "{\"mode\": \"\(mode)\"}").status == 200)
                let planned = try await rollBacks(admin)
                #expect(planned.map { $0["decision"].string } == ["apply"], "\(planned)")
                #expect(planned.first?["what"].string == "roll back image, model tiny, release tiny-2", "\(planned)")
                #expect(planned.first?["cost"].string?.isEmpty == false && planned.first?["incident"].string != nil, "\(planned)")
            }
            #expect(try await admin.row("SELECT 1 AS one FROM reliability.mitigation") == nil, "a plan does nothing")
        }
    }

    @Test func `a plan rolls nothing back where others fail as much, and where somebody did so already`() async throws {
        try await AdminFixture.run { admin in
            try await release(admin)
            try await answers(admin, 200, failed: 66, release: "tiny-1")
            try await answers(admin, 60, failed: 20, release: "tiny-2")
            #expect(try await rollBacks(admin).isEmpty)
            _ = try await admin.row("UPDATE billing.answer_count SET failed = 0 WHERE release = 'tiny-1'")
            #expect(try await rollBacks(admin).count == 1)
            let back = #"{"scope": "release", "subject": "tiny-2", "weight_ppm": 0, "reason": "back again"}"#
            #expect(try await admin.post("routing-weights", back).status == 201)
            #expect(try await rollBacks(admin).isEmpty)
        }
    }

    @Test func `with too few answers to tell the plan asks a person`() async throws {
        try await AdminFixture.run { admin in
            try await release(admin)
            try await answers(admin, 200, release: "tiny-1")
            try await answers(admin, 3, failed: 3, release: "tiny-2")
            #expect(try await rollBacks(admin).allSatisfy { $0["decision"].string == "propose" })
        }
    }

    private func rollBacks(_ admin: AdminFixture) async throws -> [JSONTree] {
        let plan = try await admin.get("mitigation-plan")
        #expect(plan.status == 200, "\(plan.text)")
        return plan.json["decisions"].elements.filter { $0["what"].string?.hasPrefix("roll back image") == true }
    }

    /// Of two hosts one serves a release that took over five minutes ago, and customers get errors.
    private func release(_ admin: AdminFixture) async throws {
        _ = try await admin.tenant()
        for statement in [
            "INSERT INTO serving.providers (name, display_name, kind) VALUES ('alpha', 'Alpha', 'independent'), ('beta', 'Beta', 'independent')",
            "INSERT INTO serving.pools (name, provider, region) VALUES ('alpha', 'alpha', 'eu'), ('beta', 'beta', 'eu')",
            "INSERT INTO serving.models (name, display_name, context_tokens) VALUES ('tiny', 'Tiny', 2048)",
            "INSERT INTO serving.releases (name, model) VALUES ('tiny-1', 'tiny'), ('tiny-2', 'tiny')",
            """
            INSERT INTO serving.hosts (id, name, pool, region, boot_id, last_heartbeat_at)
            SELECT gen_random_uuid(), name, name, 'eu', 'b', now() FROM serving.pools
            """,
            """
            INSERT INTO serving.workers (host_id, runtime, release, dialect, runtime_state, slots, context_tokens, accepted)
            SELECT id, 'main', CASE pool WHEN 'alpha' THEN 'tiny-1' ELSE 'tiny-2' END, 'vllm', 'ready', 4, 2048, TRUE FROM serving.hosts
            """,
            """
            INSERT INTO serving.routing_weights (scope, subject, weight_ppm, source, reason, actor, created_at)
            VALUES ('release', 'tiny-2', 500000, 'operator', 'a new image', 'test', now() - interval '5 minutes')
            """,
            """
            INSERT INTO reliability.incident (key, rule, severity, tier, model, region, title, began_at, opened_at, last_signal_at, impact_from)
            VALUES ('pro/tiny/eu/server_errors', 'server_errors', 'page', 'pro', 'tiny', 'eu', 'Server errors have risen', now(), now(), now(), now())
            """,
        ] as [SQL] { _ = try await admin.row(statement) }
    }

    /// Of the last minute.
    private func answers(_ admin: AdminFixture, _ count: Int, failed: Int = 0, release: String) async throws {
        _ = try await admin.row(
            """
            INSERT INTO billing.usage_event (tenant_id, request_id, accepted_at, key_id, tier, model, release, region, worker_id, gateway_id, boot_id, sequence,
                stream, status, outcome, first_token_after_us, finished_after_us, queued_for_us, prompt_tokens, cached_prompt_tokens, completion_tokens,
                reasoning_tokens, billable_prompt_tokens, billable_completion_tokens, estimated, attempts, payload_sha256)
            SELECT gen_random_uuid(), gen_random_uuid(), now() - make_interval(secs => 1 + place % 50), gen_random_uuid(), 'pro', 'tiny', \(release), 'eu',
                (SELECT id FROM serving.workers WHERE release = \(release)), gen_random_uuid(), 'b', place, TRUE, 200,
                CASE WHEN place <= \(failed) THEN 'bad:5xx' ELSE 'good' END, 1000, 1, 0, 10, 0, 10, 0, 0, 0, FALSE, 1, sha256(''::bytea)
            FROM generate_series(1, \(count)) AS place
            """)
    }
}
