import Postgres
import TestSupport
import Testing

@testable import ControlPlane

@Suite struct SKUActivationTests {
    private static let prices = "\"prompt_price_pico_usd\": 1, \"completion_price_pico_usd\": 1"

    private func prepare(_ admin: AdminFixture, policy: String = "warm_regional") async throws {
        _ = try await admin.tenant()
        _ = try await admin.patch("tiers/pro", "{\"capacity_policy\": \"\(policy)\"}")
        _ = try await admin.post("models", "{\"name\": \"tiny\", \"display_name\": \"Tiny\", \"context_tokens\": 2048}")
        _ = try await admin.post("releases", "{\"name\": \"tiny-q8\", \"model\": \"tiny\"}")
        for name in ["small", "s"] {
            let fallback = name == "s" ? "\"backup_region\": \"us\", \"fallback_sku\": \"small\"," : ""
            _ = try await admin.post(
                "skus", "{\"name\": \"\(name)\", \"model\": \"tiny\", \"tier\": \"pro\", \"primary_region\": \"eu\", \(fallback) \(Self.prices)}")
        }
    }

    /// A person with a token that the installation's first one made, and what audit rows call it.
    private func operate(_ admin: AdminFixture, _ name: String) async throws -> (client: JSONClient, label: String) {
        let token = try await admin.post("tokens", "{\"name\": \"\(name)\", \"role\": \"operator\"}").json
        return (admin.client.acting(as: token["secret"].string), "token:\(token["id"].string ?? "")")
    }

    /// A worker of a provider that there is, in the backup region.
    private func back(_ admin: AdminFixture, provider: String) async throws {
        _ = try await admin.post("pools", "{\"name\": \"\(provider)-us\", \"provider\": \"\(provider)\", \"region\": \"us\"}")
        _ = try await admin.row(
            """
            WITH host AS (INSERT INTO serving.hosts (id, name, pool, region, boot_id, last_heartbeat_at)
                VALUES (gen_random_uuid(), 'far', \(provider + "-us"), 'us', 'b', now()) RETURNING id)
            INSERT INTO serving.workers (host_id, runtime, release, dialect, runtime_state, slots, context_tokens, accepted)
            SELECT id, 'main', 'tiny-q8', 'vllm', 'ready', 4, 2048, true FROM host RETURNING id
            """)
    }

    private func serve(_ admin: AdminFixture, points: [String: Double?]) async throws {
        for (name, points) in points {
            _ = try await admin.post("providers", "{\"name\": \"\(name)\", \"display_name\": \"P\", \"kind\": \"independent\"}")
            _ = try await admin.post("pools", "{\"name\": \"\(name)\", \"provider\": \"\(name)\", \"region\": \"eu\"}")
            _ = try await admin.row(
                """
                WITH host AS (INSERT INTO serving.hosts (id, name, pool, region, boot_id, last_heartbeat_at)
                    VALUES (gen_random_uuid(), 'h', \(name), 'eu', 'b', now()) RETURNING id)
                INSERT INTO serving.workers (host_id, runtime, release, dialect, runtime_state, slots, context_tokens, accepted)
                SELECT id, 'main', 'tiny-q8', 'vllm', 'ready', 4, 2048, true FROM host RETURNING id
                """)
            _ = try await admin.row(
                """
                INSERT INTO reliability.provider_score (provider, computed_at, points, availability, latency, preemption, price, success, probes,
                    clean_probes, losses, undrained_losses, admitted, admitted_changed_at)
                VALUES (\(name), now(), \(points), 1, 1, 1, 1, 1, 500, 30, 0, 0, \((points ?? 0) >= 70), now()) RETURNING provider
                """)
        }
    }

