import Domain
import FoundationEssentials
import Postgres
import TestSupport
import Testing

@testable import ControlPlane

/// First tokens are counted over the threshold of their tier, so only objectives that have the same are judged by them.
@Suite struct TierObjectiveTests {
    private func holding(_ admin: AdminFixture, _ tier: String) async throws -> StoredObjective? {
        try await admin.database.withPool { pool in
            try await ObjectiveStore.active { try await pool.query($0) }
                .holding(.firstToken, for: ObjectiveScope(tier: tier, model: "tiny", region: "eu"))
        }
    }

    @Test func `an objective does not hold for tiers that count over another threshold, and says so`() async throws {
        try await AdminFixture.run { admin in
            try await PromiseFixture.prepare(admin)
            _ = try await admin.post("tiers", AdminFixture.tier("slow").replacing("1500000", with: "5000000"))
            #expect(try await holding(admin, "pro")?.name == "first-token")
            #expect(try await admin.delete("objectives/first-token-slow").status == 200)
            #expect(try await holding(admin, "slow") == nil)
            let wide = try await admin.get("objectives/first-token").json["unmeasured_tiers"].elements.compactMap(\.string)
            #expect(wide == ["slow"])
            let own = #"{"name": "slow", "kind": "ttft_p95", "tier": "slow", "target_ppm": 950000, "threshold_microseconds": 5000000}"#
            let made = try await admin.post("objectives", own)
            #expect(made.status == 201 && made.json["unmeasured_tiers"].elements.isEmpty, "\(made.text)")
            #expect(try await holding(admin, "slow")?.name == "slow")
            #expect(try await admin.get("objectives/availability").json["unmeasured_tiers"].elements.isEmpty)
        }
    }

    @Test func `a template's tier comes with an objective for what it counts`() async throws {
        try await AdminFixture.run { admin in
            try await PromiseFixture.prepare(admin)
            for template in ["live-chat", "support", "long-documents"] {
                let made = try await admin.post(
                    "skus",
                    """
                    {"name": "tiny-\(template)", "model": "tiny", "primary_region": "eu", "template": "\(template)", "prompt_price_pico_usd": 1,
                    "completion_price_pico_usd": 1}
                    """)
                #expect(made.status == 201, "\(made.text)")
            }
            #expect(try await holding(admin, "live-chat")?.objective.thresholdMicroseconds == 800_000)
            #expect(try await holding(admin, "long-documents")?.objective.thresholdMicroseconds == 15_000_000)
            #expect(try await holding(admin, "support")?.name == "first-token", "it counts as the wide one says")
            let audited = try await admin.get("audit").json["data"].elements.filter { $0["subject_kind"].string == "objective" }
            #expect(audited.count == 2)
        }
    }

    @Test func `objectives of a tier go with its threshold`() async throws {
        try await AdminFixture.run { admin in
            try await PromiseFixture.prepare(admin)
            let own = #"{"name": "own", "kind": "ttft_p95", "tier": "pro", "target_ppm": 950000, "threshold_microseconds": 1500000}"#
            #expect(try await admin.post("objectives", own).status == 201)
            #expect(try await admin.patch("tiers/pro", #"{"ttft_objective_microseconds": 2000000}"#).status == 200)
            #expect(try await admin.get("objectives/own").json["threshold_microseconds"] == .number(2_000_000))
            #expect(try await admin.get("objectives/first-token").json["threshold_microseconds"] == .number(1_500_000))
        }
    }

    @Test func `objectives of a tenant go with the threshold of its tier, also when that is another one`() async throws {
        try await AdminFixture.run { admin in
            try await PromiseFixture.prepare(admin)
            let own = #"{"name": "own", "kind": "ttft_p95", "tenant": "acme", "target_ppm": 950000, "threshold_microseconds": 1500000}"#
            #expect(try await admin.post("objectives", own).status == 201)
            _ = try await admin.post("tiers", AdminFixture.tier("slow").replacing("1500000", with: "5000000"))
            #expect(try await admin.patch("tenants/acme", #"{"tier": "slow"}"#).status == 200)
            let moved = try await admin.get("objectives/own").json
            #expect(moved["threshold_microseconds"] == .number(5_000_000) && moved["unmeasured_tiers"].elements.isEmpty, "\(moved)")
            #expect(try await admin.patch("tiers/slow", #"{"ttft_objective_microseconds": 6000000}"#).status == 200)
            #expect(try await admin.get("objectives/own").json["threshold_microseconds"] == .number(6_000_000))
        }
    }

