import FoundationEssentials
import Outbound
import Postgres
import Synchronization
import TestSupport
import Testing

@testable import ControlPlane

@Suite struct ReadinessTests {
    @Test func `a new installation proves nothing that it has no evidence of`() async throws {
        try await AdminFixture.run(now: Self.noon) { admin in
            let answer = try await admin.get("readiness").json
            let lines = answer["lines"].elements
            #expect(lines.count == 20 && Set(lines.compactMap { $0["id"].string }).count == 20)
            #expect(lines.filter { $0["area"].string == "technical" }.count == 10)
            #expect(lines.allSatisfy { $0["proven"] == .bool(false) })
            #expect(lines.allSatisfy { !($0["finding"].string ?? "").isEmpty } && answer["ready"] == .bool(false))
        }
    }

    @Test func `a person's word counts with its age, until it is old, and only where no data can tell`() async throws {
        try await AdminFixture.run(now: Self.noon) { admin in
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

    /// What takes the evidence of each line away, so that it is not proven any more.
    private static let losses: [(line: String, statement: SQL)] = [
        ("image-hash", "UPDATE serving.workers SET image_digest = NULL"),
        ("image-hash", "UPDATE serving.releases SET image_digest = NULL"),
        (
            "image-hash",
            "WITH told AS (UPDATE serving.workers SET weights_digest = 'sha256:' || repeat('1', 64)) UPDATE serving.releases SET weights_digest = 'sha256:' || repeat('2', 64)"
        ),
        ("streaming", "UPDATE reliability.minute SET outcomes = '{\"good\": 1, \"excluded:quota\": 3, \"bad:stream_broken\": 2}'"),
        ("chat-endpoint", "UPDATE reliability.probe SET succeeded = false, fault = 'gateway' WHERE kind = 'outside'"),
        ("limits", "UPDATE reliability.limit_look SET refused = 0"),
        ("two-providers", "UPDATE reliability.probe SET provider = 'alpha' WHERE kind = 'worker'"),
        (
            "fallback-drill",
            "UPDATE reliability.drill SET report = '{\"fallbacks\": [{\"sku\": \"tiny-pro\", \"other_provider\": 3, \"tried\": false}]}'"
        ),
        ("probes", "UPDATE reliability.minute SET queue_histogram = '{}'"),
        ("prompt-logging", "UPDATE serving.workers SET log_tail = '[\"prompt: Count from one to one hundred in words.\"]'"),
        ("usage-match", "UPDATE billing.usage_event SET completion_tokens = 8"),
        ("usage-match", "UPDATE billing.usage_event SET completion_tokens = 7, prompt_tokens = 4"),
        ("runbook", "UPDATE reliability.incident SET drill = false"),
        (
            "prices",
            """
            WITH model AS (INSERT INTO serving.models (name, display_name, context_tokens) VALUES ('dear', 'Dear', 2048) RETURNING name)
            INSERT INTO serving.skus (name, model, tier, primary_region, prompt_price_pico_usd, completion_price_pico_usd, state)
            SELECT 'dear-pro', name, 'pro', 'eu', 1, 1, 'active' FROM model
            """
        ),
        ("quotas-in-plan", "UPDATE serving.tiers SET burst_requests = NULL, burst_tokens = NULL"),
        ("sla-review", "INSERT INTO reliability.terms (name, version, title, tier, created_by) VALUES ('pro', 2, 'Pro', 'pro', 'test')"),
        (
            "credits",
            """
            WITH made AS (INSERT INTO reliability.agreement (tenant_id, terms_id, model, region, state, starts_at, monthly_minimum_micro_usd, evidence,
                    requested_by)
                SELECT tenants.id, terms.id, 'tiny', 'eu', 'active', date_trunc('minute', now()), 0, '{}', 'test'
                FROM serving.tenants, reliability.terms LIMIT 1 RETURNING id)
            INSERT INTO reliability.credit_fault (agreement_id, month, reason) SELECT id, '2026-01', 'decoding: leaves that are none' FROM made
            """
        ),
        ("status-page", "UPDATE reliability.status_look SET status = 0"),
        ("support", "UPDATE reliability.status_settings SET support_hours = NULL"),
    ]

    @Test func `each line is proven by what the installation has seen, with its age, and no longer when that is gone`() async throws {
        try await AdminFixture.run(now: Self.noon) { admin in
            _ = try await admin.tenant()
            try await seed(admin)
            for line in ["quickstart", "api-documents", "credits", "accounting", "data-policy"] {
                _ = try await admin.post("readiness/attestations", "{\"line\": \"\(line)\", \"evidence\": \"https://example.com\"}")
            }
            let answer = try await admin.get("readiness").json
            for line in answer["lines"].elements {
                #expect(line["proven"] == .bool(true), "\(line["id"].string ?? ""): \(line["finding"].string ?? "")")
                #expect(line["evidence_at"].string != nil && line["age_seconds"].number != nil)
            }
            #expect(answer["ready"] == .bool(true))
            for loss in Self.losses {
                _ = try await admin.row(loss.statement)
                let found = try await line(loss.line, admin)
                #expect(found["proven"] == .bool(false), "\(loss.line): \(found["finding"].string ?? "")")
            }
        }
    }

    @Test func `evidence that is old, or of something else, proves nothing`() async throws {
        try await AdminFixture.run(now: Self.noon) { admin in
            _ = try await admin.tenant()
            try await seed(admin)
            _ = try await admin.row("UPDATE reliability.probe SET at = at - interval '2 hours'")
            for id in ["chat-endpoint", "two-providers", "probes"] { #expect(try await line(id, admin)["proven"] == .bool(false), "\(id)") }
            _ = try await admin.row("UPDATE serving.hosts SET last_heartbeat_at = now() - interval '1 hour'")
            #expect(try await line("image-hash", admin)["proven"] == .bool(false))
            _ = try await admin.row("UPDATE serving.workers SET log_tail_at = now() - interval '31 days'")
            #expect(
                try await line("prompt-logging", admin)["finding"].string?.contains("not told within a day of: h-alpha-eu main, h-beta-eu main;")
                    == true)
            _ = try await admin.row(
                "UPDATE reliability.drill SET started_at = started_at - interval '31 days', ended_at = ended_at - interval '31 days', until_at = until_at - interval '31 days'"
            )
            #expect(try await line("fallback-drill", admin)["finding"].string?.contains("tiny-pro") == true)
            _ = try await admin.row("UPDATE reliability.status_look SET age_seconds = 400")
            #expect(try await line("status-page", admin)["finding"].string?.contains("not found up to date") == true)
        }
    }

    @Test func `a word that was taken back proves nothing until somebody gives it anew`() async throws {
        try await AdminFixture.run(now: Self.noon) { admin in
            for id in ["quickstart", "api-documents", "credits", "accounting", "data-policy"] {
                let attested = "{\"line\": \"\(id)\", \"evidence\": \"we looked at it\"}"
                #expect(try await admin.post("readiness/attestations", attested).json["holds"] == .bool(true))
                #expect(try await line(id, admin)["proven"] == .bool(true), "\(id)")
                let withdrawn = try await admin.post("readiness/withdrawals", "{\"line\": \"\(id)\", \"reason\": \"it was taken down\"}")
                #expect(withdrawn.status == 201 && withdrawn.json["holds"] == .bool(false))
                let found = try await line(id, admin)
                #expect(found["proven"] == .bool(false) && found["finding"].string?.hasSuffix(": it was taken down") == true, "\(found)")
                _ = try await admin.post("readiness/attestations", attested)
                #expect(try await line(id, admin)["proven"] == .bool(true), "\(id)")
            }
            #expect(try await admin.post("readiness/withdrawals", #"{"line": "probes", "reason": "no data either"}"#).status == 400)
            let audited = try await admin.row("SELECT count(*) AS rows FROM audit.entry WHERE subject_kind = 'readiness' AND action = 'withdraw'")
            #expect(try audited?.value("rows", as: Int.self) == 5)
        }
    }

    @Test func `a page that a person named is evidence while it is found there`() async throws {
        try await AdminFixture.run(now: Self.noon) { admin in
            _ = try await admin.post("readiness/attestations", #"{"line": "data-policy", "evidence": "https://example.com/policy, version 3"}"#)
            #expect(try await line("data-policy", admin)["finding"].string?.hasSuffix("; nobody has looked whether the page is there") == true)
            let looks = [
                (404, false, "not there (404), never seen there"), (200, true, "the page was last seen at 20"),
                (404, false, "not there (404), last seen at 2001-"), (301, true, "the page was last seen at 20"),
                (0, false, "not there (no answer), last seen at 2001-"),
            ]
            for (status, isProven, words) in looks {
                try await admin.database.withPool { try await EvidenceLooks(reliability: $0, ask: Self.answering(status)).look() }
                let found = try await line("data-policy", admin)
                #expect(found["proven"] == .bool(isProven) && found["finding"].string?.contains(words) == true, "\(status): \(found)")
                _ = try await admin.row(
                    "UPDATE reliability.evidence_look SET at = '2001-01-01', found_at = CASE WHEN found_at IS NOT NULL THEN '2001-01-01'::timestamptz END"
                )
            }
            let alone = try await line("data-policy", admin)
            #expect(
                alone["proven"] == .bool(true) && alone["finding"].string?.contains("nobody looks for the page any more, last seen at 2001-") == true)
        }
    }

    private static func answering(_ status: Int) -> OutsideProbes.Ask {
        { _ async throws(OutboundError) in
            guard status > 0 else { throw OutboundError(code: .connectFailed, message: "nobody is there") }
            return OutboundResponse(head: OutboundHead(status: status, headers: [], version: "1.1"), body: [], timings: OutboundTimings())
        }
    }

    @Test func `a second provider in another region is none where the model is sold`() async throws {
        try await AdminFixture.run(now: Self.noon) { admin in
            _ = try await admin.tenant()
            try await seed(admin)
            _ = try await admin.row("UPDATE reliability.probe SET region = 'us' WHERE provider = 'beta'")
            let found = try await line("two-providers", admin)
            #expect(found["proven"] == .bool(false) && found["finding"].string?.hasSuffix("tiny in eu (1)") == true, "\(found)")
        }
    }

    @Test func `evidence is as old as the oldest of what it is made of`() async throws {
        try await AdminFixture.run(now: Self.noon) { admin in
            _ = try await admin.tenant()
            try await seed(admin)
            _ = try await admin.row("UPDATE reliability.probe SET at = now() - interval '8 minutes' WHERE provider = 'beta'")
            #expect(try await line("two-providers", admin)["age_seconds"].number ?? 0 >= 479)
            // The last minute with a queue time is of yesterday.
            #expect(try await line("probes", admin)["evidence_at"].string ?? "~" <= Self.today.formatted(.iso8601))
        }
    }

    /// Of the day on which the tests began. Half a day from either midnight none of them runs into the next one.
    static let noon: @Sendable () -> Date = { moment }
    private static let moment = today.addingTimeInterval(43_200)
    private static let today = Date(timeIntervalSince1970: (Date().timeIntervalSince1970 / 86_400).rounded(.down) * 86_400)

    @Test func `usage is compared over the last day that is whole, up to the second in which the next one begins`() async throws {
        let second = Mutex(86_399.0)
        let now: @Sendable () -> Date = { Self.today.addingTimeInterval(second.withLock { $0 }) }
        try await AdminFixture.run(now: now) { admin in
            _ = try await admin.tenant()
            try await seed(admin)
            #expect(try await line("usage-match", admin)["proven"] == .bool(true))
            second.withLock { $0 = 86_400 }
            #expect(try await line("usage-match", admin)["finding"].string == "nobody asked anything on the last whole day")
        }
    }

    @Test(
        arguments: [
            "INSERT INTO serving.routing_weights (scope, subject, weight_ppm, source, reason, actor) VALUES ('pool', 'beta-eu', 0, 'operator', 'stands by', 'test')",
            "INSERT INTO serving.routing_weights (scope, subject, weight_ppm, source, reason, actor) VALUES ('provider', 'beta', 0, 'operator', 'dear', 'test')",
            "UPDATE serving.pools SET state = 'suspended' WHERE name = 'beta-eu'", "UPDATE serving.hosts SET intent = 'drain' WHERE pool = 'beta-eu'",
            "INSERT INTO reliability.provider_score VALUES ('beta', now(), 40, 0, 1, 1, 1, 0.9, 100, 0, 900, 0, 0, now(), NULL, FALSE, now(), TRUE)",
        ] as [SQL]) func `a provider that answers probes and gets no traffic is not in rotation`(out: SQL) async throws
    {
        try await AdminFixture.run(now: Self.noon) { admin in
            _ = try await admin.tenant()
            try await seed(admin)
            #expect(try await line("two-providers", admin)["proven"] == .bool(true))
            _ = try await admin.row(out)
            let found = try await line("two-providers", admin)
            #expect(found["proven"] == .bool(false) && found["finding"].string?.contains("tiny in eu (1)") == true, "\(found)")
        }
    }

    @Test func `probes through public endpoints have usage records and no minutes, and the counts match all the same`() async throws {
        try await AdminFixture.run(now: Self.noon) { admin in
            let tenant = try await admin.tenant()
            try await seed(admin)
            let key = try await admin.post("keys", "{\"tenant\": \"\(tenant)\", \"name\": \"probes\", \"purpose\": \"probe\"}").json["id"].string
            let again: SQL = """
                INSERT INTO billing.usage_event SELECT (jsonb_populate_record(event, jsonb_build_object('request_id', gen_random_uuid(), 'key_id', known.key))).*
                FROM billing.usage_event AS event, (SELECT \(key)::uuid AS key) AS known LIMIT 1
                """
            _ = try await admin.row(again)
            let found = try await line("usage-match", admin)
            #expect(
                found["proven"] == .bool(true) && found["finding"].string?.hasPrefix("5 prompt and 7 answer tokens of 1 requests") == true, "\(found)"
            )
            _ = try await admin.row("UPDATE serving.api_keys SET purpose = NULL")
            #expect(try await line("usage-match", admin)["proven"] == .bool(false), "a customer's must be in both")
        }
    }

    @Test func `usage records that were set aside count until somebody has decided what they are`() async throws {
        try await AdminFixture.run(now: Self.noon) { admin in
            _ = try await admin.tenant()
            try await seed(admin)
            _ = try await admin.row(
                "INSERT INTO billing.usage_quarantine (reason, request_id, payload_sha256, payload) VALUES ('future', 'r', sha256('x'), '{}')")
            #expect(try await line("usage-match", admin)["finding"].string?.hasPrefix("1 usage records are in quarantine") == true)
            let id = try #require(try await admin.get("usage-quarantine").json["data"][0]["id"].string)
            #expect(try await admin.post("usage-quarantine/\(id)/decide", #"{"reason": "a wrong clock"}"#).status == 200)
            #expect(try await line("usage-match", admin)["proven"] == .bool(true))
        }
    }

    @Test func `terms that nobody reviewed are looked at as long as a contract is made of them`() async throws {
        try await AdminFixture.run(now: Self.noon) { admin in
            _ = try await admin.tenant()
            try await seed(admin)
            #expect(try await line("sla-review", admin)["proven"] == .bool(true))
            _ = try await admin.row(
                """
                WITH made AS (
                    INSERT INTO reliability.terms (name, version, title, tier, state, created_by) VALUES ('old', 1, 'Old', 'pro', 'retired', 'test') RETURNING id)
                INSERT INTO reliability.agreement (tenant_id, terms_id, model, region, state, starts_at, monthly_minimum_micro_usd, evidence, requested_by)
                SELECT tenants.id, made.id, 'tiny', 'eu', 'active', date_trunc('minute', now()), 0, '{}', 'test' FROM serving.tenants, made RETURNING 1
                """)
            #expect(try await line("sla-review", admin)["finding"].string?.contains("old version 1") == true)
        }
    }

    @Test func `that gateways refuse is proven by what they refused lately, at every endpoint`() async throws {
        try await AdminFixture.run(now: Self.noon) { admin in
            _ = try await admin.tenant()
            try await seed(admin)
            #expect(
                try await line("limits", admin)["finding"].string?.contains("got 401 and one of one request a minute 429 (2 of 3 at once)") == true)
            let losses: [(SQL, String)] = [
                ("unknown_status = 200", "not answered with 401 at: eu (200)"), ("unknown_status = 401, refused = 0", "not answered with 429 at: eu"),
                ("asked = 0, refused = 0", "no key to ask too often with"), ("at = now() - interval '3 hours'", "within two hours"),
            ]
            for (loss, word) in losses {
                _ = try await admin.row("UPDATE reliability.limit_look SET \(loss)")
                let found = try await line("limits", admin)
                #expect(found["proven"] == .bool(false) && found["finding"].string?.contains(word) == true, "\(found)")
            }
        }
    }

