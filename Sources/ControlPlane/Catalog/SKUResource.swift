import Postgres

extension AdminResource {
    /// Whole pico-US-dollars for one token; up to one dollar.
    private static let price = FieldKind.integer(0...1_000_000_000_000)

    static let skus = AdminResource(
        path: "skus", kind: "sku", table: "serving.skus",
        listing: Listing(
            document: """
                json_build_object('id', r.id, 'name', r.name, 'model', r.model, 'tier', r.tier, 'service_class', r.service_class,
                    'context_class', r.context_class, 'primary_region', r.primary_region, 'backup_region', r.backup_region,
                    'prompt_price_pico_usd', r.prompt_price_pico_usd, 'completion_price_pico_usd', r.completion_price_pico_usd,
                    'fallback_sku', r.fallback_sku,
                    'fallback_refused_by', \(FallbackTerms.refusedForSKU), 'state', r.state, 'override_reason', r.override_reason,
                    'override_requested_by', r.override_requested_by, 'override_approved_by', r.override_approved_by,
                    'created_at', serving.wire_time(r.created_at), 'updated_at', serving.wire_time(r.updated_at))
                """,
            source: "serving.skus AS r", visible: "r.state <> 'deleted'",
            filters: [.text("model", "r.model"), .text("tier", "r.tier"), .text("state", "r.state")]),
        fields: [
            AdminField("name", .slug, .required, changeable: false),
            AdminField("model", .modelName, .required, changeable: false),
            AdminField("tier", .slug, .required, changeable: false),
            AdminField("service_class", .choice(["interactive", "batch"]), changeable: false),
            AdminField("context_class", .choice(["standard", "long"]), changeable: false),
            AdminField("primary_region", .slug, .required),
            AdminField("backup_region", .slug, nullable: true),
            AdminField("prompt_price_pico_usd", price, .required),
            AdminField("completion_price_pico_usd", price, .required),
            AdminField("fallback_sku", .slug, nullable: true),
            AdminField("state", .choice(["draft", "active", "retired"]), .later),
            AdminField("override_reason", .reason, .later, nullable: true),
        ],
        reusesNames: true)
}
