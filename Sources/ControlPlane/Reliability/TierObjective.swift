import FoundationEssentials
import Postgres

/// Objectives of first tokens that are about one tier: gateways count over the tier's threshold alone, so theirs is the same.
enum TierObjective {
    /// Those of the tier, or of its tenants, that had its threshold get the one that it has now, and what held for it as for all tiers is its own from now on.
    static func follow(_ tier: String, from old: Int64, _ call: AdminCall, _ connection: PostgresConnection) async throws {
        try await move("own.tier = \(tier) AND (o.tier IS NOT NULL OR o.threshold_microseconds = \(old))", call, connection)
        let rows = try await connection.query(
            """
            INSERT INTO reliability.objective (name, kind, tier, model, region, target_ppm, threshold_microseconds, period, time_zone, burn_alerts, freezes)
            SELECT reliability.first_token_name(own.tier, wide.model, wide.region), 'ttft_p95', own.tier, wide.model, wide.region, wide.target_ppm,
                own.microseconds, wide.period, wide.time_zone, wide.burn_alerts, wide.freezes
            FROM reliability.tier_threshold AS own JOIN reliability.objective AS wide ON wide.kind = 'ttft_p95' AND wide.state = 'active'
                AND wide.tenant_id IS NULL AND wide.tier IS NULL AND wide.threshold_microseconds = \(old)
            WHERE own.tier = \(tier) AND own.microseconds <> \(old)
            ON CONFLICT DO NOTHING RETURNING id
            """)
        for row in rows { try await created(try row.value("id"), tier, call, connection) }
    }

    /// For a tier that was just made: what is left of one of its name gets its threshold, and it has one of its own where no objective of all models and
    /// regions has that.
    static func begin(_ tier: String, _ call: AdminCall, _ connection: PostgresConnection) async throws {
        try await move("own.tier = \(tier) AND o.tier IS NOT NULL", call, connection)
        let row = try await connection.queryOne(
            """
            INSERT INTO reliability.objective (name, kind, tier, target_ppm, threshold_microseconds, freezes)
            SELECT reliability.first_token_name(own.tier, NULL, NULL), 'ttft_p95', own.tier, 950000, own.microseconds, FALSE
            FROM reliability.tier_threshold AS own
            WHERE own.tier = \(tier) AND NOT EXISTS (SELECT 1 FROM reliability.objective AS o WHERE o.kind = 'ttft_p95' AND o.state = 'active'
                AND o.threshold_microseconds = own.microseconds AND coalesce(o.tier, own.tier) = own.tier
                AND (o.tenant_id, o.model, o.region) IS NOT DISTINCT FROM (NULL::uuid, NULL::text, NULL::text))
            ON CONFLICT DO NOTHING RETURNING id
            """)
        if let row { try await created(try row.value("id"), tier, call, connection) }
    }

    /// Those of a tenant that is of another tier now.
    static func follow(tenant: UUID, _ call: AdminCall, _ connection: PostgresConnection) async throws {
        try await move("o.tenant_id = \(tenant)", call, connection)
    }

    /// - Parameter which: Of an objective `o` and the tier `own` that it is about.
    private static func move(_ which: SQL, _ call: AdminCall, _ connection: PostgresConnection) async throws {
        let rows = try await connection.query(
            """
            UPDATE reliability.objective AS o SET threshold_microseconds = own.microseconds, updated_at = now()
            FROM reliability.tier_threshold AS own
            WHERE o.kind = 'ttft_p95' AND o.state = 'active' AND o.threshold_microseconds <> own.microseconds
                AND own.tier = coalesce(o.tier, (SELECT tenants.tier FROM serving.tenants WHERE tenants.id = o.tenant_id)) AND \(which)
            RETURNING o.id, o.threshold_microseconds AS threshold
            """)
        for row in rows {
            try await audit(
                "update", try row.value("id"), "{\"threshold_microseconds\":\(try row.value("threshold", as: Int64.self))}", call, connection)
        }
    }

    private static func created(_ id: UUID, _ tier: String, _ call: AdminCall, _ connection: PostgresConnection) async throws {
        try await audit("create", id, "{\"kind\":\"ttft_p95\",\"tier\":\(AdminJSON.string(tier))}", call, connection)
    }

    private static func audit(_ action: String, _ id: UUID, _ change: String, _ call: AdminCall, _ connection: PostgresConnection) async throws {
        try await connection.execute(
            "SELECT audit.append(\(call.actor.label), \(action), 'objective', \(id.uuidString.lowercased()), \(call.requestId), \(change))")
    }
}