    @Test func `a paid SKU is activated once everything is proven, and until then the refusal names what is missing`() async throws {
        try await AdminFixture.run { admin in
            try await prepare(admin)
            try await serve(admin, points: ["alpha": 91.25, "beta": nil])
            let refused = try await admin.patch("skus/s", "{\"state\": \"active\"}").json["error"]
            #expect(refused["code"].string == "not_ready")
            let message = try #require(refused["message"].string)
            #expect(message.contains("two providers with a good score") && message.contains("alpha 91.3, beta has no score"))
            #expect(message.contains("a fallback drill") && !message.contains(" a backup region") && !message.contains("a fallback SKU"))
            #expect(message.contains("hosts that report in the backup region"), "a name serves nobody")
            try await back(admin, provider: "alpha")
            #expect(try await admin.patch("skus/s", "{\"state\": \"active\"}").text.contains("in the backup region") == false)
            try await serve(admin, points: ["gamma": 75])
            #expect(try await admin.post("fallback-drills", "{\"sku\": \"s\", \"held\": false, \"reason\": \"primary cut off\"}").status == 201)
            #expect(try await admin.patch("skus/s", "{\"state\": \"active\"}").status == 409)
            #expect(try await admin.post("fallback-drills", "{\"sku\": \"s\", \"held\": true, \"reason\": \"primary cut off\"}").status == 201)
            let done = try await admin.patch("skus/s", "{\"state\": \"active\"}").json
            #expect(done["state"].string == "active" && done["override_approved_by"].string == nil)
        }
    }

    @Test func `workers on hosts that do not report prove nothing about a SKU`() async throws {
        try await AdminFixture.run { admin in
            try await prepare(admin)
            try await serve(admin, points: ["alpha": 90, "beta": 80])
            func message() async throws -> String? { try await admin.patch("skus/s", "{\"state\": \"active\"}").json["error"]["message"].string }
            #expect(try await message()?.contains("two providers") == false)
            _ = try await admin.row("UPDATE serving.hosts SET last_heartbeat_at = now() - interval '91 seconds' RETURNING id")
            #expect(try await message()?.contains("two providers") == true)
        }
    }