    @Test func `a tier is made with an objective for what it counts, also when one of its name was there before`() async throws {
        try await AdminFixture.run { admin in
            try await PromiseFixture.prepare(admin)
            let taken = #"{"name": "first-token-slow", "kind": "ttft_p95", "model": "tiny", "target_ppm": 950000, "threshold_microseconds": 1500000}"#
            #expect(try await admin.post("objectives", taken).status == 201)
            for threshold in [5_000_000, 6_000_000] as [Int64] {
                let made = try await admin.post("tiers", AdminFixture.tier("slow").replacing("1500000", with: "\(threshold)"))
                #expect(made.status == 201, "\(made.text)")
                let held = try await holding(admin, "slow")
                #expect(held?.objective.thresholdMicroseconds == threshold && held?.objective.scope.tier == "slow")
                #expect(held?.name.hasPrefix("first-token-slow-") == true, "the usual name is taken")
                #expect(try await admin.delete("tiers/slow").status == 200)
            }
            let objectives = try await admin.row("SELECT count(*) AS n FROM reliability.objective WHERE tier = 'slow'")
            #expect(try objectives?.value("n", as: Int.self) == 1)
        }
    }

    @Test func `what held for a tier as for all holds for it after its threshold was changed, as strictly`() async throws {
        try await AdminFixture.run { admin in
            try await PromiseFixture.prepare(admin)
            _ = try await admin.patch("objectives/first-token", #"{"period": "rolling", "freezes": true}"#)
            let narrow = """
                {"name": "of-eu", "kind": "ttft_p95", "region": "eu", "target_ppm": 950000, "threshold_microseconds": 1500000, "burn_alerts": false}
                """
            #expect(try await admin.post("objectives", narrow).status == 201)
            let changed = try await admin.patch("tiers/pro", #"{"ttft_objective_microseconds": 2000000}"#)
            #expect(changed.status == 200, "\(changed.text)")
            let eu = try await holding(admin, "pro")
            #expect(eu?.objective.thresholdMicroseconds == 2_000_000 && eu?.objective.scope.region == "eu" && eu?.raisesBurnAlerts == false)
            let wide = try await admin.get("objectives/first-token-pro").json
            #expect(wide["threshold_microseconds"] == .number(2_000_000) && wide["period"].string == "rolling" && wide["freezes"] == .bool(true))
            #expect(try await admin.get("objectives/first-token").json["threshold_microseconds"] == .number(1_500_000))
            #expect(try await admin.patch("tiers/pro", #"{"ttft_objective_microseconds": 1000000}"#).status == 200)
            #expect(try await holding(admin, "pro")?.objective.thresholdMicroseconds == 1_000_000)
            let made = try await admin.get("audit").json["data"].elements.filter {
                $0["subject_kind"].string == "objective" && $0["action"].string == "create"
                    && $0["change"].string?.contains("\"tier\":\"pro\"") == true
            }
            #expect(made.count == 2, "they go with the tier from now on")
        }
    }

    @Test func `an upgrade leaves no tier without an objective for what it counts, and no agreement without limits`() async throws {
        let before = Schema.migrations.prefix { !$0.name.hasPrefix("V0087") }
        let database = try await PostgresCluster.shared().database(migrations: Array(before))
        let tenant = UUID()
        try await database.withPool { pool in
            func tier(_ name: String, _ threshold: Int64) -> SQL {
                """
                INSERT INTO serving.tiers (name, display_name, capacity_policy, priority, max_prompt_tokens, max_output_tokens, max_body_bytes,
                    requests_per_minute, tokens_per_minute, concurrent_requests, max_table_age_seconds, ttft_objective_microseconds)
                VALUES (\(name), 'A tier', 'preallocated', 90, 1000, 1000, 100000, 100, 100000, 10, 3600, \(threshold))
                """
            }
            func objective(_ name: String, _ threshold: Int64, tier: String? = nil, model: String? = nil) -> SQL {
                """
                INSERT INTO reliability.objective (name, kind, tier, model, target_ppm, threshold_microseconds, burn_alerts)
                VALUES (\(name), 'ttft_p95', \(tier), \(model), 950000, \(threshold), \(model == nil))
                """
            }
            _ = try await pool.pipeline([
                tier("slow", 5_000_000), tier("stale", 3_000_000), tier("usual", 1_500_000),
                // As an older release left it when the tier's threshold was changed, the usual name taken by another, and one of a model.
                objective("stale", 2_000_000, tier: "stale"), objective("first-token-slow", 900_000, model: "other"),
                objective("of-tiny", 1_500_000, model: "tiny"),
                "INSERT INTO serving.tenants (id, name, display_name, tier) VALUES (\(tenant), 'acme', 'Acme', 'slow')",
                "INSERT INTO reliability.terms (name, version, title, tier, created_by) VALUES ('slow', 1, 'Slow', 'slow', 'test')",
                Self.agreement(of: tenant, model: "tiny"),
            ])
        }
        _ = try await Migrator(configuration: database.configuration(), files: Schema.migrations).migrate()
        try await database.withPool { pool in
            try await pool.execute(Self.agreement(of: tenant, model: "other"))
            let objectives = try await ObjectiveStore.active { try await pool.query($0) }
            let holding = { (tier: String, model: String) in
                objectives.holding(.firstToken, for: ObjectiveScope(tier: tier, model: model, region: "eu"))
            }
            #expect(holding("slow", "any")?.objective.thresholdMicroseconds == 5_000_000)
            let tiny = holding("slow", "tiny")
            #expect(tiny?.objective.scope == ObjectiveScope(tier: "slow", model: "tiny") && tiny?.raisesBurnAlerts == false)
            #expect(holding("stale", "any")?.objective.thresholdMicroseconds == 3_000_000)
            #expect(holding("usual", "any")?.name == "first-token" && holding("usual", "tiny")?.name == "of-tiny")
            let limits = try await pool.query("SELECT limits ->> 'max_prompt_tokens' AS most FROM reliability.agreement")
            #expect(try limits.map { try $0.value("most", as: String?.self) } == ["1000", "1000"])
        }
    }

    /// As a release writes it that keeps no limits.
    private static func agreement(of tenant: UUID, model: String) -> SQL {
        """
        INSERT INTO reliability.agreement (tenant_id, terms_id, model, region, state, starts_at, monthly_minimum_micro_usd, evidence, requested_by)
        SELECT \(tenant), id, \(model), 'eu', 'active', date_trunc('minute', now()), 0, '{}', 'test' FROM reliability.terms
        """
    }

    @Test(arguments: [true, false]) func `a threshold is not raised while what it is judged by is held`(hasOwn: Bool) async throws {
        try await AdminFixture.run { admin in
            try await PromiseFixture.prepare(admin)
            let own = #"{"name": "own", "kind": "ttft_p95", "tier": "pro", "target_ppm": 950000, "threshold_microseconds": 1500000}"#
            if hasOwn { _ = try await admin.post("objectives", own) }
            _ = try await admin.row("UPDATE reliability.objective SET freezes = TRUE WHERE kind = 'ttft_p95' RETURNING 1")
            _ = try await admin.row(
                """
                WITH subject AS (INSERT INTO reliability.budget_subject (tier, model, region, first_minute_at) VALUES ('pro', 'tiny', 'eu', now()) RETURNING id)
                INSERT INTO reliability.budget_state (subject_id, kind, objective_id, period_from, period_until, total, bad, rolling_total, rolling_bad,
                    verdict, freeze_state, evaluated_at)
                SELECT subject.id, 'ttft_p95', objective.id, now(), now(), 1, 1, 1, 1, 'missed', 'frozen', now()
                FROM subject, reliability.objective WHERE name = 'first-token' RETURNING 1
                """)
            let raised = try await admin.patch("tiers/pro", #"{"ttft_objective_microseconds": 2000000}"#)
            #expect(raised.status == 409 && raised.json["error"]["code"].string == "frozen", "\(raised.text)")
            #expect(try await admin.get("tiers/pro").json["ttft_objective_microseconds"] == .number(1_500_000))
            #expect(try await admin.patch("tiers/pro", #"{"priority": 7}"#).status == 200)
        }
    }

    @Test func `the threshold of an objective that a contract rests on is not moved away from its tier's`() async throws {
        try await AdminFixture.run { admin in
            try await PromiseFixture.prepare(admin)
            try await PromiseFixture.measure(admin)
            _ = try await PromiseFixture.terms(admin)
            #expect(try await PromiseFixture.agree(admin).json["state"].string == "active")
            let moved = try await admin.patch("objectives/first-token", #"{"threshold_microseconds": 1000000}"#)
            #expect(moved.json["error"]["code"].string == "promised" && moved.text.contains("no objective of ttft_p95"), "\(moved.text)")
        }
    }
}
