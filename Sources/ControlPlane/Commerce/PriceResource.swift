import FoundationEssentials
import HTTPTypes
import Postgres

/// Price versions of a model for a tier and service class: written once, never changed. Each holds until the next one begins.
enum PriceResource {
    /// Gateways must have heard of a price before it holds.
    private static let notice = 60

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
        try await check(model: model, tier: tier, connection)
        try await FreezeDesk.admit(.price, FreezeScope(model: model, tier: tier), subject: "price of \(model) for \(tier)", call, connection)
        let beginning = try await beginning(wished, model: model, tier: tier, serviceClass: serviceClass, connection)
        let row = try await connection.queryOne(
            """
            INSERT INTO serving.price_versions (model, tier, service_class, effective_from, prompt_price_pico_usd, cached_prompt_price_pico_usd,
                completion_price_pico_usd, reason, actor)
            VALUES (\(model), \(tier), \(serviceClass), to_timestamp(\(beginning)::bigint), \(prompt), \(cached), \(completion), \(reason),
                \(call.actor.label)) RETURNING version
            """)
        guard let version = try row?.value("version", as: Int64.self) else { throw AdminRefusal.failed }
        let found = try await listing.one(where: "r.version = \(version)") { try await connection.queryOne($0) }
        return AdminChange(
            status: .created, document: found?.document ?? "{}", action: "create", subjectKind: "price", subjectId: String(version))
    }

    private static func check(model: String, tier: String, _ connection: PostgresConnection) async throws {
        let models: SQL = "SELECT 1 FROM serving.models WHERE name = \(model) AND state <> 'deleted'"
        guard try await !connection.query(models).isEmpty else { throw AdminRefusal.fault("model", "does not exist") }
        let tiers: SQL = "SELECT 1 FROM serving.tiers WHERE name = \(tier) AND state <> 'deleted'"
        guard try await !connection.query(tiers).isEmpty else { throw AdminRefusal.fault("tier", "does not exist") }
    }

    /// Seconds since 1970. The first price of its kind may hold at once; a later one begins after all others and is announced before it holds, so
    /// that every gateway pins the same version at the same instant. Whoever is here keeps others out until the transaction ends.
    private static func beginning(
        _ wished: Date?, model: String, tier: String, serviceClass: String, _ connection: PostgresConnection
    ) async throws -> Int64 {
        let row = try await connection.queryOne(
            """
            SELECT pg_advisory_xact_lock(hashtextextended('price ' || \(model) || ' ' || \(tier) || ' ' || \(serviceClass), 0)),
                floor(extract(epoch FROM now()))::bigint AS now
            """)
        let last = try await connection.queryOne(
            """
            SELECT extract(epoch FROM max(effective_from))::bigint AS beginning FROM serving.price_versions
            WHERE model = \(model) AND tier = \(tier) AND service_class = \(serviceClass)
            """)
        let now: Int64 = try row?.value("now") ?? 0
        let previous: Int64? = try last?.value("beginning", as: Int64?.self)
        let earliest = previous.map { max($0 + 1, now + Int64(notice)) } ?? now
        guard let wished else { return earliest }
        let beginning = Int64(wished.timeIntervalSince1970)
        guard beginning >= (previous == nil ? now - Int64(notice) : earliest) else {
            let rule = previous == nil ? "must not be in the past" : "must be after the versions that there are, and at least \(notice) seconds ahead"
            throw AdminRefusal.fault("effective_from", rule)
        }
        return beginning
    }
}