    @Test func `a provider that serves another region alone is none in the primary region`() async throws {
        try await AdminFixture.run { admin in
            try await prepare(admin)
            try await serve(admin, points: ["alpha": 90])
            _ = try await admin.post("providers", #"{"name": "beta", "display_name": "P", "kind": "independent"}"#)
            _ = try await admin.row(
                """
                INSERT INTO reliability.provider_score (provider, computed_at, points, availability, latency, preemption, price, success, probes,
                    clean_probes, losses, undrained_losses, admitted, admitted_changed_at)
                VALUES ('beta', now(), 80, 1, 1, 1, 1, 1, 500, 30, 0, 0, TRUE, now()) RETURNING provider
                """)
            try await back(admin, provider: "beta")
            let message = try await admin.patch("skus/s", "{\"state\": \"active\"}").json["error"]["message"].string ?? ""
            #expect(message.contains("two providers") && message.contains("(alpha 90.0)") && !message.contains("in the backup region"), "\(message)")
        }
    }

    @Test func `a worker of a provider with a low score backs nothing that is sold with a promise`() async throws {
        try await AdminFixture.run { admin in
            try await prepare(admin)
            try await serve(admin, points: ["alpha": 90, "beta": 80, "gamma": 40])
            try await back(admin, provider: "gamma")
            func message() async throws -> String { try await admin.patch("skus/s", "{\"state\": \"active\"}").json["error"]["message"].string ?? "" }
            #expect(try await message().contains("in the backup region") == false)
            _ = try await admin.row("UPDATE reliability.provider_score SET low = TRUE WHERE provider = 'gamma' RETURNING provider")
            let refused = try await message()
            #expect(refused.contains("hosts that report in the backup region") && refused.contains("a ready worker of the model in the region us"))
        }
    }

    @Test func `a drill that held proves the fallbacks that served while it lasted, for thirty days, and is stored once`() async throws {
        try await AdminFixture.run { admin in
            try await prepare(admin)
            try await serve(admin, points: ["alpha": 90, "beta": 80])
            try await back(admin, provider: "beta")
            _ = try await admin.row("UPDATE serving.skus SET created_at = now() - interval '40 days' RETURNING 1 AS one")
            let refused = { try await admin.patch("skus/s", "{\"state\": \"active\"}").json["error"]["message"].string?.contains("a fallback drill") }
            func drill(days: Int, held: Bool?, sku: String = "s", tried: Bool = true, end: String = "over") async throws {
                let report = """
                    {"fallbacks": [{"sku": "\(sku)", "other_provider": 12, "backup_region": 0, "fallback_model": 0, "tried": \(tried)}]}
                    """
                _ = try await admin.row(
                    """
                    INSERT INTO reliability.drill (kind, models, reason, requested_by, started_at, until_at, ended_at, end_reason, report, held, reported_at)
                    SELECT 'provider-loss', ARRAY['tiny'], 'rehearsal', 'token:x', at, at + interval '1 minute', at + interval '1 minute', \(end),
                        CASE WHEN \(held)::boolean IS NOT NULL THEN \(report)::jsonb END, \(held), CASE WHEN \(held)::boolean IS NOT NULL THEN at END
                    FROM (SELECT now() - make_interval(days => \(days)) AS at) AS moment RETURNING id
                    """)
            }
            try await drill(days: 31, held: true)
            try await drill(days: 1, held: false)
            try await drill(days: 1, held: nil)
            try await drill(days: 1, held: true, sku: "small")
            try await drill(days: 1, held: true, tried: false)
            try await drill(days: 1, held: true, end: "aborted")
            #expect(try await refused() == true)
            try await drill(days: 29, held: true)
            #expect(try await admin.patch("skus/s", "{\"state\": \"active\"}").json["state"].string == "active")
            let told = try await admin.get("fallback-drills?sku=s").json["data"].elements
            #expect(told.map { $0["held"].text } == ["false", "true", "true"] && told.allSatisfy { $0["drill"].string != nil }, "\(told)")
            #expect(told[1]["reason"].string?.contains("provider-loss: 12 served by another provider") == true)
        }
    }

    @Test func `an override needs a reason, another token, and stands in the audit log`() async throws {
        try await AdminFixture.run { admin in
            try await prepare(admin)
            let reason = "{\"override_reason\": \"demonstration\"}"
            #expect(try await admin.patch("skus/s", "{\"state\": \"active\", \"override_reason\": \"demonstration\"}").status == 409)
            #expect(try await admin.patch("skus/s", reason).json["override_requested_by"].string != nil)
            #expect(try await admin.patch("skus/s", "{\"state\": \"active\"}").json["error"]["code"].string == "second_approver")
            let (first, second) = (try await operate(admin, "first"), try await operate(admin, "second"))
            let path = "/admin/v1/skus/s"
            let own = try await first.client.send("PATCH", path, "{\"state\": \"active\"}")
            #expect(own.json["error"]["code"].string == "same_hand" && own.json["error"]["message"].string?.contains("come from the token") == true)
            #expect(try await first.client.send("PATCH", path, reason).status == 200)
            #expect(try await admin.patch("skus/s", "{\"state\": \"active\"}").json["error"]["code"].string == "same_hand", "it made the other")
            let done = try await second.client.send("PATCH", path, "{\"state\": \"active\"}").json
            #expect(done["state"].string == "active")
            #expect(done["override_approved_by"].string == second.label)
            let audit = try await admin.get("audit?action=override").json["data"].elements
            #expect(audit.count == 1 && audit[0]["actor"].string == done["override_approved_by"].string)
        }
    }

    @Test func `a tier whose promise does not pay needs no proof`() async throws {
        try await AdminFixture.run { admin in
            try await prepare(admin, policy: "shared")
            #expect(try await admin.patch("skus/s", "{\"state\": \"active\"}").json["state"].string == "active")
        }
    }

    /// T6, start narrow: whatever the tier promises, nothing is sold beside the first SKU before that one was kept for thirty days.
    @Test func `a second SKU asks for thirty days of evidence of the first`() async throws {
        try await AdminFixture.run { admin in
            try await prepare(admin, policy: "shared")
            #expect(try await admin.patch("skus/small", "{\"state\": \"active\"}").json["state"].string == "active")
            let refused = try await admin.patch("skus/s", "{\"state\": \"active\"}")
            let message = try #require(refused.json["error"]["message"].string)
            #expect(refused.status == 409 && refused.json["error"]["code"].string == "not_ready", "\(refused.text)")
            #expect(message.contains("30 days of evidence of the first SKU, small (uptime of the last 30 days was 0.000 %"), "\(message)")
            try await PromiseFixture.measure(admin, days: 29)
            let short = try await admin.patch("skus/s", "{\"state\": \"active\"}").text
            #expect(short.contains("uptime of the last 30 days was 96.66") && short.contains("not measured"), "a day lacks: \(short)")
            try await PromiseFixture.measure(admin, days: 31)
            #expect(try await admin.patch("skus/s", "{\"state\": \"active\"}").json["state"].string == "active")
            #expect(try await admin.get("skus/s").json["override_approved_by"].string == nil)
        }
    }

    @Test func `two people may sell a second SKU before that, and what is sold already is not asked again`() async throws {
        try await AdminFixture.run { admin in
            try await prepare(admin, policy: "shared")
            _ = try await admin.patch("skus/small", "{\"state\": \"active\"}")
            let (first, second) = (try await operate(admin, "first"), try await operate(admin, "second"))
            _ = try await first.client.send("PATCH", "/admin/v1/skus/s", "{\"override_reason\": \"a pilot customer\"}")
            let done = try await second.client.send("PATCH", "/admin/v1/skus/s", "{\"state\": \"active\"}").json
            #expect(done["state"].string == "active" && done["override_approved_by"].string == second.label)
            #expect(try await admin.patch("skus/small", "{\"state\": \"active\"}").status == 200)
        }
    }

    @Test func `late first tokens of the first SKU are told as the reason`() async throws {
        try await AdminFixture.run { admin in
            try await prepare(admin, policy: "shared")
            _ = try await admin.patch("skus/small", "{\"state\": \"active\"}")
            try await PromiseFixture.measure(admin, days: 31, firstToken: 1_600_000)
            let refused = try await admin.patch("skus/s", "{\"state\": \"active\"}").text
            #expect(refused.contains("the first token was late in 60 of 60") && !refused.contains("uptime"), "\(refused)")
        }
    }

    /// What is proven for any tier with a promise; the two regions are the policy's.
    private func prove(_ admin: AdminFixture) async throws {
        try await serve(admin, points: ["alpha": 90, "beta": 80])
        try await back(admin, provider: "alpha")
        _ = try await admin.post("fallback-drills", "{\"sku\": \"s\", \"held\": true, \"reason\": \"primary cut off\"}")
    }

    @Test func `a warm regional tier is sold with ready workers in both regions`() async throws {
        try await AdminFixture.run { admin in
            try await prepare(admin)
            try await prove(admin)
            func state() async throws -> String { try await admin.patch("skus/s", "{\"state\": \"active\"}").text }
            for region in ["us", "eu"] {
                let change: SQL = """
                    UPDATE serving.workers SET runtime_state = 'starting' FROM serving.hosts WHERE hosts.id = host_id AND hosts.region = \(region)
                    RETURNING 1 AS one
                    """
                _ = try await admin.row(change)
                #expect(try await state().contains("not proven: a ready worker of the model in the region \(region)"))
                _ = try await admin.row("UPDATE serving.workers SET runtime_state = 'ready' RETURNING 1 AS one")
            }
            #expect(try await admin.patch("skus/s", "{\"state\": \"active\"}").json["state"].string == "active")
        }
    }

    @Test func `a preallocated tier is sold where its share of the slots is at least one`() async throws {
        try await AdminFixture.run { admin in
            try await prepare(admin)
            #expect(try await admin.patch("tiers/pro", "{\"capacity_policy\": \"preallocated\", \"reserved_percent\": 20}").status == 200)
            try await prove(admin)
            let refused = try await admin.patch("skus/s", "{\"state\": \"active\"}").text
            #expect(
                refused.contains("ready workers in the primary region of whose slots 20 % is at least one"), "a fifth of four is none: \(refused)")
            _ = try await admin.patch("tiers/pro", "{\"reserved_percent\": 25}")
            #expect(try await admin.patch("skus/s", "{\"state\": \"active\"}").json["state"].string == "active")
        }
    }
}
