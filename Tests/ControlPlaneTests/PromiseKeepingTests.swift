import FoundationEssentials
import Postgres
import TestSupport
import Testing

@testable import ControlPlane

enum PromiseFixture {
    /// A tenant of the tier pro and a model.
    static func prepare(_ admin: AdminFixture) async throws {
        _ = try await admin.tenant()
        _ = try await admin.post("models", #"{"name": "tiny", "display_name": "Tiny", "context_tokens": 2048}"#)
    }

    /// A pool, so that there is the region.
    static func place(_ admin: AdminFixture) async throws {
        _ = try await admin.row("INSERT INTO serving.providers (name, display_name, kind) VALUES ('house', 'House', 'independent') RETURNING 1")
        _ = try await admin.row("INSERT INTO serving.pools (name, provider, region) VALUES ('house-eu', 'house', 'eu') RETURNING 1")
    }

    /// Days in which every minute was good, with probes that say how fast.
    static func measure(_ admin: AdminFixture, days: Int = 2, firstToken: Int64 = 100_000, lastToken: Int64 = 2_000_000) async throws {
        _ = try await admin.row(
            """
            INSERT INTO reliability.probe_minute SELECT 'tiny', 'eu', minute_at, 1, 0
            FROM generate_series(date_trunc('minute', now()) - make_interval(days => \(days)), now(), '1 minute') AS minute_at
            ON CONFLICT DO NOTHING
            """)
        _ = try await admin.row(
            """
            INSERT INTO reliability.probe (id, at, kind, model, region, succeeded, status, ttft_us, ttlt_us, completion_tokens)
            SELECT gen_random_uuid(), now() - number * interval '10 minutes', 'outside', 'tiny', 'eu', true, 200, \(firstToken), \(lastToken), 256
            FROM generate_series(1, 60) AS number
            """)
    }

    static func terms(_ admin: AdminFixture, _ more: String = "") async throws -> JSONClient.Answer {
        try await admin.post("terms", "{\"name\": \"pro\", \"title\": \"Pro\", \"tier\": \"pro\", \"evidence_days\": 1\(more)}")
    }

    static func agree(_ admin: AdminFixture, _ more: String = "") async throws -> JSONClient.Answer {
        try await admin.post("agreements", "{\"tenant\": \"acme\", \"terms\": \"pro\", \"model\": \"tiny\", \"region\": \"eu\"\(more)}")
    }
}

/// Promises that would say one thing and be computed as another, or not be measured any more.
@Suite struct PromiseKeepingTests {
    private static let approval = #", "override_reason": "a pilot customer""#

    @Test func `a proposal that is withdrawn was never promised`() async throws {
        try await AdminFixture.run { admin in
            try await PromiseFixture.prepare(admin)
            _ = try await admin.row(
                "INSERT INTO reliability.probe_minute VALUES ('tiny', 'eu', date_trunc('minute', now()), 1, 0) RETURNING 1")
            _ = try await PromiseFixture.terms(admin)
            let made = try await PromiseFixture.agree(admin, Self.approval)
            #expect(made.json["state"].string == "proposed")
            let id = try #require(made.json["id"].string)
            _ = try await admin.row("UPDATE reliability.agreement SET starts_at = starts_at - interval '2 hours' RETURNING 1")
            #expect(try await admin.post("agreements/\(id)/end", #"{"reason": "never signed"}"#).status == 200)
            #expect(try await admin.get("agreements/\(id)").status == 404)
            let again = try await PromiseFixture.agree(admin, Self.approval)
            #expect(again.status == 201, "\(again.text)")
            _ = try await admin.row("UPDATE reliability.agreement SET state = 'active' RETURNING 1")
            await #expect(throws: PostgresError.self) { try await admin.row("DELETE FROM reliability.agreement RETURNING 1") }
            let audited = try await admin.row("SELECT count(*) AS n FROM audit.entry WHERE subject_kind = 'agreement' AND action = 'withdraw'")
            #expect(try audited?.value("n", as: Int.self) == 1)
        }
    }

