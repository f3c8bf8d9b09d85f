import Domain
import FoundationEssentials
import HTTPTypes
import Postgres

/// Whether a SKU may be sold. One whose tier makes a promise that pays needs proof that the promise can be kept, and each one after the first needs proof
/// that the first was; or two people stand for it.
enum SKUActivation {
    /// Changes a SKU; putting it into force is judged. Who gives a reason to do without proof cannot be the one who does it.
    static let update = AdminRoute.wideChange(.patch, "skus/{id}") { call, fields, connection, databases in
        let resource = AdminResource.skus
        guard case .change(let update) = resource.update.work else { preconditionFailure("an update is a change") }
        let (namesState, namesReason) = (fields.has("state"), fields.has("override_reason"))
        let isRepriced = ["prompt_price_pico_usd", "completion_price_pico_usd"].contains { fields.has($0) }
        // What stood in another region, or for another fallback, was not behind this one.
        let moved = [("primary_region", ["warm"]), ("backup_region", ["backup", "warm"]), ("fallback_sku", ["fallback", "drill"])].filter {
            fields.has($0.0)
        }.flatMap(\.1)
        let wasActive = namesState ? try await isActive(resource.locked(call.reference, connection), connection) : false
        var change = try await update(call, &fields, connection)
        guard let id = UUID(uuidString: change.subjectId) else { return change }
        if isRepriced { try await admitPrice(id, call, connection) }
        if !moved.isEmpty {
            try await connection.execute(
                """
                DELETE FROM reliability.sku_standing AS standing USING serving.skus
                WHERE skus.id = \(id) AND sku = skus.name AND aspect = ANY(\(moved)::text[])
                """)
        }
        if namesReason {
            try await connection.execute(
                """
                UPDATE serving.skus SET override_requested_by = CASE WHEN override_reason IS NULL THEN NULL ELSE \(call.actor.label) END,
                    override_approved_by = NULL WHERE id = \(id)
                """)
        }
        let reliability = wasActive ? nil : databases.reliability
        let isOverride = namesState ? try await judge(connection, id, beside: reliability, by: call.actor) : false
        change = try await resource.change(connection, id, isOverride ? "override" : "update")
        return change
    }

    /// What a SKU is sold for is a price like any other.
    private static func admitPrice(_ id: UUID, _ call: AdminCall, _ connection: PostgresConnection) async throws {
        let row = try await connection.queryOne("SELECT name, model, tier FROM serving.skus WHERE id = \(id)")
        guard let row else { return }
        let scope = FreezeScope(model: try row.value("model"), tier: try row.value("tier"))
        try await FreezeDesk.admit(.price, scope, subject: "price of SKU \(try row.value("name", as: String.self))", call, connection)
    }

    private static func isActive(_ id: UUID, _ connection: PostgresConnection) async throws -> Bool {
        try await !connection.query("SELECT 1 FROM serving.skus WHERE id = \(id) AND state = 'active'").isEmpty
    }

    /// True: it is in force by the word of two people. Throws when it may not be in force.
    ///
    /// - Parameter reliability: Where the evidence of other SKUs is; nil: it was sold beside them already.
    private static func judge(
        _ connection: PostgresConnection, _ id: UUID, beside reliability: PostgresPool?, by actor: AdminActor
    ) async throws -> Bool {
        let row = try await connection.queryOne(
            """
            SELECT r.state = 'active' AS judged, \(PromisedTiers.condition("tiers")) AS promises, r.override_reason, r.override_requested_by
            FROM serving.skus AS r JOIN serving.tiers ON tiers.name = r.tier WHERE r.id = \(id)
            """)
        guard let row, try row.value("judged") else { return false }
        var missing = try row.value("promises") ? try await missing(connection, id) : []
        if let reliability { missing += try await NarrowStart.missing(connection, id, reliability) }
        guard !missing.isEmpty else { return false }
        let requester = try row.value("override_requested_by", as: String?.self)
        guard try row.value("override_reason", as: String?.self) != nil, let requester else {
            throw AdminRefusal.conflict(
                "not_ready",
                "not proven: \(missing.joined(separator: ", ")); to activate it anyway, give override_reason and have another person's token set the state"
            )
        }
        guard requester != actor.label else {
            throw AdminRefusal.conflict(
                "second_approver", "not proven: \(missing.joined(separator: ", ")); who gave override_reason cannot be the one who activates it")
        }
        try await Approval.checkHands(actor, others: [requester], sparesFirst: true, connection)
        try await connection.execute("UPDATE serving.skus SET override_approved_by = \(actor.label) WHERE id = \(id)")
        return true
    }

