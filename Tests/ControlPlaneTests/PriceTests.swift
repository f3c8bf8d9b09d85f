import Cryptography
import PlimsollWire
import Postgres
import TestSupport
import Testing

@testable import ControlPlane

@Suite struct PriceTests {
    private static func price(_ prompt: Int, from: String? = nil) -> String {
        let beginning = from.map { ", \"effective_from\": \"\($0)\"" } ?? ""
        return "{\"model\": \"tiny\", \"tier\": \"pro\", \"prompt_price_pico_usd\": \(prompt), \"completion_price_pico_usd\": 5\(beginning)}"
    }

    private func prepare(_ admin: AdminFixture) async throws {
        _ = try await admin.tenant()
        _ = try await admin.post("models", #"{"name": "tiny", "display_name": "Tiny", "context_tokens": 2048}"#)
    }

    @Test func versionsFollowEachOtherAndNeverOverlap() async throws {
        try await AdminFixture.run { admin in
            try await prepare(admin)
            let first = try await admin.post("prices", Self.price(7))
            #expect(first.status == 201 && first.json["current"] == .bool(true) && first.json["cached_prompt_price_pico_usd"] == .number(7))
            #expect(try await admin.post("prices", Self.price(8, from: "2020-01-01T00:00:00Z")).status == 400)
            #expect(try await admin.post("prices", Self.price(8, from: "2090-01-01T00:00:00Z")).status == 201)
            #expect(try await admin.post("prices", Self.price(9, from: "2089-01-01T00:00:00Z")).text.contains("after the versions"))
            let listed = try await admin.get("prices?model=tiny").json["data"]
            #expect(listed[0]["effective_until"].string == "2090-01-01T00:00:00Z" && listed[1]["effective_until"] == .null)
            let overlapping = try await admin.row(
                "SELECT count(*) AS n FROM serving.prices WHERE effective_until <= effective_from")
            #expect(try overlapping?.value("n", as: Int.self) == 0)
        }
    }

    /// G12: who can wait pays no more.
    @Test func aBatchTokenNeverCostsMoreThanAnInteractiveOne() async throws {
        try await AdminFixture.run { admin in
            try await prepare(admin)
            let price = { (kind: String, prompt: Int, completion: Int, from: String?) in
                let beginning = from.map { ", \"effective_from\": \"\($0)\"" } ?? ""
                return try await admin.post(
                    "prices",
                    """
                    {"model": "tiny", "tier": "pro", "service_class": "\(kind)", "prompt_price_pico_usd": \(prompt),
                    "completion_price_pico_usd": \(completion)\(beginning)}
                    """)
            }
            #expect(try await price("interactive", 10, 40, nil).status == 201)
            let dearer = try await price("batch", 5, 41, nil)
            #expect(dearer.status == 400 && dearer.json["error"]["param"].string == "completion_price_pico_usd", "\(dearer.text)")
            #expect(dearer.text.contains("is above the interactive price of 40"))
            #expect(try await price("batch", 5, 20, nil).status == 201)
            let cheaper = try await price("interactive", 4, 40, nil)
            #expect(cheaper.json["error"]["param"].string == "prompt_price_pico_usd" && cheaper.text.contains("is below the batch price of 5"))
            #expect(try await price("batch", 4, 20, "2090-01-01T00:00:00Z").status == 201)
            #expect(try await price("interactive", 4, 40, "2089-01-01T00:00:00Z").status == 400)
            #expect(try await price("interactive", 4, 40, "2090-01-01T00:00:00Z").status == 201, "from when the batch price is lower, too")
        }
    }

    @Test func aRequestIsExplainedWithWhatItCosts() async throws {
        try await AdminFixture.run { admin in
            try await prepare(admin)
            _ = try await admin.post("prices", Self.price(7))
            let request = "018f0000-0000-7000-8000-000000000001"
            _ = try await admin.row(
                """
                INSERT INTO billing.usage_event (tenant_id, request_id, accepted_at, key_id, tier, model, region, gateway_id, boot_id, sequence, stream,
                    status, outcome, finish_reason, error_code, finished_after_us, queued_for_us, prompt_tokens, cached_prompt_tokens,
                    completion_tokens, reasoning_tokens, billable_prompt_tokens, billable_completion_tokens, estimated, attempts, payload_sha256,
                    price_version)
                SELECT id, \(request)::uuid, now(), gen_random_uuid(), 'pro', 'tiny', 'eu', gen_random_uuid(), 'b', 1, true, 200, 'good', 'stop',
                    'none', 10, 0, 100, 40, 7, 0, 100, 7, false, 1, sha256('x'), (SELECT max(version) FROM serving.prices) FROM serving.tenants
                RETURNING 1
                """)
            let price = try await admin.get("requests/\(request)").json["price"]
            #expect(price["amount_usd"].string == "0.000000000735" && price["prompt_price_pico_usd"] == .number(7), "107 tokens: 100 at 7 and 7 at 5")
        }
    }

    @Test func aVersionIsNeverChanged() async throws {
        try await AdminFixture.run { admin in
            try await prepare(admin)
            _ = try await admin.post("prices", Self.price(7))
            await #expect(throws: PostgresError.self) {
                try await admin.row("UPDATE serving.price_versions SET prompt_price_pico_usd = 1 RETURNING 1")
            }
            await #expect(throws: PostgresError.self) { try await admin.row("DELETE FROM serving.price_versions RETURNING 1") }
            #expect(try await admin.client.send("PATCH", "/admin/v1/prices/1", "{}").status >= 404)
        }
    }