    @Test func `maintenance is left out by its window alone`() async throws {
        try await AdminFixture.run { admin in
            try await PromiseFixture.prepare(admin)
            let body = """
                {"tenant": "acme", "code": "scheduled_maintenance", "reason": "announced too late", "starts_at": "2026-06-01T02:00:00Z",
                "ends_at": "2026-06-01T03:00:00Z"}
                """
            let refused = try await admin.post("exclusions", body)
            #expect(refused.status == 400 && refused.text.contains("maintenance-windows create"), "\(refused.text)")
            let asked = try await admin.row(
                """
                INSERT INTO reliability.exclusion (code, reason, starts_at, ends_at, requested_by)
                VALUES ('scheduled_maintenance', 'of before', '2026-06-01', '2026-06-02', 'somebody') RETURNING id
                """)
            let id = try #require(try asked?.value("id", as: UUID.self))
            #expect(try await admin.post("exclusions/\(id)/approve").json["error"]["code"].string == "not_a_window")
        }
    }

    @Test(arguments: [
        (#"[{\"below_ppm\": 999500, \"percent\": 10}]"#, "no row may begin above"),
        (#"[{\"below_ppm\": 999000, \"percent\": 10}, {\"below_ppm\": 990000, \"percent\": 5}]"#, "pay at least as much"),
        (#"[{\"below_ppm\": 999000, \"percent\": 10}, {\"below_ppm\": 999000, \"percent\": 20}]"#, "pay at least as much"),
        (#"[]"#, "must be JSON"),
        (#"[{\"below_ppm\": 999000, \"percent\": 10}, {\"below_ppm\": 990000, \"percent\": 25}]"#, nil),
    ])
    func `a table that the addendum and the credit would read differently is refused`(table: String, fault: String?) async throws {
        try await AdminFixture.run { admin in
            try await PromiseFixture.prepare(admin)
            try await PromiseFixture.measure(admin)
            let made = try await PromiseFixture.terms(admin, ", \"credit_table\": \"\(table)\"")
            guard let fault else {
                #expect(made.status == 201, "\(made.text)")
                return
            }
            #expect(made.status == 400 && made.text.contains(fault), "\(made.text)")
        }
    }

    @Test func `a day that there is not is refused, and a burst that gateways do not let through`() async throws {
        try await AdminFixture.run { admin in
            try await PromiseFixture.prepare(admin)
            try await PromiseFixture.measure(admin)
            let day = try await PromiseFixture.terms(admin, #", "reviewed_by_counsel": "A Counsel", "reviewed_on": "2026-13-45""#)
            #expect(day.status == 400, "\(day.text)")
            _ = try await admin.patch("tiers/pro", #"{"requests_per_minute": 100, "burst_requests": 20}"#)
            let burst = try await PromiseFixture.terms(admin, #", "burst_percent": 50"#)
            #expect(burst.status == 409 && burst.text.contains("agreed burst of 50 % of 100"), "\(burst.text)")
            #expect(try await PromiseFixture.terms(admin, #", "burst_percent": 20"#).status == 201)
        }
    }

    @Test func `the agreed burst stays what gateways let through, and latency what raises alerts`() async throws {
        try await AdminFixture.run { admin in
            try await PromiseFixture.prepare(admin)
            try await PromiseFixture.measure(admin)
            _ = try await admin.patch("objectives/first-token", #"{"burn_alerts": false}"#)
            let silent = try await PromiseFixture.terms(admin)
            #expect(silent.status == 409 && silent.text.contains("first-token raises no burn alerts"), "\(silent.text)")
            _ = try await admin.patch("objectives/first-token", #"{"burn_alerts": true}"#)
            _ = try await admin.patch("tiers/pro", #"{"requests_per_minute": 100, "burst_requests": 50}"#)
            #expect(try await PromiseFixture.terms(admin, #", "burst_percent": 50"#).status == 201)
            #expect(try await PromiseFixture.agree(admin).json["state"].string == "active")
            for body in [#"{"burst_requests": 49}"#, #"{"requests_per_minute": 101}"#] {
                let refused = try await admin.patch("tiers/pro", body)
                #expect(refused.json["error"]["code"].string == "promised" && refused.text.contains("agreed burst of 50 %"), "\(refused.text)")
            }
            #expect(try await admin.patch("tiers/pro", #"{"requests_per_minute": 101, "burst_requests": 51}"#).status == 200)
        }
    }

    @Test func `what rests on an objective of every minute has no budget, and is neither sold nor promised`() async throws {
        try await AdminFixture.run { admin in
            try await PromiseFixture.prepare(admin)
            try await PromiseFixture.measure(admin)
            #expect(try await PromiseFixture.terms(admin).status == 201)
            #expect(try await admin.patch("objectives/availability", #"{"target_ppm": 1000000}"#).status == 200)
            for refused in [
                try await PromiseFixture.terms(admin), try await PromiseFixture.agree(admin), try await PromiseFixture.agree(admin, Self.approval),
            ] {
                #expect(refused.status == 409 && refused.json["error"]["code"].string == "not_measured", "\(refused.text)")
                #expect(refused.text.contains("the objective availability has no budget"), "\(refused.text)")
            }
            #expect(try await admin.patch("objectives/availability", #"{"target_ppm": 999000}"#).status == 200)
            let made = try await PromiseFixture.agree(admin)
            #expect(made.json["state"].string == "active", "\(made.text)")
        }
    }

    @Test func `what nothing measures any more is not approved, nor on terms that are retired`() async throws {
        try await AdminFixture.run { admin in
            try await PromiseFixture.prepare(admin)
            _ = try await admin.row("INSERT INTO reliability.probe_minute VALUES ('tiny', 'eu', date_trunc('minute', now()), 1, 0) RETURNING 1")
            let terms = try await PromiseFixture.terms(admin)
            let made = try await PromiseFixture.agree(admin, Self.approval)
            #expect(made.json["state"].string == "proposed", "\(made.text)")
            let approve = { (person: String) in
                try await admin.stranger(person).send("POST", "/admin/v1/agreements/\(made.json["id"].string ?? "")/approve", "{}")
            }
            #expect(try await approve("second").json["state"].string == "proposed")
            #expect(try await admin.patch("objectives/availability", #"{"target_ppm": 990000}"#).status == 200, "a proposal holds nothing up")
            let loose = try await approve("third")
            #expect(loose.json["error"]["code"].string == "not_measured" && loose.text.contains("asks for less than 99.9 %"), "\(loose.text)")
            #expect(try await admin.patch("objectives/availability", #"{"target_ppm": 999000}"#).status == 200)
            _ = try await admin.post("terms/\(terms.json["id"].string ?? "")/retire")
            let retired = try await approve("fourth")
            #expect(retired.json["error"]["code"].string == "not_sold" && retired.text.contains("retired"), "\(retired.text)")
            _ = try await admin.row("UPDATE reliability.terms SET state = 'active' RETURNING 1")
            #expect(try await approve("fifth").json["state"].string == "active")
        }
    }

    @Test func `a review is not of a day that is still to come`() async throws {
        try await AdminFixture.run { admin in
            try await PromiseFixture.prepare(admin)
            try await PromiseFixture.measure(admin)
            let day = { (days: Double) in (Date() + days * 86_400).formatted(.iso8601.year().month().day()) }
            let future = try await PromiseFixture.terms(admin, ", \"reviewed_by_counsel\": \"A Counsel\", \"reviewed_on\": \"\(day(3))\"")
            #expect(future.status == 400 && future.text.contains("reviewed_on"), "\(future.text)")
            let today = try await PromiseFixture.terms(admin, ", \"reviewed_by_counsel\": \"A Counsel\", \"reviewed_on\": \"\(day(0))\"")
            #expect(today.status == 201, "\(today.text)")
        }
    }

    @Test func `what customers will read names no provider, in titles and reasons of work and exclusions`() async throws {
        try await AdminFixture.run { admin in
            try await PromiseFixture.prepare(admin)
            _ = try await admin.post("providers", #"{"name": "alpha", "display_name": "Alpha Compute", "kind": "independent"}"#)
            let work = { (title: String, reason: String) in
                try await admin.post(
                    "maintenance-windows",
                    """
                    {"title": "\(title)", "reason": "\(reason)", "starts_at": "2030-06-01T02:00:00Z", "ends_at": "2030-06-01T03:00:00Z"}
                    """)
            }
            let title = try await work("Alpha Compute moves", "new racks")
            #expect(title.status == 400 && title.text.contains("names alpha"), "\(title.text)")
            #expect(try await work("A move", "racks of ALPHA").status == 400)
            #expect(try await work("A move", "new racks").status == 201)
            let exclusion = { (reason: String) in
                try await admin.post(
                    "exclusions",
                    """
                    {"tenant": "acme", "code": "misuse", "reason": "\(reason)", "starts_at": "2026-06-01T02:00:00Z", "ends_at": "2026-06-01T03:00:00Z"}
                    """)
            }
            #expect(try await exclusion("they scraped alpha").status == 400)
            #expect(try await exclusion("they scraped the service").status == 201)
        }
    }

    @Test func `time is left out of a model and region that are there, or were, and of no other`() async throws {
        try await AdminFixture.run { admin in
            try await PromiseFixture.prepare(admin)
            try await PromiseFixture.place(admin)
            let ask = { (place: String) in
                try await admin.post(
                    "exclusions",
                    """
                    {"tenant": "acme", \(place), "code": "misuse", "reason": "they scraped the service", "starts_at": "2026-06-01T02:00:00Z",
                    "ends_at": "2026-06-01T03:00:00Z"}
                    """)
            }
            let wrong = try await ask(#""model": "tny", "region": "ue""#)
            #expect(wrong.status == 400, "\(wrong.text)")
            #expect(Set(wrong.json["error"]["faults"].elements.compactMap { $0["param"].string }) == ["model", "region"], "\(wrong.text)")
            #expect(try await ask(#""model": "tiny", "region": "ue""#).status == 400)
            #expect(try await admin.get("exclusions").json["data"].elements.isEmpty)
            #expect(try await ask(#""model": "tiny", "region": "eu""#).status == 201)
            _ = try await admin.row("UPDATE serving.models SET state = 'deleted' RETURNING 1")
            #expect(try await ask(#""model": "tiny""#).status == 201, "it was there then")
        }
    }

    @Test(arguments: ["customer_network", "over_quota", "over_limit", "misuse"])
    func `what one customer did is left out for that customer alone`(code: String) async throws {
        try await AdminFixture.run { admin in
            try await PromiseFixture.prepare(admin)
            let ask = { (tenant: String) in
                try await admin.post(
                    "exclusions",
                    """
                    {\(tenant)"code": "\(code)", "reason": "their uplink", "starts_at": "2026-06-01T02:00:00Z", "ends_at": "2026-06-01T03:00:00Z"}
                    """)
            }
            let everybody = try await ask("")
            #expect(everybody.status == 400 && everybody.json["error"]["param"].string == "tenant", "\(everybody.text)")
            #expect(try await ask(#""tenant": "acme", "#).status == 201)
        }
    }

    @Test func `what was promised stays measured as long as it is promised`() async throws {
        try await AdminFixture.run { admin in
            try await PromiseFixture.prepare(admin)
            try await PromiseFixture.measure(admin)
            _ = try await PromiseFixture.terms(admin)
            let made = try await PromiseFixture.agree(admin)
            #expect(made.json["state"].string == "active", "\(made.text)")
            for (path, body) in [
                ("tiers/pro", #"{"ttft_objective_microseconds": 2000000}"#), ("objectives/availability", #"{"burn_alerts": false}"#),
                ("objectives/availability", #"{"target_ppm": 990000}"#),
                ("objectives/last-token", #"{"threshold_microseconds": 9000000}"#),
                ("objectives/first-token", #"{"burn_alerts": false}"#), ("objectives/last-token", #"{"burn_alerts": false}"#),
            ] {
                let refused = try await admin.patch(path, body)
                #expect(refused.status == 409 && refused.json["error"]["code"].string == "promised", "\(path) \(refused.text)")
                #expect(refused.text.contains("the contract of acme for tiny in eu (pro version 1)"))
            }
            let looser = #"{"name": "tiny", "kind": "availability", "model": "tiny", "target_ppm": 990000}"#
            #expect(try await admin.post("objectives", looser).json["error"]["code"].string == "promised")
            #expect(try await admin.delete("objectives/last-token").json["error"]["code"].string == "in_use")
            #expect(try await admin.patch("tiers/pro", #"{"priority": 7}"#).status == 200)
            #expect(try await admin.patch("objectives/availability", #"{"target_ppm": 999500}"#).status == 200)
            #expect(try await admin.delete("objectives/refusals").status == 200)
            _ = try await admin.row(
                """
                UPDATE reliability.agreement SET state = 'ended', starts_at = starts_at - interval '2 hours',
                    ends_at = date_trunc('minute', now()) - interval '1 minute' RETURNING 1
                """)
            #expect(try await admin.post("objectives", looser).status == 201)
        }
    }

    @Test func `what is promised is measured for the tenant, the model and the region that it is promised for`() async throws {
        try await AdminFixture.run { admin in
            try await PromiseFixture.prepare(admin)
            _ = try await admin.post("models", #"{"name": "other", "display_name": "Other", "context_tokens": 2048}"#)
            try await PromiseFixture.measure(admin)
            #expect(try await PromiseFixture.terms(admin).status == 201)
            let other = try await admin.post(
                "agreements", #"{"tenant": "acme", "terms": "pro", "model": "other", "region": "eu", "override_reason": "a pilot"}"#)
            #expect(other.json["error"]["code"].string == "not_measured" && other.text.contains("no probe"), "\(other.text)")
            let looser = #"{"name": "own", "kind": "availability", "tenant": "acme", "target_ppm": 990000}"#
            #expect(try await admin.post("objectives", looser).status == 201)
            let refused = try await PromiseFixture.agree(admin)
            #expect(refused.json["error"]["code"].string == "not_measured" && refused.text.contains("own asks for less"), "\(refused.text)")
        }
    }

    @Test(arguments: [(2_000_000, 2_000_000, "the first token was late"), (100_000, 9_000_000, "the last of 256 tokens was late")])
    func `what was too late for days is not promised to be in time`(firstToken: Int64, lastToken: Int64, doubt: String) async throws {
        try await AdminFixture.run { admin in
            try await PromiseFixture.prepare(admin)
            try await PromiseFixture.measure(admin, firstToken: firstToken, lastToken: lastToken)
            _ = try await PromiseFixture.terms(admin)
            let refused = try await PromiseFixture.agree(admin)
            #expect(refused.json["error"]["code"].string == "not_supported" && refused.text.contains("\(doubt) in 60 of 60"), "\(refused.text)")
            _ = try await admin.row("DELETE FROM reliability.probe")
            let unknown = try await PromiseFixture.agree(admin)
            #expect(unknown.text.contains("the first token was not measured") && unknown.text.contains("the last of 256 tokens was not measured"))
        }
    }

    @Test func `force majeure is on the status page with its second approval, and so is its withdrawal`() async throws {
        try await AdminFixture.run { admin in
            try await PromiseFixture.prepare(admin)
            try await PromiseFixture.place(admin)
            _ = try await admin.post("providers", #"{"name": "alpha", "display_name": "Alpha", "kind": "independent"}"#)
            let ask = { (reason: String) in
                try await admin.post(
                    "exclusions",
                    """
                    {"code": "force_majeure", "reason": "\(reason)", "region": "eu", "starts_at": "2026-06-01T02:00:00Z",
                    "ends_at": "2026-06-01T03:00:00Z", "published": true}
                    """)
            }
            #expect(try await ask("a flood at alpha").status == 400, "customers see no provider")
            let id = try #require(try await ask("a flood took the whole town").json["id"].string)
            for (person, told) in [("second", 0), ("third", 1)] {
                let approved = try await admin.stranger(person).send("POST", "/admin/v1/exclusions/\(id)/approve", "{}")
                #expect(approved.status == 200 && approved.json["effective"] == .bool(told == 1), "\(approved.text)")
                #expect(try await admin.get("status-posts").json["data"].elements.count == told)
            }
            let post = try #require(try await admin.get("status-posts").json["data"].elements.first)
            #expect(post["published_at"].string != nil && post["regions"].elements.compactMap(\.string) == ["eu"])
            #expect(post["updates"].elements.first?["body"].string?.contains("a flood took the whole town") == true)
            for _ in 0..<2 { #expect(try await admin.post("exclusions/\(id)/withdraw").status == 200) }
            let updates = try await admin.get("status-posts").json["data"].elements.first?["updates"].elements ?? []
            #expect(updates.count == 2 && updates.last?["body"].string?.contains("not held to be force majeure any more") == true)
        }
    }

    @Test func `force majeure is left out when two others than who asked have approved it, each once, and not after its withdrawal`() async throws {
        try await AdminFixture.run { admin in
            try await PromiseFixture.prepare(admin)
            try await PromiseFixture.place(admin)
            let asked = """
                {"code": "force_majeure", "reason": "a flood", "region": "eu", "starts_at": "2026-06-01T02:00:00Z", "ends_at": "2026-06-01T03:00:00Z", "published": true}
                """
            let id = try #require(try await admin.post("exclusions", asked).json["id"].string)
            // 2026-06-01T00:00:00Z.
            let day: MinuteRange = 29_671_200..<29_672_640
            func minutes(_ region: String = "eu") async throws -> [MinuteRange] {
                try await admin.database.withPool {
                    try await PromiseGaps(pool: $0).gaps(of: MinuteSubject(model: "tiny", region: region), month: day)
                }
            }
            func approve(_ client: JSONClient) async throws -> String? {
                try await client.send("POST", "/admin/v1/exclusions/\(id)/approve", "{}").json["error"]["code"].string
            }
            let (second, third) = (try await admin.stranger("second"), try await admin.stranger("third"))
            #expect(try await approve(admin.client) == "own_request")
            #expect(try await approve(second) == nil)
            #expect(try await approve(second) == "approved")
            #expect(try await approve(admin.client) == "own_request")
            #expect(try await minutes().isEmpty, "one approval does for one customer, not for everybody")
            #expect(try await approve(third) == nil)
            #expect(try await minutes() == [day.lowerBound + 120..<day.lowerBound + 180])
            #expect(try await minutes("us").isEmpty)
            #expect(try await admin.post("exclusions/\(id)/withdraw").status == 200)
            #expect(try await minutes().isEmpty)
            #expect(try await approve(try await admin.stranger("fourth")) == "withdrawn")
        }
    }

    @Test func `force majeure that is to stay secret can be approved by nobody`() async throws {
        try await AdminFixture.run { admin in
            try await PromiseFixture.prepare(admin)
            let asked = """
                {"code": "force_majeure", "reason": "a flood", "starts_at": "2026-06-01T02:00:00Z", "ends_at": "2026-06-01T03:00:00Z"}
                """
            let id = try #require(try await admin.post("exclusions", asked).json["id"].string)
            let refused = try await admin.stranger("second").send("POST", "/admin/v1/exclusions/\(id)/approve", "{}")
            #expect(refused.json["error"]["code"].string == "not_published")
        }
    }

    @Test func `a tenant keeps the tier of its contracts, and is promised nothing any more when it is gone`() async throws {
        try await AdminFixture.run { admin in
            try await PromiseFixture.prepare(admin)
            try await PromiseFixture.measure(admin)
            _ = try await PromiseFixture.terms(admin)
            #expect(try await PromiseFixture.agree(admin).json["state"].string == "active")
            _ = try await admin.post("tiers", AdminFixture.tier("hobby"))
            let moved = try await admin.patch("tenants/acme", #"{"tier": "hobby"}"#)
            #expect(moved.json["error"]["code"].string == "promised" && moved.text.contains("for the tier pro, not hobby"), "\(moved.text)")
            #expect(try await admin.patch("tenants/acme", #"{"tier": "pro", "state": "suspended"}"#).status == 200)
            #expect(try await admin.delete("tenants/acme").status == 200)
            let row = try await admin.row("SELECT state, ends_at IS NOT NULL AS over FROM reliability.agreement")
            #expect(try row?.value("state", as: String.self) == "ended" && row?.value("over", as: Bool.self) == true)
        }
    }

    @Test func `an agreement that follows on another takes over its minimum, and a further one takes none`() async throws {
        try await AdminFixture.run { admin in
            try await PromiseFixture.prepare(admin)
            try await PromiseFixture.measure(admin)
            _ = try await admin.patch("tiers/pro", #"{"monthly_minimum_micro_usd": 500}"#)
            _ = try await PromiseFixture.terms(admin)
            let first = try await PromiseFixture.agree(admin)
            #expect(first.json["monthly_minimum_micro_usd"] == .number(500), "\(first.text)")
            _ = try await admin.row(
                """
                INSERT INTO reliability.agreement (tenant_id, terms_id, model, region, state, starts_at, monthly_minimum_micro_usd, evidence, requested_by)
                SELECT tenant_id, terms_id, 'other', region, 'active', starts_at, 0, '{}', 'test' FROM reliability.agreement
                """)
            _ = try await admin.post("agreements/\(first.json["id"].string ?? "")/end", #"{"grounds": "by_agreement"}"#)
            let next = try await PromiseFixture.agree(admin)
            #expect(next.json["monthly_minimum_micro_usd"] == .number(500), "\(next.text)")
        }
    }

    @Test func `while an agreement with a minimum is under notice, one that begins before its end must say what its own is`() async throws {
        try await AdminFixture.run { admin in
            try await PromiseFixture.prepare(admin)
            try await PromiseFixture.measure(admin)
            _ = try await admin.patch("tiers/pro", #"{"monthly_minimum_micro_usd": 500}"#)
            _ = try await PromiseFixture.terms(admin)
            _ = try await PromiseFixture.agree(admin)
            _ = try await admin.row(
                """
                UPDATE reliability.agreement SET model = 'other', state = 'ended', ends_at = date_trunc('minute', now()) + interval '30 days'
                """)
            let refused = try await PromiseFixture.agree(admin)
            #expect(refused.status == 400 && refused.text.contains("monthly_minimum_micro_usd: is required"), "\(refused.text)")
            let none = try await PromiseFixture.agree(admin, #", "monthly_minimum_micro_usd": 0"#)
            #expect(none.status == 201 && none.json["monthly_minimum_micro_usd"] == .number(0))
            _ = try await admin.row("UPDATE reliability.agreement SET model = CASE state WHEN 'ended' THEN 'tiny' ELSE 'third' END")
            let follower = try await PromiseFixture.agree(admin)
            #expect(follower.json["monthly_minimum_micro_usd"] == .number(500), "it begins when the other one ends: \(follower.text)")
            _ = try await admin.row(
                """
                UPDATE reliability.agreement SET model = 'fourth', monthly_minimum_micro_usd = 0 WHERE id = \(follower.json["id"].string)::uuid
                """)
            _ = try await admin.row(
                """
                UPDATE reliability.agreement SET starts_at = date_trunc('minute', now()) - interval '1 hour', ends_at = date_trunc('minute', now())
                WHERE state = 'ended'
                """)
            #expect(try await PromiseFixture.agree(admin).json["monthly_minimum_micro_usd"] == .number(500), "it is over")
        }
    }
}
