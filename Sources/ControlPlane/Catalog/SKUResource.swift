import FoundationEssentials
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
                    'fallback_sku', r.fallback_sku, 'state', r.state, 'override_reason', r.override_reason,
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
        check: { connection, id in try await checkActivation(connection, id) }, reusesNames: true)

    /// An active SKU needs two providers with workers of its model whose hosts report, a backup region and a fallback, or a recorded reason why not.
    private static func checkActivation(_ connection: PostgresConnection, _ id: UUID) async throws {
        let row = try await connection.queryOne(
            """
            SELECT r.state = 'active' AND r.override_reason IS NULL AS judged, r.backup_region IS NULL AS no_backup,
                r.fallback_sku IS NULL AS no_fallback,
                (SELECT count(DISTINCT pools.provider) FROM serving.workers
                    JOIN serving.releases ON releases.name = workers.release JOIN serving.hosts ON hosts.id = workers.host_id
                    JOIN serving.pools ON pools.name = hosts.pool
                    WHERE releases.model = r.model AND workers.accepted AND workers.retired_at IS NULL AND hosts.state = 'active'
                        AND \(Reporting.isCurrent("hosts.last_heartbeat_at"))) AS providers
            FROM serving.skus AS r WHERE r.id = \(id)
            """)
        guard let row, try row.value("judged") else { return }
        var missing: [String] = []
        if try row.value("providers", as: Int.self) < 2 { missing.append("two providers with accepted workers of the model on hosts that report") }
        if try row.value("no_backup") { missing.append("a backup region") }
        if try row.value("no_fallback") { missing.append("a fallback SKU") }
        missing.append("a fallback drill within 30 days")
        throw AdminRefusal.conflict("not_ready", "not proven: \(missing.joined(separator: ", ")); give override_reason to activate it anyway")
    }
}
