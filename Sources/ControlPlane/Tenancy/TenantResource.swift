import FoundationEssentials
import HTTPTypes
import Postgres

extension AdminResource {
    static let tenants = AdminResource(
        path: "tenants", kind: "tenant", table: "serving.tenants",
        listing: Listing(
            document: """
                json_build_object('id', r.id, 'name', r.name, 'display_name', r.display_name, 'tier', r.tier, 'state', r.state,
                    'allowed_regions', r.allowed_regions, 'allowed_addresses', r.allowed_addresses, 'masking', r.masking, 'allowed_trust_classes', r.allowed_trust_classes,
                    'anomaly_throttle_ppm', r.anomaly_throttle_ppm, 'throttle_ppm', r.throttle_ppm, 'tokens_per_day', r.tokens_per_day,
                    'tokens_per_month', r.tokens_per_month, 'spend_per_month_micro_usd', r.spend_per_month_micro_usd,
                    'created_at', serving.wire_time(r.created_at),
                    'updated_at', serving.wire_time(r.updated_at))
                """,
            source: "serving.tenants AS r", visible: "r.state <> 'deleted'",
            filters: [.text("tier", "r.tier"), .text("state", "r.state")]),
        fields: [
            AdminField("name", .slug, .required, changeable: false),
            AdminField("display_name", .label, .required),
            AdminField("tier", .slug, .required),
            AdminField("state", .choice(["active", "suspended"]), .later),
            AdminField("allowed_regions", .slugs(atMost: 64)),
            AdminField("anomaly_throttle_ppm", .integer(1_000...1_000_000), nullable: true),
            AdminField("masking", .choice(["warn", "secrets", "personal", "all"]), nullable: true),
            AdminField("allowed_addresses", .addressRanges(atMost: 256), nullable: true),
            AdminField("allowed_trust_classes", .choices(["standard", "trusted"]), nullable: true),
            AdminField("tokens_per_day", .integer(1...1_000_000_000_000_000), nullable: true),
            AdminField("tokens_per_month", .integer(1...1_000_000_000_000_000), nullable: true),
            AdminField("spend_per_month_micro_usd", .integer(1...1_000_000_000_000), nullable: true),
        ],
        check: { connection, id in
            let tier: SQL =
                "SELECT 1 FROM serving.tiers JOIN serving.tenants ON tenants.tier = tiers.name WHERE tenants.id = \(id) AND tiers.state = 'active'"
            guard try await !connection.query(tier).isEmpty else { throw AdminRefusal.fault("tier", "does not exist") }
            try await KeyResource.checkLimits(connection, tenant: id)
        })

    /// Changes a tenant; what is promised for a tier and region is kept in them, unless the customer wants fewer regions. One may be suspended whatever is
    /// promised: minutes without requests are judged by probes, so that nothing of a failure is hidden by it.
    static let tenantUpdate = AdminRoute.change(.patch, "tenants/{id}") { call, fields, connection in
        guard case .change(let update) = tenants.update.work else { preconditionFailure("an update is a change") }
        let isAsked = fields.value(AdminField("customer_asked", .boolean)) as? Bool ?? false
        var reader = fields
        let change = try await KeptPromises.guarding(isAsked: isAsked, connection) {
            let change = try await update(call, &reader, connection)
            if reader.has("tier"), let id = UUID(uuidString: change.subjectId) { try await TierObjective.follow(tenant: id, call, connection) }
            return change
        }
        fields = reader
        return change
    }

    /// Its keys, captures, agreements and objectives end with it: the budget of somebody who is gone would hold up the changes of all.
    static let tenantRemoval = AdminRoute.change(.delete, "tenants/{id}") { call, fields, connection in
        try fields.finish()
        let id = try await tenants.locked(call.reference, connection)
        let change = try await tenants.change(connection, id, "delete")
        try await connection.execute(
            "UPDATE serving.api_keys SET revoked_at = now(), updated_at = now() WHERE tenant_id = \(id) AND revoked_at IS NULL")
        try await CaptureErasure.end(where: "r.tenant_id = \(id)", by: call.actor.label, requestId: call.requestId, connection)
        try await AgreementResource.end(ofTenant: id, connection)
        try await connection.execute(
            "UPDATE reliability.objective SET state = 'deleted', deleted_at = now(), updated_at = now() WHERE tenant_id = \(id) AND state <> 'deleted'"
        )
        try await connection.execute("UPDATE serving.tenants SET state = 'deleted', deleted_at = now(), updated_at = now() WHERE id = \(id)")
        return change
    }
}
