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
