import FoundationEssentials
import Postgres

/// Objectives of first tokens that are about one tier: gateways count over the tier's threshold alone, so theirs is the same.
enum TierObjective {
    /// Those of the tier, or of its tenants, that had its threshold get the one that it has now.
    static func follow(_ tier: String, from old: Int64, _ call: AdminCall, _ connection: PostgresConnection) async throws {
        let rows = try await connection.query(
            """
            UPDATE reliability.objective AS o SET threshold_microseconds = own.microseconds, updated_at = now()
            FROM reliability.tier_threshold AS own
            WHERE own.tier = \(tier) AND own.microseconds <> \(old) AND o.kind = 'ttft_p95' AND o.state = 'active' AND o.threshold_microseconds = \(old)
                AND coalesce(o.tier, (SELECT tenants.tier FROM serving.tenants WHERE tenants.id = o.tenant_id)) = own.tier
            RETURNING o.id, o.threshold_microseconds AS threshold
            """)
        for row in rows {
            try await audit(
                "update", try row.value("id"), "{\"threshold_microseconds\":\(try row.value("threshold", as: Int64.self))}", call, connection)
        }
    }

    /// One of the tier's own where no objective of all models and regions has its threshold.
    static func add(_ tier: String, _ call: AdminCall, _ connection: PostgresConnection) async throws {
        let row = try await connection.queryOne(
            """
            INSERT INTO reliability.objective (name, kind, tier, target_ppm, threshold_microseconds, freezes)
            SELECT left('first-token-' || own.tier, 63), 'ttft_p95', own.tier, 950000, own.microseconds, FALSE FROM reliability.tier_threshold AS own
            WHERE own.tier = \(tier) AND NOT EXISTS (SELECT 1 FROM reliability.objective AS o WHERE o.kind = 'ttft_p95' AND o.state = 'active'
                AND o.threshold_microseconds = own.microseconds AND coalesce(o.tier, own.tier) = own.tier
                AND (o.tenant_id, o.model, o.region) IS NOT DISTINCT FROM (NULL::uuid, NULL::text, NULL::text))
            ON CONFLICT DO NOTHING RETURNING id
            """)
        if let row { try await audit("create", try row.value("id"), "{\"kind\":\"ttft_p95\",\"tier\":\(AdminJSON.string(tier))}", call, connection) }
    }

    private static func audit(_ action: String, _ id: UUID, _ change: String, _ call: AdminCall, _ connection: PostgresConnection) async throws {
        try await connection.execute(
            "SELECT audit.append(\(call.actor.label), \(action), 'objective', \(id.uuidString.lowercased()), \(call.requestId), \(change))")
    }
}
