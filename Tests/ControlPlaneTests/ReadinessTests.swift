import FoundationEssentials
import Postgres
import TestSupport
import Testing

@testable import ControlPlane

@Suite struct ReadinessTests {
    @Test func `a new installation proves nothing that it has no evidence of`() async throws {
        try await AdminFixture.run { admin in
            let answer = try await admin.get("readiness").json
            let lines = answer["lines"].elements
            #expect(lines.count == 20 && Set(lines.compactMap { $0["id"].string }).count == 20)
            #expect(lines.filter { $0["area"].string == "technical" }.count == 10)
            // That nothing keeps prompts is true from the start.
            let proven = lines.filter { $0["proven"] == .bool(true) }
            #expect(proven.compactMap { $0["id"].string } == ["prompt-logging"])
            #expect(proven.allSatisfy { $0["evidence_at"].string != nil && $0["age_seconds"].number != nil })
            #expect(lines.allSatisfy { !($0["finding"].string ?? "").isEmpty } && answer["ready"] == .bool(false))
        }
    }

    @Test func `a person's word counts with its age, until it is old, and only where no data can tell`() async throws {
        try await AdminFixture.run { admin in
            let attested = try await admin.post("readiness/attestations", #"{"line": "quickstart", "evidence": "https://example.com/start"}"#)
            #expect(attested.status == 201)
            #expect(try await line("quickstart", admin)["proven"] == .bool(true))
            #expect(try await admin.post("readiness/attestations", #"{"line": "two-providers", "evidence": "trust me"}"#).status == 400)
            _ = try await admin.row(
                """
                INSERT INTO reliability.launch_attestation (line, evidence, actor, created_at)
                VALUES ('data-policy', 'https://example.com/policy', 'test', now() - interval '200 days')
                """)
            let old = try await line("data-policy", admin)
            #expect(old["proven"] == .bool(false) && old["finding"].string?.hasPrefix("older than 180 days") == true)
        }
    }

    @Test func `each line is proven by what the installation has seen`() async throws {
        try await AdminFixture.run { admin in
            _ = try await admin.tenant()
            try await seed(admin)
            for id in ["streaming", "chat-endpoint", "limits", "two-providers", "fallback-drill", "probes", "runbook", "usage-match"] {
                let found = try await line(id, admin)
                #expect(found["proven"] == .bool(true), "\(id): \(found["finding"].string ?? "")")
            }
            _ = try await admin.row("UPDATE reliability.probe SET provider = 'alpha'")
            #expect(try await line("two-providers", admin)["proven"] == .bool(false))
        }
    }

    @Test func `a support contact without hours is not enough`() async throws {
        try await AdminFixture.run { admin in
            _ = try await admin.patch("status-page", #"{"support_contact": "help@example.com"}"#)
            #expect(try await line("support", admin)["proven"] == .bool(false))
            _ = try await admin.patch("status-page", #"{"support_hours": "always"}"#)
            #expect(try await line("support", admin)["finding"].string == "help@example.com, always")
        }
    }

    private func line(_ id: String, _ admin: AdminFixture) async throws -> JSONTree {
        try await admin.get("readiness").json["lines"].elements.first { $0["id"].string == id } ?? .null
    }

    private func seed(_ admin: AdminFixture) async throws {
        let yesterday: SQL = "date_trunc('day', now() AT TIME ZONE 'UTC') AT TIME ZONE 'UTC' - interval '1 minute'"
        let statements: [SQL] = [
            "INSERT INTO serving.models (name, display_name, context_tokens) VALUES ('tiny', 'Tiny', 2048)",
            """
            INSERT INTO serving.skus (name, model, tier, primary_region, prompt_price_pico_usd, completion_price_pico_usd, state)
            VALUES ('tiny-pro', 'tiny', 'pro', 'eu', 1, 1, 'active')
            """,
            """
            INSERT INTO reliability.minute (tenant_id, model, region, minute_at, gateway_id, boot_id, sequence, tier, outcomes, good, bad, excluded,
                first_token_samples, first_token_over, prompt_tokens, completion_tokens, rate_limited, disconnects, first_token_histogram, streams,
                queue_histogram)
            SELECT id, 'tiny', 'eu', date_trunc('minute', \(yesterday)), gen_random_uuid(), 'b', 1, 'pro', '{"good": 1, "excluded:quota": 3}', 1, 0, 3,
                1, 0, 5, 7, 3, 0, '{}', 500, '{"1": 1}' FROM serving.tenants
            """,
            """
            INSERT INTO billing.usage_event (tenant_id, request_id, accepted_at, key_id, tier, model, release, region, worker_id, provider, gateway_id,
                boot_id, sequence, stream, status, outcome, finish_reason, error_code, first_token_after_us, finished_after_us, queued_for_us,
                prompt_tokens, cached_prompt_tokens, completion_tokens, reasoning_tokens, billable_prompt_tokens, billable_completion_tokens,
                estimated, attempts, payload_sha256)
            SELECT id, gen_random_uuid(), \(yesterday), gen_random_uuid(), 'pro', 'tiny', 'r', 'eu', gen_random_uuid(), 'alpha', gen_random_uuid(),
                'b', 1, true, 200, 'good', 'stop', NULL, 1, 10, 0, 5, 0, 7, 0, 5, 7, false, 1, sha256('x') FROM serving.tenants
            """,
            """
            INSERT INTO reliability.probe (id, at, kind, worker_id, provider, model, region, succeeded, status, ttft_us, ttlt_us)
            SELECT gen_random_uuid(), now() - interval '1 minute', kind, CASE WHEN kind = 'worker' THEN gen_random_uuid() END, provider, 'tiny',
                'eu', true, 200, 100, 200 FROM (VALUES ('worker', 'alpha'), ('worker', 'beta'), ('outside', '')) AS probed (kind, provider)
            """,
            """
            INSERT INTO reliability.incident (id, key, rule, severity, title, step, drill, began_at, opened_at, last_signal_at, resolved_at, reported_at,
                postmortem)
            VALUES ('00000000-0000-0000-0000-000000000001', 'k', 'probes', 'page', 'Drill', 'reported', true, now(), now(), now(), now(), now(), '{}')
            """,
            """
            INSERT INTO reliability.drill (kind, provider, models, reason, requested_by, started_at, until_at, ended_at, end_reason, report, held,
                reported_at)
            VALUES ('provider-loss', 'alpha', ARRAY['tiny'], 'before the launch', 'test', now() - interval '20 minutes', now() - interval '10 minutes',
                now() - interval '10 minutes', 'over', '{}', true, now())
            """,
        ]
        for statement in statements { _ = try await admin.row(statement) }
    }
}