    @Test func gatewaysAreToldPricesLimitsAndBothSecretsOfARotatedKey() async throws {
        try await PeerWorld.with { world in
            _ = try await world.pool.pipeline([
                """
                INSERT INTO serving.price_versions (model, tier, effective_from, prompt_price_pico_usd, cached_prompt_price_pico_usd,
                    completion_price_pico_usd, actor)
                SELECT 'tiny', 'pro', date_trunc('second', now()) + step * interval '1 hour', step + 10, 1, 2, 'test' FROM generate_series(-2, 1) AS step
                """,
                "UPDATE serving.tiers SET tokens_per_day = 500, burst_requests = 3",
                "INSERT INTO serving.tenants (name, display_name, tier, spend_per_month_micro_usd) VALUES ('acme', 'Acme', 'pro', 9)",
                """
                INSERT INTO serving.api_keys (tenant_id, name, prefix, sha256, previous_sha256, previous_expires_at, tokens_per_month)
                SELECT id, 'k', 'p', sha256('new'), sha256('old'), now() + interval '1 hour', 77 FROM serving.tenants
                """,
            ])
            let facts = try await world.pool.transaction { try await TableFacts.read($0, trustDomain: "d") }
            #expect(facts.prices.map(\.promptPicoUsd).sorted() == [10, 11])
            #expect(facts.tiers.first?.tokensPerDay == 500 && facts.tiers.first?.burstRequests == 3)
            #expect(facts.tenants.first?.spendPerMonthMicroUsd == 9)
            let key = try #require(facts.keys.first)
            #expect(key.previousSha256Hex == Hash.sha256("old").hex && key.previousExpiresAtSeconds != nil && key.tokensPerMonth == 77)
        }
    }

    /// T1: the key stays the same key, with one secret more for a while.
    @Test func aRotationKeepsTheKeyAndItsOldSecretForTheOverlap() async throws {
        try await AdminFixture.run { admin in
            _ = try await admin.tenant()
            let made = try await admin.post("keys", #"{"tenant": "acme", "name": "production", "mode": "test"}"#)
            let id = try #require(made.json["id"].string)
            let rotated = try await admin.post("keys/\(id)/rotate", #"{"overlap_seconds": 60, "reason": "every month"}"#)
            #expect(rotated.status == 200 && rotated.json["id"].string == id && rotated.json["previous_expires_at"].string != nil)
            let secret = try #require(rotated.json["secret"].string)
            #expect(secret.hasPrefix("pls_test_") && secret != made.json["secret"].string)
            let row = try await admin.row("SELECT sha256, previous_sha256 FROM serving.api_keys")
            #expect(try row?.value("sha256", as: [UInt8].self) == Hash.sha256(secret).bytes)
            #expect(try row?.value("previous_sha256", as: [UInt8].self) == Hash.sha256(made.json["secret"].string ?? "").bytes)
            _ = try await admin.post("keys/\(id)/revoke")
            #expect(try await admin.post("keys/\(id)/rotate").status == 409)
        }
    }
}
