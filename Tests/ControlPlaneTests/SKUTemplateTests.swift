import TestSupport
import Testing

@testable import ControlPlane

/// T6: usual products as data.
@Suite struct SKUTemplateTests {
    private func prepare(_ admin: AdminFixture, price: Bool = true) async throws {
        _ = try await admin.tenant()
        _ = try await admin.post("models", "{\"name\": \"tiny\", \"display_name\": \"Tiny\", \"context_tokens\": 200000}")
        guard price else { return }
        let made = try await admin.post(
            "prices",
            "{\"model\": \"tiny\", \"tier\": \"pro\", \"prompt_price_pico_usd\": 101, \"cached_prompt_price_pico_usd\": 10, \"completion_price_pico_usd\": 400}"
        )
        #expect(made.status == 201)
    }

    private func make(_ admin: AdminFixture, _ template: String, _ more: String = "") async throws -> JSONClient.Answer {
        try await admin.post(
            "skus", "{\"name\": \"tiny-\(template)\", \"model\": \"tiny\", \"primary_region\": \"eu\", \"template\": \"\(template)\"\(more)}")
    }

    @Test func `five templates are listed, and long documents are dearer and looser than chat`() async throws {
        try await AdminFixture.run { admin in
            let listed = try await admin.get("sku-templates?limit=3").json
            #expect(listed["data"].elements.count == 3)
            let cursor = try #require(listed["next_cursor"].string)
            let rest = try await admin.get("sku-templates?limit=3&cursor=\(cursor)").json
            let all = listed["data"].elements + rest["data"].elements
            #expect(all.map { $0["name"].string } == ["live-chat", "long-documents", "rag", "seo", "support"] && rest["next_cursor"] == .null)
            let (chat, long) = (all[0], all[1])
            for field in ["price_factor_ppm"] { #expect(long[field].number ?? 0 > chat[field].number ?? .infinity) }
            for field in ["ttft_objective_microseconds", "ttlt_objective_microseconds", "max_prompt_tokens"] {
                #expect(long["tier"][field].number ?? 0 > chat["tier"][field].number ?? .infinity, "\(field)")
            }
            #expect(long["context_class"].string == "long" && chat["context_class"].string == "standard")
        }
    }

    @Test func `a template says what is left out, makes its tier, and sets the price when asked`() async throws {
        try await AdminFixture.run { admin in
            try await prepare(admin)
            let long = try await make(admin, "long-documents", ", \"sets_price\": true")
            #expect(long.status == 201 && long.json["tier"].string == "long-documents" && long.json["context_class"].string == "long", "\(long.text)")
            #expect(long.json["prompt_price_pico_usd"] == .number(202) && long.json["completion_price_pico_usd"] == .number(800))
            #expect(long.json["state"].string == "draft", "a proposal is sold by whoever activates it")
            let tier = try await admin.get("tiers/long-documents").json
            #expect(tier["max_prompt_tokens"] == .number(120_000) && tier["capacity_policy"].string == "warm_regional")
            let prices = try await admin.get("prices?tier=long-documents").json["data"]
            #expect(prices.elements.count == 1 && prices[0]["prompt_price_pico_usd"] == .number(202))
            #expect(prices[0]["cached_prompt_price_pico_usd"] == .number(20) && prices[0]["current"] == .bool(true))
            let chat = try await make(admin, "live-chat")
            #expect(chat.json["prompt_price_pico_usd"] == .number(127), "101 by 1.25, rounded up: \(chat.text)")
            #expect(try await admin.get("prices?tier=live-chat").json["data"].elements.isEmpty)
            let audited = try await admin.get("audit").json["data"].elements.filter { $0["action"].string == "create" }
            let kinds = audited.compactMap { $0["subject_kind"].string }
            #expect(kinds.count { $0 == "tier" } == 3 && kinds.count { $0 == "price" } == 2 && kinds.count { $0 == "sku" } == 2, "\(kinds)")
        }
    }

    @Test func `explicit fields win, and a tier that is there stays as it is`() async throws {
        try await AdminFixture.run { admin in
            try await prepare(admin)
            let own = try await make(admin, "rag", ", \"tier\": \"pro\", \"context_class\": \"long\", \"prompt_price_pico_usd\": 7")
            #expect(own.json["tier"].string == "pro" && own.json["context_class"].string == "long", "\(own.text)")
            #expect(own.json["prompt_price_pico_usd"] == .number(7) && own.json["completion_price_pico_usd"] == .number(440))
            #expect(try await admin.get("tiers/rag").status == 404)
            #expect(try await admin.post("tiers", AdminFixture.tier("seo")).status == 201)
            let seo = try await make(admin, "seo")
            #expect(seo.json["service_class"].string == "batch" && seo.json["prompt_price_pico_usd"] == .number(51), "\(seo.text)")
            #expect(try await admin.get("tiers/seo").json["max_prompt_tokens"] == .number(8000))
        }
    }

    @Test func `an unknown template, and one for a model without a price, are refused at their fields and make nothing`() async throws {
        try await AdminFixture.run { admin in
            try await prepare(admin, price: false)
            let unknown = try await make(admin, "poetry").json["error"]
            let fault = unknown["faults"].elements.first { $0["param"].string == "template" }
            #expect(fault?["message"].string?.contains("one of live-chat, support, rag, seo, long-documents") == true, "\(unknown.text)")
            let unpriced = try await make(admin, "support").json["error"]
            #expect(unpriced["param"].string == "prompt_price_pico_usd" && unpriced["message"].string?.contains("has no price") == true)
            let given = try await make(admin, "support", ", \"prompt_price_pico_usd\": 1, \"completion_price_pico_usd\": 2, \"colour\": \"red\"")
            #expect(given.status == 400)
            #expect(try await admin.get("tiers/support").status == 404, "nothing is left of a refusal")
            let plain = try await admin.post("skus", "{\"name\": \"s\", \"model\": \"tiny\", \"primary_region\": \"eu\"}").json["error"]
            #expect(plain["faults"].elements.compactMap { $0["param"].string } == ["tier", "prompt_price_pico_usd", "completion_price_pico_usd"])
        }
    }
}
