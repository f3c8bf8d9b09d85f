import FoundationEssentials
import Postgres
import TestSupport
import Testing

@testable import ControlPlane

/// What a contract says of limits holds: else a lower one would make its minutes empty, and so good.
@Suite struct AgreedLimitsTests {
    private func agree(_ admin: AdminFixture, _ terms: String = "") async throws -> JSONClient.Answer {
        try await PromiseFixture.prepare(admin)
        try await PromiseFixture.measure(admin)
        _ = try await admin.patch("tiers/pro", #"{"tokens_per_day": 5000000, "burst_tokens": 60000}"#)
        _ = try await PromiseFixture.terms(admin, terms)
        return try await PromiseFixture.agree(admin)
    }

    @Test(arguments: [
        #"{"max_prompt_tokens": 1}"#, #"{"requests_per_minute": 1}"#, #"{"tokens_per_minute": 70000}"#, #"{"max_output_tokens": 1999}"#,
        #"{"concurrent_requests": 19}"#, #"{"burst_tokens": 59999}"#, #"{"burst_requests": 599}"#, #"{"max_body_bytes": 1024}"#,
        #"{"tokens_per_day": 4999999}"#, #"{"tokens_per_month": 5000000}"#, #"{"spend_per_month_micro_usd": 1}"#,
    ])
    func `a limit of the tier stays what a contract in force agrees`(change: String) async throws {
        try await AdminFixture.run { admin in
            let made = try await agree(admin)
            #expect(made.json["limits"]["max_prompt_tokens"] == .number(8_000) && made.json["limits"]["tokens_per_month"] == .null, "\(made.text)")
            let refused = try await admin.patch("tiers/pro", change)
            #expect(refused.status == 409 && refused.json["error"]["code"].string == "promised", "\(refused.text)")
            #expect(refused.text.contains("the contract of acme for tiny in eu (pro version 1)"), "\(refused.text)")
            let greater = #"{"max_prompt_tokens": 9000, "requests_per_minute": 700, "burst_tokens": null, "tokens_per_day": null}"#
            #expect(try await admin.patch("tiers/pro", greater).status == 200)
            _ = try await admin.row(
                """
                UPDATE reliability.agreement SET state = 'ended', starts_at = starts_at - interval '2 hours',
                    ends_at = date_trunc('minute', now()) - interval '1 minute' RETURNING 1
                """)
            #expect(try await admin.patch("tiers/pro", change).status == 200, "it is over")
        }
    }

    @Test func `what was agreed is printed in numbers`() async throws {
        try await AdminFixture.run { admin in
            let made = try await agree(admin)
            let text = try await admin.get("agreements/\(made.json["id"].string ?? "")/addendum/text").text
            #expect(
                text.contains(
                    "600 requests and 100000 tokens (prompts and answers) a minute, of which 600 requests and 60000 tokens may come at once; 20 requests at a time"
                ), "\(text)")
            #expect(text.contains("Quota of longer times: 5000000 tokens a day."))
            #expect(text.contains("prompts of 8000 tokens, answers of 2000 tokens, requests of 1000000 bytes."))
        }
    }

    @Test func `the agreed burst is proven in tokens too`() async throws {
        try await AdminFixture.run { admin in
            try await PromiseFixture.prepare(admin)
            try await PromiseFixture.measure(admin)
            _ = try await admin.patch("tiers/pro", #"{"burst_tokens": 49999}"#)
            let short = try await PromiseFixture.terms(admin, #", "burst_percent": 50"#)
            #expect(short.status == 409 && short.text.contains("49999 tokens of this tier come at once"), "\(short.text)")
            _ = try await admin.patch("tiers/pro", #"{"burst_tokens": 50000}"#)
            #expect(try await PromiseFixture.terms(admin, #", "burst_percent": 50"#).status == 201)
            #expect(try await PromiseFixture.agree(admin).json["state"].string == "active")
            let grown = try await admin.patch("tiers/pro", #"{"tokens_per_minute": 100001}"#)
            #expect(grown.json["error"]["code"].string == "promised" && grown.text.contains("agreed burst of 50 %"), "\(grown.text)")
        }
    }

    @Test func `limits of an account or key go below the contract's only when the customer asks`() async throws {
        try await AdminFixture.run { admin in
            _ = try await agree(admin)
            let key = try await admin.post("keys", #"{"tenant": "acme", "name": "app"}"#).json["id"].string ?? ""
            for (path, body) in [
                ("tenants/acme", #"{"tokens_per_day": 1000"#), ("tenants/acme", #"{"spend_per_month_micro_usd": 1"#),
                ("keys/\(key)", #"{"requests_per_minute": 1"#), ("keys/\(key)", #"{"tokens_per_month": 1000"#),
            ] {
                let refused = try await admin.patch(path, body + "}")
                #expect(refused.json["error"]["code"].string == "promised" && refused.text.contains("customer_asked"), "\(refused.text)")
                #expect(try await admin.patch(path, body + #", "customer_asked": true}"#).status == 200)
            }
            #expect(try await admin.patch("keys/\(key)", #"{"requests_per_minute": 2}"#).status == 200, "more than before")
            #expect(try await admin.patch("tenants/acme", #"{"display_name": "Acme Ltd"}"#).status == 200)
            #expect(try await admin.patch("tiers/pro", #"{"priority": 7}"#).status == 200, "an own limit of the account is not the tier's")
        }
    }

    @Test func `a proposal whose limits are not given any more is not approved`() async throws {
        try await AdminFixture.run { admin in
            try await PromiseFixture.prepare(admin)
            _ = try await admin.row("INSERT INTO reliability.probe_minute VALUES ('tiny', 'eu', date_trunc('minute', now()), 1, 0) RETURNING 1")
            _ = try await PromiseFixture.terms(admin)
            let made = try await PromiseFixture.agree(admin, #", "override_reason": "a pilot customer""#)
            #expect(made.json["state"].string == "proposed", "\(made.text)")
            #expect(try await admin.patch("tiers/pro", #"{"max_prompt_tokens": 100}"#).status == 200, "a proposal holds nothing up")
            let approve = { (person: String) in
                try await admin.stranger(person).send("POST", "/admin/v1/agreements/\(made.json["id"].string ?? "")/approve", "{}")
            }
            _ = try await approve("second")
            let refused = try await approve("third")
            #expect(
                refused.json["error"]["code"].string == "promised" && refused.text.contains("agrees max_prompt_tokens of 8000"), "\(refused.text)")
        }
    }
}
