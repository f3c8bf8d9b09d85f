import Postgres
import TestSupport
import Testing

@Suite struct AdminTenancyTests {
    @Test func `a tier, a tenant and a key are made, and the secret is shown once`() async throws {
        try await AdminFixture.run { admin in
            let tenant = try await admin.tenant()
            let made = try await admin.post("keys", "{\"tenant\": \"acme\", \"name\": \"first\"}")
            #expect(made.status == 201)
            let secret = try #require(made.json["secret"].string)
            #expect(secret.hasPrefix("pls_live_"))
            #expect(made.json["prefix"].string == String(secret.prefix(12)))
            #expect(made.json["tenant"].string == tenant)
            let id = try #require(made.json["id"].string)
            let again = try await admin.get("keys/\(id)")
            #expect(again.status == 200)
            #expect(!again.text.contains(secret))
            let stored = try await admin.row("SELECT encode(sha256, 'hex') = encode(sha256(\(secret)::bytea), 'hex') AS same FROM serving.api_keys")
            #expect(try stored?.value("same") == true)
        }
    }

    @Test func `a tier without caps or quotas is refused with every fault named`() async throws {
        try await AdminFixture.run { admin in
            let answer = try await admin.post("tiers", "{\"name\": \"Pro!\", \"display_name\": \"\", \"speed\": 9, \"priority\": \"high\"}")
            #expect(answer.status == 400)
            let faults = Set(answer.json["error"]["faults"].elements.compactMap { $0["param"].string })
            #expect(
                faults.isSuperset(of: [
                    "name", "display_name", "speed", "priority", "capacity_policy", "max_output_tokens", "requests_per_minute", "tokens_per_minute",
                ]))
            #expect(answer.json["error"]["type"].string == "invalid_request_error")
        }
    }

    /// A request without `max_tokens` reserves the longest answer: it would be refused for ever.
    @Test func `a tier or a key that could never be given its longest answer is refused, until it may come at once`() async throws {
        try await AdminFixture.run { admin in
            let short = AdminFixture.tier().replacing("\"tokens_per_minute\": 100000", with: "\"tokens_per_minute\": 1999")
            let refused = try await admin.post("tiers", short)
            #expect(refused.status == 400 && refused.json["error"]["param"].string == "tokens_per_minute", "\(refused.text)")
            #expect(refused.json["error"]["message"].string?.contains("max_output_tokens (2000)") == true)
            _ = try await admin.tenant()
            #expect(try await admin.patch("tiers/pro", "{\"max_output_tokens\": 200000}").json["error"]["param"].string == "tokens_per_minute")
            #expect(try await admin.patch("tiers/pro", "{\"burst_tokens\": 1999}").json["error"]["param"].string == "burst_tokens")
            let key = try await admin.post("keys", "{\"tenant\": \"acme\", \"name\": \"k\", \"tokens_per_minute\": 1999}")
            #expect(key.status == 400 && key.json["error"]["param"].string == "tokens_per_minute", "\(key.text)")
            let made = try await admin.post("keys", "{\"tenant\": \"acme\", \"name\": \"k\", \"tokens_per_minute\": 1999, \"burst_tokens\": 2000}")
            #expect(made.status == 201, "\(made.text)")
            let id = try #require(made.json["id"].string)
            #expect(try await admin.patch("keys/\(id)", "{\"burst_tokens\": null}").json["error"]["param"].string == "tokens_per_minute")
            #expect(try await admin.patch("keys/\(id)", "{\"tokens_per_minute\": null, \"burst_tokens\": null}").status == 200)
        }
    }

    @Test func `only a preallocated tier has slots of its own, and it is told apart by its priority`() async throws {
        try await AdminFixture.run { admin in
            _ = try await admin.tenant()
            let tier = { (name: String, more: String) in
                try await admin.post("tiers", AdminFixture.tier(name).replacing("\"priority\": 50", with: more))
            }
            let field = { (answer: JSONClient.Answer) in answer.status == 400 ? answer.json["error"]["param"].string : "\(answer.status)" }
            let own = "\"reserved_percent\": 30, \"priority\": 90"
            #expect(field(try await tier("business", own)) == "reserved_percent", "it is warm_regional")
            #expect(field(try await admin.patch("tiers/pro", "{\"capacity_policy\": \"preallocated\"}")) == "reserved_percent")
            let wish = AdminFixture.tier("business").replacing("warm_regional", with: "preallocated")
            #expect(
                field(try await admin.post("tiers", wish.replacing("\"priority\": 50", with: "\"reserved_percent\": 30, \"priority\": 50")))
                    == "priority")
            let made = try await admin.post("tiers", wish.replacing("\"priority\": 50", with: own))
            #expect(made.status == 201 && made.json["reserved_percent"] == .number(30), "\(made.text)")
            #expect(field(try await tier("other", "\"priority\": 90")) == "priority")
            #expect(field(try await admin.patch("tiers/business", "{\"reserved_percent\": 0}")) == "reserved_percent")
            #expect(field(try await admin.patch("tiers/pro", "{\"burst_percent\": 50}")) == "200")
            #expect(field(try await admin.patch("tiers/business", "{\"reserved_percent\": 50}")) == "reserved_percent")
            for priority in [95, 96] { #expect(field(try await tier("above-\(priority)", "\"priority\": \(priority)")) == "201") }
            #expect(field(try await tier("above-97", "\"priority\": 97")) == "priority", "gateways tell four ranks apart")
        }
    }

    @Test func `a tier says how long its requests may wait for others, up to 25 ms, or leaves it to its capacity policy`() async throws {
        try await AdminFixture.run { admin in
            let wish = AdminFixture.tier().replacing("\"priority\": 50", with: "\"priority\": 50, \"micro_batch_window_ms\": 25")
            let made = try await admin.post("tiers", wish)
            #expect(made.status == 201 && made.json["micro_batch_window_ms"] == .number(25), "\(made.text)")
            for wrong in ["26", "-1", "\"5\""] {
                let refused = try await admin.patch("tiers/pro", "{\"micro_batch_window_ms\": \(wrong)}")
                #expect(refused.status == 400 && refused.json["error"]["param"].string == "micro_batch_window_ms", "\(refused.text)")
            }
            #expect(try await admin.patch("tiers/pro", "{\"micro_batch_window_ms\": 0}").json["micro_batch_window_ms"] == .number(0))
            #expect(try await admin.patch("tiers/pro", "{\"micro_batch_window_ms\": null}").json["micro_batch_window_ms"] == .null)
            let other = try await admin.post("tiers", AdminFixture.tier("other"))
            #expect(other.status == 201 && other.json["micro_batch_window_ms"] == .null)
        }
    }

    @Test(arguments: [
        ("{\"tenant\": \"nobody\", \"name\": \"k\"}", "tenant"),
        ("{\"name\": \"k\"}", "tenant"),
        ("{\"tenant\": \"acme\", \"name\": \"k\", \"models\": [\"unknown\"]}", "models"),
        ("{\"tenant\": \"acme\", \"name\": \"k\", \"requests_per_minute\": 601}", "requests_per_minute"),
        ("{\"tenant\": \"acme\", \"name\": \"k\", \"expires_at\": \"2001-01-01T00:00:00Z\"}", "expires_at"),
        ("{\"tenant\": \"acme\", \"name\": \"k\", \"value\": \"short\"}", "value"),
        ("{\"tenant\": \"acme\", \"name\": \"k\", \"value\": \"pls_live_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"}", "value"),
    ])
    func `a wrong key is refused at its field`(_ body: String, _ field: String) async throws {
        try await AdminFixture.run { admin in
            _ = try await admin.tenant()
            let answer = try await admin.post("keys", body)
            #expect(answer.status == 400)
            #expect(answer.json["error"]["param"].string == field)
        }
    }

    @Test func `a key from elsewhere is taken by value and never shown again`() async throws {
        try await AdminFixture.run { admin in
            _ = try await admin.tenant()
            let answer = try await admin.post("keys", "{\"tenant\": \"acme\", \"name\": \"old\", \"value\": \"sk-foreign-0123456789abcdef\"}")
            #expect(answer.status == 201)
            #expect(!answer.text.contains("sk-foreign-0123456789abcdef"))
            let second = try await admin.post("keys", "{\"tenant\": \"acme\", \"name\": \"twice\", \"value\": \"sk-foreign-0123456789abcdef\"}")
            #expect(second.status == 409)
            let audited = try await admin.row("SELECT count(*) AS n FROM audit.entry WHERE change LIKE '%sk-foreign%'")
            #expect(try audited?.value("n") == 0)
        }
    }

    @Test func `a revoked key stays revoked`() async throws {
        try await AdminFixture.run { admin in
            _ = try await admin.tenant()
            let id = try #require(try await admin.post("keys", "{\"tenant\": \"acme\", \"name\": \"first\"}").json["id"].string)
            #expect(try await admin.post("keys/\(id)/revoke", "{\"reason\": \"leaked\"}").json["revoked_at"].string != nil)
            #expect(try await admin.patch("keys/\(id)", "{\"name\": \"other\"}").status == 409)
        }
    }

    @Test func `a tenant is changed, and when it is deleted its keys end`() async throws {
        try await AdminFixture.run { admin in
            _ = try await admin.tenant()
            _ = try await admin.post("keys", "{\"tenant\": \"acme\", \"name\": \"first\"}")
            let changed = try await admin.patch("tenants/acme", "{\"state\": \"suspended\", \"allowed_regions\": [\"eu-west\"]}")
            #expect(changed.json["state"].string == "suspended")
            #expect(changed.json["allowed_regions"][0].string == "eu-west")
            #expect(try await admin.patch("tenants/acme", "{\"tier\": \"gold\"}").json["error"]["param"].string == "tier")
            #expect(try await admin.delete("tiers/pro").status == 409)
            #expect(try await admin.delete("tenants/acme").status == 200)
            #expect(try await admin.get("tenants/acme").status == 404)
            #expect(try await admin.get("keys").json["data"][0]["revoked_at"].string != nil)
        }
    }
}