    @Test func `a support contact without hours is not enough`() async throws {
        try await AdminFixture.run(now: Self.noon) { admin in
            _ = try await admin.patch("status-page", #"{"support_contact": "help@example.com"}"#)
            #expect(try await line("support", admin)["proven"] == .bool(false))
            _ = try await admin.patch("status-page", #"{"support_hours": "always"}"#)
            #expect(try await line("support", admin)["finding"].string == "help@example.com, always")
        }
    }

    func line(_ id: String, _ admin: AdminFixture) async throws -> JSONTree {
        try await admin.get("readiness").json["lines"].elements.first { $0["id"].string == id } ?? .null
    }

    func seed(_ admin: AdminFixture) async throws {
        let yesterday: SQL = "(\(Self.today)::timestamptz - interval '1 minute')"
        let statements: [SQL] = [
            "INSERT INTO serving.models (name, display_name, context_tokens) VALUES ('tiny', 'Tiny', 2048)",
            """
            INSERT INTO serving.skus (name, model, tier, primary_region, prompt_price_pico_usd, completion_price_pico_usd, state, created_at)
            VALUES ('tiny-pro', 'tiny', 'pro', 'eu', 1, 1, 'active', now() - interval '40 days')
            """,
            "UPDATE serving.tiers SET burst_requests = 1, burst_tokens = 1",
            "INSERT INTO serving.releases (name, model, image_digest) VALUES ('tiny-1', 'tiny', 'sha256:' || repeat('0', 64))",
            "INSERT INTO serving.providers (name, display_name, kind) VALUES ('alpha', 'A', 'independent'), ('beta', 'B', 'independent')",
            "INSERT INTO serving.pools (name, provider, region) VALUES ('alpha-eu', 'alpha', 'eu'), ('beta-eu', 'beta', 'eu')",
            """
            WITH host AS (INSERT INTO serving.hosts (id, name, pool, region, boot_id, last_heartbeat_at)
                SELECT gen_random_uuid(), 'h-' || name, name, 'eu', 'b', now() FROM serving.pools RETURNING id)
            INSERT INTO serving.workers (host_id, runtime, release, dialect, runtime_state, slots, context_tokens, accepted, last_reported_at, log_tail,
                log_tail_at, image_digest)
            SELECT id, 'main', 'tiny-1', 'vllm', 'ready', 4, 2048, true, now(), '["started"]', now(), 'sha256:' || repeat('0', 64) FROM host
            """,
            """
            INSERT INTO reliability.terms (name, version, title, tier, created_by, reviewed_by_counsel, reviewed_on)
            VALUES ('pro', 1, 'Pro', 'pro', 'test', 'A Counsel', current_date - 10)
            """,
            """
            UPDATE reliability.status_settings SET page_url = 'https://status.example.com', support_contact = 'help@example.com', support_hours = 'always'
            """,
            """
            INSERT INTO reliability.status_look (region, url, at, status, age_seconds)
            VALUES ('eu', 'https://eu.example.com/api/v2/status.json', now(), 200, 20)
            """,
            """
            INSERT INTO reliability.limit_look (region, url, at, unknown_status, asked, refused) VALUES ('eu', 'https://eu.example.com', now(), 401, 3, 2)
            """,
        ]
        for statement in statements + records(yesterday) { _ = try await admin.row(statement) }
        let price = """
            {"model": "tiny", "tier": "pro", "prompt_price_pico_usd": 1, "cached_prompt_price_pico_usd": 1, "completion_price_pico_usd": 1, "reason": "a launch"}
            """
        #expect(try await admin.post("prices", price).status == 201)
    }

    /// What gateways told, and what was rehearsed.
    private func records(_ yesterday: SQL) -> [SQL] {
        [
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
            SELECT gen_random_uuid(), now() - interval '1 minute', kind, worker_id, provider, 'tiny', 'eu', true, 200, 100, 200 FROM (
                SELECT 'worker' AS kind, worker.id AS worker_id, pools.provider::text FROM serving.workers AS worker
                JOIN serving.hosts AS host ON host.id = worker.host_id JOIN serving.pools ON pools.name = host.pool
                UNION ALL SELECT 'outside', NULL, '') AS probed
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
                now() - interval '10 minutes', 'over',
                '{"fallbacks": [{"sku": "tiny-pro", "other_provider": 30, "backup_region": 0, "fallback_model": 0, "tried": true}]}', true, now())
            """,
        ]
    }
}
