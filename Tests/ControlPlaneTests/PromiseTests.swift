import FoundationEssentials
import Postgres
import TestSupport
import Testing

@testable import ControlPlane

/// Objectives, terms, promises and the freeze as administrators meet them.
@Suite struct PromiseTests {
    private static let probe: SQL = "INSERT INTO reliability.probe_minute VALUES ('tiny', 'eu', date_trunc('minute', now()), 1, 0) RETURNING 1"

    private func prepare(_ admin: AdminFixture) async throws {
        _ = try await admin.tenant()
        _ = try await admin.post("models", #"{"name": "tiny", "display_name": "Tiny", "context_tokens": 2048}"#)
    }

    /// Somebody with rights of their own.
    private func person(_ admin: AdminFixture, _ name: String, role: String) async throws -> JSONClient {
        let made = try await admin.post("tokens", "{\"name\": \"\(name)\", \"role\": \"\(role)\"}")
        return admin.client.acting(as: made.json["secret"].string)
    }

    private func freeze(_ admin: AdminFixture, _ state: String) async throws {
        _ = try await admin.row(
            """
            WITH subject AS (
                INSERT INTO reliability.budget_subject (tier, model, region, first_minute_at) VALUES ('pro', 'tiny', 'eu', now())
                ON CONFLICT DO NOTHING RETURNING id
            )
            INSERT INTO reliability.budget_state (subject_id, kind, objective_id, period_from, period_until, total, bad, rolling_total, rolling_bad,
                verdict, freeze_state, evaluated_at)
            SELECT coalesce((SELECT id FROM subject), (SELECT id FROM reliability.budget_subject)), 'availability', id, now(), now(), 1, 1, 1, 1, 'missed',
                \(state), now() FROM reliability.objective WHERE name = 'availability'
            ON CONFLICT (subject_id, kind) DO UPDATE SET freeze_state = EXCLUDED.freeze_state RETURNING 1
            """)
    }

    private static let release = #"{"name": "tiny-2", "model": "tiny"}"#

    @Test func aSpentBudgetHoldsChangesUpUntilAnotherPersonApprovesAPass() async throws {
        try await AdminFixture.run { admin in
            try await prepare(admin)
            let sku =
                #"{"name": "s", "model": "tiny", "tier": "pro", "primary_region": "eu", "prompt_price_pico_usd": 1, "completion_price_pico_usd": 1}"#
            #expect(try await admin.post("skus", sku).status == 201)
            try await freeze(admin, "frozen")
            #expect(try await admin.patch("skus/s", #"{"prompt_price_pico_usd": 2}"#).json["error"]["code"].string == "frozen")
            #expect(try await admin.patch("skus/s", #"{"backup_region": "us"}"#).json["prompt_price_pico_usd"] == .number(1))
            for (path, body) in [
                ("releases", Self.release),
                ("prices", #"{"model": "tiny", "tier": "pro", "prompt_price_pico_usd": 1, "completion_price_pico_usd": 1}"#),
            ] {
                let refused = try await admin.post(path, body)
                #expect(refused.status == 409 && refused.json["error"]["code"].string == "frozen", "\(path) \(refused.text)")
            }
            #expect(try await admin.get("freeze").json["state"].string == "frozen")
            #expect(try await admin.get("freeze?model=other").json["state"].string == "normal")

            let pass = try await admin.post("freeze-passes", #"{"kind": "security", "change": "deployment", "reason": "a hole in the image"}"#)
            let id = try #require(pass.json["id"].string)
            #expect(try await admin.post("releases", Self.release).status == 409, "not approved yet")
            #expect(try await admin.post("freeze-passes/\(id)/approve").json["error"]["code"].string == "own_request")
            let other = try await admin.stranger("second")
            #expect(try await other.send("POST", "/admin/v1/freeze-passes/\(id)/approve", "{}").status == 200)
            #expect(try await admin.post("releases", Self.release).status == 201)
            let price = #"{"model": "tiny", "tier": "pro", "prompt_price_pico_usd": 1, "completion_price_pico_usd": 1}"#
            #expect(try await admin.post("prices", price).status == 409, "the pass is for deployments")
            #expect(try await admin.get("freeze-passes/\(id)").json["uses"] == .number(1))
            let audited = try await admin.row(
                "SELECT count(*) AS n FROM audit.entry WHERE subject_kind = 'freeze_pass' AND action IN ('create', 'approve')")
            #expect(try audited?.value("n", as: Int.self) == 2)
        }
    }

    /// Two providers with a pool each in `eu`, the first of them with a worker of `tiny`, and one of the first in `us` without any.
    private func supply(_ admin: AdminFixture) async throws {
        _ = try await admin.post("releases", #"{"name": "tiny-1", "model": "tiny"}"#)
        for name in ["alpha", "beta"] {
            _ = try await admin.post("providers", "{\"name\": \"\(name)\", \"display_name\": \"\(name)\", \"kind\": \"independent\"}")
            _ = try await admin.post("pools", "{\"name\": \"\(name)-eu\", \"provider\": \"\(name)\", \"region\": \"eu\", \"kind\": \"shared\"}")
        }
        _ = try await admin.post("pools", #"{"name": "alpha-us", "provider": "alpha", "region": "us", "kind": "shared"}"#)
        _ = try await admin.row(
            """
            WITH host AS (INSERT INTO serving.hosts (id, name, pool, region, boot_id, last_heartbeat_at)
                VALUES (gen_random_uuid(), 'h', 'alpha-eu', 'eu', 'b', now()) RETURNING id)
            INSERT INTO serving.workers (host_id, runtime, release, dialect, runtime_state, slots, context_tokens, accepted)
            SELECT id, 'main', 'tiny-1', 'vllm', 'ready', 4, 2048, TRUE FROM host RETURNING 1
            """)
    }

    @Test func aFreezeHoldsChangesOfProvidersOnlyWhereTheirWorkersAreAndNeverWhatTakesThemOut() async throws {
        try await AdminFixture.run { admin in
            try await prepare(admin)
            try await supply(admin)
            try await freeze(admin, "frozen")
            let change = { (path: String, body: String) async throws -> String in
                let answer = try await admin.patch(path, body)
                return answer.json["error"]["code"].string ?? "\(answer.status)"
            }
            let weigh = { (name: String, ppm: Int) async throws -> Int in
                let body = "{\"scope\": \"provider\", \"subject\": \"\(name)\", \"weight_ppm\": \(ppm), \"reason\": \"slow\"}"
                return try await admin.post("routing-weights", body).status
            }
            #expect(try await change("providers/alpha", #"{"trust_class": "trusted"}"#) == "frozen")
            #expect(try await change("providers/beta", #"{"trust_class": "trusted"}"#) == "200", "it has no worker there")
            #expect(try await change("pools/alpha-eu", #"{"kind": "warm"}"#) == "frozen")
            #expect(try await change("pools/alpha-us", #"{"kind": "warm"}"#) == "200", "nothing is spent there")
            #expect(try await weigh("alpha", 5) == 201)
            #expect(try await weigh("alpha", 6) == 409)
            #expect(try await weigh("beta", 5) == 201)
            #expect(try await weigh("beta", 6) == 409, "whoever comes into its pool would serve there")
            for path in ["pools/alpha-eu", "providers/alpha"] {
                #expect(try await change(path, #"{"state": "suspended", "display_name": "other"}"#) != "200", "\(path)")
                #expect(try await change(path, #"{"state": "suspended"}"#) == "200", "\(path)")
                #expect(try await change(path, #"{"state": "active"}"#) == "frozen", "\(path)")
            }
        }
    }

    @Test func inCautionAnybodyMayTakeAProviderOutAtOnce() async throws {
        try await AdminFixture.run { admin in
            try await prepare(admin)
            try await supply(admin)
            try await freeze(admin, "caution")
            let hand = try await person(admin, "hand", role: "operator")
            let path = "/admin/v1/providers/alpha"
            #expect(try await hand.send("PATCH", path, #"{"trust_class": "trusted"}"#).json["error"]["code"].string == "caution")
            #expect(try await hand.send("PATCH", path, #"{"state": "suspended"}"#).status == 200)
            #expect(try await hand.send("PATCH", path, #"{"state": "active"}"#).json["error"]["code"].string == "caution")
        }
    }

    @Test func inCautionOnlyOwnersMayChangeThings() async throws {
        try await AdminFixture.run { admin in
            try await prepare(admin)
            try await freeze(admin, "caution")
            let hand = try await person(admin, "hand", role: "operator")
            #expect(try await hand.send("POST", "/admin/v1/releases", Self.release).json["error"]["code"].string == "caution")
            #expect(try await admin.post("releases", Self.release).status == 201)
            try await freeze(admin, "normal")
            #expect(try await hand.send("POST", "/admin/v1/releases", #"{"name": "tiny-3", "model": "tiny"}"#).status == 201)
        }
    }

    @Test func inCautionNothingServesManyThatHasNotServedAFew() async throws {
        try await AdminFixture.run { admin in
            try await prepare(admin)
            for name in ["tiny-a", "tiny-b"] { _ = try await admin.post("releases", "{\"name\": \"\(name)\", \"model\": \"tiny\"}") }
            let weigh = { (name: String, ppm: Int) in
                try await admin.post(
                    "routing-weights", "{\"scope\": \"release\", \"subject\": \"\(name)\", \"weight_ppm\": \(ppm), \"reason\": \"rollout\"}")
            }
            _ = try await weigh("tiny-a", 900_000)
            _ = try await weigh("tiny-b", 0)
            try await freeze(admin, "caution")
            let refused = try await weigh("tiny-b", 200_000)
            #expect(refused.status == 409 && refused.json["error"]["code"].string == "canary", "\(refused.text)")
            #expect(refused.text.contains("tiny-b must first take more than nothing and at most 10 %"))
            #expect(try await weigh("tiny-b", 50_000).status == 201)
            #expect(try await weigh("tiny-b", 900_000).json["error"]["code"].string == "canary", "not for half an hour yet")
            #expect(try await weigh("tiny-a", 0).json["error"]["code"].string == "canary", "its share would be all")
            _ = try await admin.row("UPDATE serving.routing_weights SET created_at = now() - interval '31 minutes' RETURNING 1 AS one")
            let image = "{\"image_digest\": \"sha256:\(String(repeating: "a", count: 64))\"}"
            let inPlace = try await admin.patch("releases/tiny-a", image)
            #expect(inPlace.json["error"]["code"].string == "canary", "\(inPlace.text)")
            // What another release caused, whose name has this one's in it, is not its own; what it caused itself holds it up until that is corrected.
            try await blame(admin, "release tiny-b-2", minutesAgo: 5)
            try await blame(admin, "release tiny-b", minutesAgo: 4)
            #expect(try await weigh("tiny-b", 900_000).json["error"]["code"].string == "canary")
            try await blame(admin, "release tiny-b", minutesAgo: 4, amount: -1)
            #expect(try await weigh("tiny-b", 900_000).status == 201)
            try await freeze(admin, "normal")
            #expect(try await weigh("tiny-a", 0).status == 201)
        }
    }

    /// A bad minute that is laid to a change, or taken back.
    private func blame(_ admin: AdminFixture, _ changed: String, minutesAgo: Int, amount: Int = 1) async throws {
        _ = try await admin.row(
            """
            INSERT INTO reliability.budget_entry (subject_id, minute_at, revision, amount, status, cause, detail, changed)
            SELECT id, date_trunc('minute', now()) - make_interval(mins => \(minutesAgo)), \(amount > 0 ? 0 : 1), \(amount), 'bad', 'deployment',
                \("weight of " + changed), \(changed)
            FROM reliability.budget_subject LIMIT 1 RETURNING 1 AS one
            """)
    }

    @Test func aSmallerModelAnswersOnlyWhereTheTermsNameItAndTheAddendumTells() async throws {
        try await AdminFixture.run { admin in
            try await prepare(admin)
            try await supply(admin)
            _ = try await admin.post("models", #"{"name": "small", "display_name": "Small", "context_tokens": 2048}"#)
            _ = try await admin.row(Self.probe)
            let create = { (name: String, more: String) in
                try await admin.post("terms", "{\"name\": \"\(name)\", \"title\": \"Pro\", \"tier\": \"pro\"\(more)}")
            }
            #expect(try await create("half", #", "fallback_model": "small""#).status == 400)
            #expect(try await create("unknown", #", "fallback_model": "none", "fallback_quality": "good""#).status == 400)
            let named = try await create("named", #", "fallback_model": "small", "fallback_quality": "good for short answers""#)
            let silent = try await create("silent", "")
            #expect(named.status == 201 && named.json["fallback_model"].string == "small", "\(named.text)")
            let text = { (terms: JSONClient.Answer) in try await admin.get("terms/\(terms.json["id"].string ?? "")/addendum/text").text }
            #expect(try await text(named).contains("smaller model `small`, whose quality is: good for short answers"))
            #expect(try await text(silent).contains("answered by the model that they ask for, and by no other"))
            let agree = { (terms: JSONClient.Answer) in
                try await admin.row(
                    """
                    INSERT INTO reliability.agreement (tenant_id, terms_id, model, region, state, starts_at, monthly_minimum_micro_usd, evidence, requested_by)
                    SELECT id, \(terms.json["id"].string)::uuid, 'tiny', 'eu', 'active', date_trunc('minute', now()), 0, '{}', 'test' FROM serving.tenants
                    RETURNING 1
                    """)
            }
            let fall = { (region: String) in
                try await admin.post(
                    "mitigations",
                    """
                    {"action": "fallback_model", "tier": "pro", "model": "tiny", "region": "\(region)", "to_model": "small", "reason": "trouble"}
                    """)
            }
            _ = try await agree(silent)
            let refused = try await fall("eu")
            #expect(refused.json["error"]["code"].string == "not_in_terms" && refused.text.contains("acme (silent version 1)"), "\(refused.text)")
            #expect(try await fall("us").json["error"]["code"].string != "not_in_terms")
            _ = try await admin.row(
                """
                UPDATE reliability.agreement SET state = 'ended', starts_at = starts_at - interval '1 hour', ends_at = date_trunc('minute', now())
                RETURNING 1
                """)
            _ = try await agree(named)
            #expect(try await fall("eu").json["error"]["code"].string != "not_in_terms")
        }
    }

    @Test func whichContractStopsAFallbackIsToldAndANewVersionOfItsTermsLetsItAnswer() async throws {
        try await AdminFixture.run { admin in
            try await prepare(admin)
            _ = try await admin.post("models", #"{"name": "small", "display_name": "Small", "context_tokens": 2048}"#)
            _ = try await admin.row(Self.probe)
            for (name, model, more) in [("small-pro", "small", ""), ("tiny-pro", "tiny", #", "fallback_sku": "small-pro""#)] {
                let sku = """
                    {"name": "\(name)", "model": "\(model)", "tier": "pro", "primary_region": "eu", "prompt_price_pico_usd": 1,
                    "completion_price_pico_usd": 1\(more)}
                    """
                #expect(try await admin.post("skus", sku).status == 201)
            }
            _ = try await admin.row("UPDATE serving.skus SET state = 'active'")
            let terms = { (more: String) in
                try await admin.post("terms", "{\"name\": \"pro\", \"title\": \"Pro\", \"tier\": \"pro\", \"evidence_days\": 1\(more)}")
            }
            _ = try await terms("")
            try await PromiseFixture.measure(admin)
            let agree = { try await admin.post("agreements", #"{"tenant": "acme", "terms": "pro", "model": "tiny", "region": "eu"}"#) }
            let silent = try await agree()
            #expect(silent.json["stops_fallback_of"].string == "tiny-pro", "\(silent.text)")
            let sku = { try await admin.get("skus/tiny-pro").json["fallback_refused_by"] }
            #expect(try await sku().string == "acme (pro version 1)")
            let readiness = try await admin.get("readiness").text
            #expect(readiness.contains("whose terms do not name its model: tiny-pro by acme (pro version 1)"))
            #expect(try await terms(#", "fallback_model": "small", "fallback_quality": "short answers""#).json["version"] == .number(2))
            #expect(try await sku().string == "acme (pro version 1)", "a version that nobody has signed changes nothing")
            _ = try await admin.post("agreements/\(silent.json["id"].string ?? "")/end", #"{"grounds": "by_agreement"}"#)
            let next = try await agree()
            #expect(next.json["terms_name"].string == "pro v2" && next.json["stops_fallback_of"] == .null, "\(next.text)")
            _ = try await admin.row(
                """
                UPDATE reliability.agreement SET starts_at = starts_at - interval '2 hours', ends_at = date_trunc('minute', now()) - interval '1 hour'
                WHERE state = 'ended' RETURNING 1
                """)
            #expect(try await sku() == .null)
        }
    }

    @Test func termsAreRefusedWhereNothingMeasuresThemAndVersionsStay() async throws {
        try await AdminFixture.run { admin in
            try await prepare(admin)
            let terms = #"{"name": "pro", "title": "Pro", "tier": "pro", "model": "tiny", "region": "eu"}"#
            let unmeasured = try await admin.post("terms", terms)
            #expect(unmeasured.status == 409 && unmeasured.text.contains("no probe in the last hour"))
            _ = try await admin.row(Self.probe)
            let strict = #"{"name": "pro", "title": "Pro", "tier": "pro", "availability_ppm": 999900, "ttft_threshold_microseconds": 1000000}"#
            let refused = try await admin.post("terms", strict).text
            #expect(refused.contains("asks for less than 99.99 %") && refused.contains("gateways count first tokens"))
            _ = try await admin.post(
                "objectives", #"{"name": "eu", "kind": "availability", "region": "eu", "target_ppm": 999000, "burn_alerts": false}"#)
            #expect(try await admin.post("terms", terms).text.contains("raises no burn alerts"))
            _ = try await admin.patch("objectives/eu", #"{"burn_alerts": true}"#)
            let first = try await admin.post("terms", terms)
            let second = try await admin.post("terms", terms)
            #expect(first.json["version"] == .number(1) && second.json["version"] == .number(2))
            await #expect(throws: PostgresError.self) { try await admin.row("UPDATE reliability.terms SET credit_cap_percent = 50 RETURNING 1") }
            let id = try #require(first.json["id"].string)
            let text = try await admin.get("terms/\(id)/addendum").json["markdown"].string ?? ""
            let alone = try await admin.get("terms/\(id)/addendum/text")
            #expect(alone.text == text && alone.headers["content-type"] == "text/markdown; charset=utf-8")
            #expect(try await admin.get("terms/\(UUID())/addendum/text").status == 404)
            for part in [
                "99.9 % monthly uptime", "not above 1.5 s", "8 s at 256 generated tokens", "5 % of the monthly fee for each 0.1 %", "at most 25 %",
                "3 consecutive hours", "each month has the whole hours in it, and they are not added up across its end", "`force_majeure`",
                "at least 72 hours ahead", "240 minutes a month", "30 days' notice", "sole remedy",
                "Of a month that is covered in part, the minutes of that part count", "Not reviewed by counsel",
            ] {
                #expect(text.contains(part), "\(part)")
            }
            #expect(text.split(separator: "\n").count { $0.hasSuffix("`)") } == 6)
        }
    }

    @Test func theTextToSignHasWhatWasAgreedWithOneCustomerAndEachFieldOfTheTerms() async throws {
        try await AdminFixture.run { admin in
            try await prepare(admin)
            try await PromiseFixture.measure(admin)
            _ = try await admin.patch("tiers/pro", #"{"requests_per_minute": 100, "burst_requests": 20}"#)
            let terms = try await admin.post(
                "terms",
                #"""
                {"name": "pro", "title": "Pro plus", "tier": "pro", "model": "tiny", "region": "eu", "availability_ppm": 998000, "bad_above_ppm": 30000,
                    "ttlt_threshold_microseconds": 9000000, "credit_table": "[{\"below_ppm\": 998000, \"percent\": 10}, {\"below_ppm\": 990000, \"percent\": 20}]",
                    "latency_credit_percent": 7, "latency_per_episode": true, "credit_cap_percent": 33, "exclusions": ["scheduled_maintenance", "misuse"],
                    "burst_percent": 20, "maintenance_lead_hours": 96, "maintenance_month_minutes": 120, "termination_days": 45, "dispute_days": 50,
                    "sole_remedy": false, "time_zone": "Europe/Berlin", "evidence_days": 1, "reviewed_by_counsel": "A Counsel", "reviewed_on": "2026-05-01"}
                """#)
            #expect(terms.status == 201, "\(terms.text)")
            let made = try await admin.post(
                "agreements",
                #"""
                {"tenant": "acme", "terms": "pro", "model": "tiny", "region": "eu", "monthly_minimum_micro_usd": 500500000, "maintenance_weekday": 7,
                    "maintenance_from_minute": 1320, "maintenance_until_minute": 120}
                """#)
            #expect(made.status == 201, "\(made.text)")
            let path = "agreements/\(made.json["id"].string ?? "")/addendum"
            let text = try await admin.get("\(path)/text").text
            #expect(try await admin.get(path).json["markdown"].string == text)
            for part in [
                "Pro plus", "`pro`, version 1", "Customer: Acme.", "model `tiny`", "region `eu`", "USD 500.5.",
                "Sundays, 22:00 to 02:00 of the next day, in the time zone Europe/Berlin", "99.8 % monthly uptime", "more than 3 % of the requests",
                "not above 1.5 s", "9 s at 256 generated tokens", "10 % of the monthly fee when uptime is below 99.8 %",
                "20 % of the monthly fee when uptime is below 99 %", "the lowest of them counts, alone",
                "7 % of the monthly fee when the time to first token",
                "for each such time", "at most 33 %", "`misuse`", "burst is 20 %", "at least 96 hours ahead", "120 minutes a month",
                "45 days' notice",
                "disputed for 50 days", "do not limit other remedies", "evidence of the last 1 day", "Reviewed by A Counsel on 2026-05-01",
            ] {
                #expect(text.contains(part), "\(part)")
            }
            #expect(try await admin.get("agreements/\(UUID())/addendum/text").status == 404)
        }
    }

    @Test func aPromiseNeedsEvidenceOrTwoOtherPeople() async throws {
        try await AdminFixture.run { admin in
            try await prepare(admin)
            _ = try await admin.row(Self.probe)
            #expect(try await admin.post("terms", #"{"name": "pro", "title": "Pro", "tier": "pro", "evidence_days": 1}"#).status == 201)
            let promise = { (more: String) in "{\"tenant\": \"acme\", \"terms\": \"pro\", \"model\": \"tiny\", \"region\": \"eu\"\(more)}" }
            let refused = try await admin.post("agreements", promise(""))
            #expect(refused.status == 409 && refused.json["error"]["code"].string == "not_supported" && refused.text.contains("were not measured"))
            let made = try await admin.post("agreements", promise(#", "override_reason": "a pilot customer""#))
            #expect(made.status == 201 && made.json["state"].string == "proposed")
            let path = "/admin/v1/agreements/\(made.json["id"].string ?? "")/approve"
            #expect(try await admin.client.send("POST", path, "{}").status == 409)
            let (second, third) = (try await admin.stranger("second"), try await admin.stranger("third"))
            #expect(try await second.send("POST", path, "{}").json["state"].string == "proposed")
            #expect(try await second.send("POST", path, "{}").status == 409)
            #expect(try await third.send("POST", path, "{}").json["state"].string == "active")
            let audited = try await admin.row(
                "SELECT count(DISTINCT actor) AS n FROM audit.entry WHERE subject_kind = 'agreement' AND action IN ('create', 'approve')")
            #expect(try audited?.value("n", as: Int.self) == 3)
        }
    }

    @Test func evidenceThatSupportsAPromiseMakesItAtOnce() async throws {
        try await AdminFixture.run { admin in
            try await prepare(admin)
            try await PromiseFixture.measure(admin)
            #expect(try await admin.post("terms", #"{"name": "pro", "title": "Pro", "tier": "pro", "evidence_days": 1}"#).status == 201)
            let made = try await admin.post("agreements", #"{"tenant": "acme", "terms": "pro", "model": "tiny", "region": "eu"}"#)
            #expect(made.json["state"].string == "active" && made.json["evidence"]["unmeasured"] == .number(0), "\(made.text)")
            let again = try await admin.post("agreements", #"{"tenant": "acme", "terms": "pro", "model": "tiny", "region": "eu"}"#)
            #expect(again.status == 409)
            let id = try #require(made.json["id"].string)
            let past = try await admin.post("agreements/\(id)/end", #"{"ends_at": "2020-01-01T00:00:00Z", "grounds": "for_cause"}"#)
            let (ended, began) = (past.json["ends_at"].string ?? "", made.json["created_at"].string ?? "z")
            #expect(past.status == 200 && ended > began, "what has passed stays promised")
            #expect(try await admin.post("agreements/\(id)/end").status == 409)
            let next = try await admin.post(
                "agreements",
                #"""
                {"tenant": "acme", "terms": "pro", "model": "tiny", "region": "eu", "maintenance_weekday": 7, "maintenance_from_minute": 1320,
                    "maintenance_until_minute": 120}
                """#)
            #expect(next.status == 201 && next.json["maintenance_until_minute"] == .number(120), "a night ends on the next day: \(next.text)")
            #expect((next.json["starts_at"].string ?? "") >= ended, "no minute is promised twice")
        }
    }

    @Test func anAgreementEndsWithTheNoticeOfItsTermsOrOnGroundsThatTheAuditLogKeeps() async throws {
        try await AdminFixture.run { admin in
            try await prepare(admin)
            try await PromiseFixture.measure(admin)
            #expect(try await admin.post("terms", #"{"name": "pro", "title": "Pro", "tier": "pro", "evidence_days": 1}"#).status == 201)
            let made = try await PromiseFixture.agree(admin)
            let path = "agreements/\(made.json["id"].string ?? "")/end"
            let days = { (count: Double) in (Date() + count * 86_400).formatted(.iso8601) }
            for body in ["{}", "{\"ends_at\": \"\(days(29))\"}"] {
                let refused = try await admin.post(path, body)
                #expect(refused.status == 409 && refused.json["error"]["code"].string == "notice", "\(refused.text)")
                #expect(refused.text.contains("30 days' notice") && refused.text.contains("by_agreement or for_cause"), "\(refused.text)")
            }
            #expect(try await admin.post(path, #"{"grounds": "boredom"}"#).status == 400)
            let ended = try await admin.post(path, "{\"ends_at\": \"\(days(31))\"}")
            #expect(ended.json["state"].string == "ended", "\(ended.text)")
            _ = try await admin.row("UPDATE reliability.agreement SET state = 'active', ends_at = NULL RETURNING 1")
            #expect(try await admin.post(path, #"{"grounds": "for_cause", "reason": "never paid"}"#).json["state"].string == "ended")
            #expect(try await admin.row("SELECT 1 FROM audit.entry WHERE action = 'end' AND change::text LIKE '%for_cause%'") != nil)
        }
    }

    @Test func objectivesGoOutAndComeBackAsOpenSLO() async throws {
        try await AdminFixture.run { admin in
            try await prepare(admin)
            _ = try await admin.post(
                "objectives",
                """
                {"name": "strict", "kind": "availability", "model": "tiny", "target_ppm": 999950, "bad_above_ppm": null, "time_zone": "Europe/Berlin",
                    "burn_alerts": false, "freezes": false}
                """
            )
            let before = try await admin.get("objectives").json["data"]
            let exported = try await admin.get("openslo")
            #expect(exported.text.contains(#""target":0.99995"#) && exported.text.contains(#""timeSliceTarget":0.95"#))
            #expect(exported.text.contains(#""threshold":14.4"#))
            _ = try await admin.delete("objectives/strict")
            let taken = try await admin.post("openslo", exported.text)
            #expect(taken.status == 201 && taken.json["imported"].elements.count == 6 && taken.json["ignored"] == .number(6), "\(taken.text)")
            let after = try await admin.get("objectives").json["data"]
            let facts = { (rows: JSONTree) in
                rows.elements.map { row in
                    [
                        "name", "kind", "model", "target_ppm", "threshold_microseconds", "bad_above_ppm", "period", "time_zone", "burn_alerts",
                        "freezes",
                    ].map { row[$0].text }
                }.sorted { $0[0] < $1[0] }
            }
            #expect(facts(before) == facts(after))
            for (written, other) in [
                (#""budgetingMethod":"Timeslices""#, #""budgetingMethod":"RatioTimeslices""#), (#""budgetingMethod":"Occurrences","#, ""),
                (#""timeSliceWindow":"1m""#, #""timeSliceWindow":"5m""#),
                (#""startTime":"2024-01-01 00:00:00""#, #""startTime":"2024-01-15 00:00:00""#),
                (#""target":0.99995"#, #""target":0.9999999"#), (#""target":0.99995"#, #""target":0.0000001"#),
            ] {
                let refused = try await admin.post("openslo", exported.text.replacing(written, with: other))
                #expect(refused.status == 400, "\(other): \(refused.text)")
            }
            let foreign = exported.text.replacing(#""type":"plimsoll""#, with: #""type":"prometheus""#)
            #expect(try await admin.post("openslo", foreign).json["error"]["faults"].elements.count == 6)
        }
    }

    /// The last one would not fit where it is kept.
    @Test(arguments: ["0", "-1", "1.5", "0.9999999", "1e300"])
    func aSliceThatIsNoShareIsRefusedInItsPlace(slice: String) async throws {
        try await AdminFixture.run { admin in
            let exported = try await admin.get("openslo").text
            let refused = try await admin.post("openslo", exported.replacing(#""timeSliceTarget":0.95"#, with: "\"timeSliceTarget\":\(slice)"))
            #expect(refused.status == 400 && refused.text.contains("timeSliceTarget"), "\(refused.text)")
        }
    }

    @Test func anAgreementBeginsInTheMinuteThatIsAskedForAndFollowsOnWithoutAGap() async throws {
        try await AdminFixture.run { admin in
            try await prepare(admin)
            try await PromiseFixture.measure(admin)
            #expect(try await PromiseFixture.terms(admin).status == 201)
            let first = try await PromiseFixture.agree(admin, #", "starts_at": "2030-06-01T00:00:00Z""#)
            #expect(first.json["starts_at"].string?.hasPrefix("2030-06-01T00:00:00") == true, "\(first.text)")
            let end = #"{"ends_at": "2030-07-01T00:00:00Z"}"#
            let ended = try await admin.post("agreements/\(first.json["id"].string ?? "")/end", end)
            #expect(ended.status == 200, "\(ended.text)")
            let next = try await PromiseFixture.agree(admin, #", "starts_at": "2030-07-01T00:00:00Z""#)
            #expect(next.json["starts_at"].string == ended.json["ends_at"].string, "\(next.text)")
            _ = try await admin.post("agreements/\(next.json["id"].string ?? "")/end", #"{"ends_at": "2030-08-01T00:00:00Z"}"#)
            let late = try await PromiseFixture.agree(admin, #", "starts_at": "2030-09-01T00:00:01Z""#)
            #expect(late.json["starts_at"].string?.hasPrefix("2030-09-01T00:01:00") == true, "\(late.text)")
        }
    }

    @Test func anObjectiveThatGatewaysDoNotCountForIsRefused() async throws {
        try await AdminFixture.run { admin in
            try await prepare(admin)
            let body = #"{"name": "fast", "kind": "ttft_p95", "tier": "pro", "target_ppm": 950000, "threshold_microseconds": 900000}"#
            #expect(try await admin.post("objectives", body).text.contains("must be 1500000"))
            #expect(
                try await admin.post(
                    "objectives", #"{"name": "x", "kind": "availability", "region": "eu", "target_ppm": 999000, "time_zone": "Mars"}"#
                ).status == 400
            )
        }
    }
}