    /// What keeps the SKU from being sold, in words; empty: nothing.
    static func missing(_ connection: PostgresConnection, _ id: UUID) async throws -> [String] {
        let row = try await connection.queryOne(
            """
            SELECT r.backup_region IS NULL AS no_backup, r.fallback_sku IS NULL AS no_fallback,
                EXISTS (SELECT 1 FROM (\(workers)) AS place WHERE place.region = r.backup_region AND NOT place.low) AS backed,
                tiers.capacity_policy AS policy, tiers.reserved_percent AS reserved,
                ARRAY(SELECT own.region FROM unnest(ARRAY[r.primary_region, r.backup_region]::text[]) AS own (region) WHERE own.region IS NOT NULL
                    AND NOT EXISTS (SELECT 1 FROM (\(workers)) AS place WHERE place.region = own.region AND place.ready AND NOT place.low)) AS cold,
                (SELECT coalesce(sum(place.slots * tiers.reserved_percent / 100), 0) FROM (\(workers)) AS place
                    WHERE place.region = r.primary_region AND place.ready AND NOT place.low) AS own_slots,
                EXISTS (SELECT 1 FROM reliability.tried_fallback AS drill
                    WHERE drill.sku = r.name AND drill.held AND drill.at > now() - interval '30 days') AS drilled,
                (SELECT count(*) FROM (\(serving)) AS provider WHERE provider.admitted) AS providers,
                (SELECT coalesce(string_agg(provider.name || ' ' || coalesce(round(provider.points::numeric, 1)::text, 'has no score'), ', '
                    ORDER BY provider.name), 'none') FROM (\(serving)) AS provider) AS known
            FROM serving.skus AS r JOIN serving.tiers ON tiers.name = r.tier WHERE r.id = \(id)
            """)
        guard let row else { return [] }
        var missing: [String] = []
        if try row.value("providers", as: Int.self) < 2 {
            let known: String = try row.value("known")
            missing.append("two providers with a good score and accepted workers of the model in its primary region on hosts that report (\(known))")
        }
        if try row.value("no_backup") {
            missing.append("a backup region")
        } else if try !row.value("backed", as: Bool.self) {
            missing.append("accepted workers of the model on hosts that report in the backup region")
        }
        if try row.value("no_fallback") { missing.append("a fallback SKU") }
        if try !row.value("drilled", as: Bool.self) { missing.append("a fallback drill that held within 30 days") }
        return missing + (try capacity(row))
    }

    /// What the capacity policy of its tier promises beside that.
    private static func capacity(_ row: PostgresRow) throws -> [String] {
        switch try row.value("policy", as: String.self) {
        case "warm_regional":
            return try row.value("cold", as: [String].self).map { "a ready worker of the model in the region \($0)" }
        case "preallocated":
            guard try row.value("own_slots", as: Int.self) == 0 else { return [] }
            return ["ready workers in the primary region of whose slots \(try row.value("reserved", as: Int.self)) % is at least one"]
        default: return []
        }
    }

    /// Providers that serve the model of `r` in its primary region now: where it is sold, nobody else helps.
    private static let serving: SQL = """
        SELECT DISTINCT place.provider AS name, score.points, coalesce(score.admitted, false) AS admitted
        FROM (\(workers)) AS place LEFT JOIN reliability.provider_score AS score ON score.provider = place.provider
        WHERE place.region = r.primary_region
        """

    /// Where workers are that could serve the model of `r` now. Whose provider has a low score serves nothing that is sold with a promise.
    private static let workers: SQL = """
        SELECT pools.provider, hosts.region, workers.runtime_state = 'ready' AS ready, workers.slots,
            EXISTS (SELECT 1 FROM reliability.provider_score AS bad WHERE bad.provider = pools.provider AND bad.low) AS low
        FROM serving.workers
        JOIN serving.releases ON releases.name = workers.release JOIN serving.hosts ON hosts.id = workers.host_id
        JOIN serving.pools ON pools.name = hosts.pool
        WHERE releases.model = r.model AND workers.accepted AND workers.retired_at IS NULL AND hosts.state = 'active'
            AND \(Reporting.isCurrent("hosts.last_heartbeat_at"))
        """
}
