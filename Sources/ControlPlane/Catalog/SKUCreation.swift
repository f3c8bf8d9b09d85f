import HTTPTypes
import HTTPWire
import Postgres

/// Making a SKU: field by field, or by a template, which says what the caller leaves out.
enum SKUCreation {
    static let route = AdminRoute.change(.post, "skus") { call, fields, connection in
        guard case .change(let create) = AdminResource.skus.creation.work else { preconditionFailure("a creation is a change") }
        let name = fields.text("template", .choice(SKUTemplate.all.map(\.name)))
        let setsPrice = fields.value(AdminField("sets_price", .boolean)) as? Bool ?? false
        var cached: Int64?
        if let template = name.flatMap(SKUTemplate.named) {
            fields.fill("service_class", .string(template.serviceClass))
            fields.fill("context_class", .string(template.contextClass))
            cached = try await fillPrices(&fields, template, connection)
            try await fillTier(&fields, template, call, connection)
        }
        let change = try await create(call, &fields, connection)
        if setsPrice { try await setPrice(fields, cached: cached, name, call, connection) }
        return change
    }

    /// The model's least price that holds, by the template's factor. Returns that of cached tokens, which is a price's and not a SKU's.
    private static func fillPrices(_ fields: inout FieldReader, _ template: SKUTemplate, _ connection: PostgresConnection) async throws -> Int64? {
        let names = ["prompt_price_pico_usd", "completion_price_pico_usd"]
        guard !names.allSatisfy(fields.has), let model = fields.text(of: "model") else { return nil }
        let row = try await connection.queryOne(
            """
            SELECT prompt_price_pico_usd, completion_price_pico_usd, cached_prompt_price_pico_usd FROM serving.prices
            WHERE model = \(model) AND service_class = 'interactive' AND effective_from <= now() AND coalesce(effective_until > now(), true)
            ORDER BY prompt_price_pico_usd + completion_price_pico_usd, version LIMIT 1
            """)
        guard let row else {
            throw AdminRefusal.fault(
                names.first { !fields.has($0) } ?? "", "is required: the model has no price that the template's factor could be of")
        }
        let namesPrompt = fields.has("prompt_price_pico_usd")
        for name in names { fields.fill(name, .integer(template.price(try row.value(name)))) }
        return namesPrompt ? nil : template.price(try row.value("cached_prompt_price_pico_usd"))
    }

    /// The template's tier, which is made when nobody has made it yet, with an objective for what it counts.
    private static func fillTier(
        _ fields: inout FieldReader, _ template: SKUTemplate, _ call: AdminCall, _ connection: PostgresConnection
    ) async throws {
        guard !fields.has("tier") else { return }
        fields.fill("tier", .string(template.name))
        let known: SQL = "SELECT 1 FROM serving.tiers WHERE name = \(template.name) AND state <> 'deleted'"
        guard try await connection.query(known).isEmpty else { return }
        guard case .change(let create) = AdminResource.tierCreation.work else { preconditionFailure("a creation is a change") }
        let document = AdminJSON.text(.object(template.tierDocument))
        var reader = try FieldReader(Array(document.utf8))
        let made = try await create(call, &reader, connection)
        try await connection.execute(
            "SELECT audit.append(\(call.actor.label), \(made.action), \(made.subjectKind), \(made.subjectId), \(call.requestId), \(document))")
    }

    /// The SKU's prices become those by which its tier is billed for its model.
    private static func setPrice(
        _ fields: FieldReader, cached: Int64?, _ template: String?, _ call: AdminCall, _ connection: PostgresConnection
    ) async throws {
        let prompt = fields.integer(of: "prompt_price_pico_usd") ?? 0
        let price = NewPrice(
            model: fields.text(of: "model") ?? "", tier: fields.text(of: "tier") ?? "",
            serviceClass: fields.text(of: "service_class") ?? "interactive", prompt: prompt, cached: cached ?? prompt,
            completion: fields.integer(of: "completion_price_pico_usd") ?? 0)
        let reason = "SKU \(fields.text(of: "name") ?? "")" + (template.map { ", template \($0)" } ?? "")
        let version = try await price.add(from: nil, reason: reason, call, connection)
        try await connection.execute(
            "SELECT audit.append(\(call.actor.label), 'create', 'price', \(String(version)), \(call.requestId), \(price.document(reason: reason)))")
    }
}
