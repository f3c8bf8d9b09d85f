import FoundationEssentials
import HTTPTypes
import Postgres

/// Price versions of a model for a tier and service class: written once, never changed. Each holds until the next one begins.
enum PriceResource {
    private static let listing = Listing(
        document: """
            json_build_object('version', r.version, 'model', r.model, 'tier', r.tier, 'service_class', r.service_class,
                'effective_from', serving.wire_time(r.effective_from), 'effective_until', serving.wire_time(r.effective_until),
                'current', r.effective_from <= now() AND coalesce(r.effective_until > now(), true),
                'prompt_price_pico_usd', r.prompt_price_pico_usd, 'cached_prompt_price_pico_usd', r.cached_prompt_price_pico_usd,
                'completion_price_pico_usd', r.completion_price_pico_usd, 'reason', r.reason, 'actor', r.actor,
                'created_at', serving.wire_time(r.created_at))
            """,
        source: "serving.prices AS r", order: "r.version", orderType: "bigint", id: "r.version", idType: "bigint",
        filters: [
            .text("model", "r.model"), .text("tier", "r.tier"), .choice("service_class", "r.service_class", ["interactive", "batch"]),
        ])

    static let list = AdminRoute.read("prices") { call, databases in
        try await listing.page(call, databases.serving)
    }

    static let creation = AdminRoute.change(.post, "prices") { call, fields, connection in
        let model = fields.text("model", .modelName, .required) ?? ""
        let tier = fields.text("tier", .slug, .required) ?? ""
        let serviceClass = fields.text("service_class", .choice(["interactive", "batch"])) ?? "interactive"
        let prompt = fields.integer("prompt_price_pico_usd", 0...1_000_000_000_000, .required) ?? 0
        let cached = fields.integer("cached_prompt_price_pico_usd", 0...1_000_000_000_000) ?? prompt
        let completion = fields.integer("completion_price_pico_usd", 0...1_000_000_000_000, .required) ?? 0
        let wished = fields.value(AdminField("effective_from", .instant)) as? Date
        let reason = fields.text("reason", .reason)
        try fields.finish()
        let price = NewPrice(model: model, tier: tier, serviceClass: serviceClass, prompt: prompt, cached: cached, completion: completion)
        let version = try await price.add(from: wished, reason: reason, call, connection)
        let found = try await listing.one(where: "r.version = \(version)") { try await connection.queryOne($0) }
        return AdminChange(
            status: .created, document: found?.document ?? "{}", action: "create", subjectKind: "price", subjectId: String(version))
    }
}
