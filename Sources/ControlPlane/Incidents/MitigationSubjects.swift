import Domain
import FoundationEssentials
import Postgres

/// What a mitigation by hand is about must be there: one of something else would be in force and do nothing.
enum MitigationSubjects {
    /// Refuses each field that names nothing, all of them at once.
    static func check(_ target: MitigationTarget, _ incident: UUID?, _ connection: PostgresConnection) async throws {
        var lookups = places(target) + customers(target) + supply(target)
        if let incident { lookups.append(FieldLookup(field: "incident", query: "SELECT 1 FROM reliability.incident WHERE id = \(incident)")) }
        try await FieldLookup.check(lookups, connection)
    }

    private static func places(_ target: MitigationTarget) -> [FieldLookup] {
        let named = [("region", target.region), ("to_region", target.toRegion)]
        return named.compactMap { field, name in
            guard let name else { return nil }
            if let provider = target.provider, field == "region" {
                let query: SQL = """
                    SELECT 1 FROM serving.pools AS pool LEFT JOIN serving.hosts AS host ON host.pool = pool.name
                    WHERE pool.provider = \(provider) AND pool.state <> 'deleted' AND \(name)::text IN (pool.region, host.region) LIMIT 1
                    """
                return FieldLookup(field: field, query: query, message: "this provider has nothing there")
            }
            return FieldLookup.region(name, in: field)
        }
    }

    private static func customers(_ target: MitigationTarget) -> [FieldLookup] {
        var lookups: [FieldLookup] = []
        if let tier = target.tier {
            lookups.append(FieldLookup(field: "tier", query: "SELECT 1 FROM serving.tiers WHERE name = \(tier) AND state <> 'deleted'"))
        }
        if let tenant = target.tenant.flatMap({ UUID(uuidString: $0) }) {
            lookups.append(FieldLookup(field: "tenant", query: "SELECT 1 FROM serving.tenants WHERE id = \(tenant) AND state <> 'deleted'"))
        }
        for (field, name) in [("model", target.model), ("to_model", target.toModel)] {
            guard let name else { continue }
            lookups.append(.model(name, in: field))
        }
        return lookups
    }

    private static func supply(_ target: MitigationTarget) -> [FieldLookup] {
        var lookups: [FieldLookup] = []
        if let provider = target.provider {
            lookups.append(FieldLookup(field: "provider", query: "SELECT 1 FROM serving.providers WHERE name = \(provider) AND state <> 'deleted'"))
        }
        if let pool = target.pool {
            lookups.append(FieldLookup(field: "pool", query: "SELECT 1 FROM serving.pools WHERE name = \(pool) AND state <> 'deleted'"))
        }
        if let pool = target.pool, target.action.callsIn {
            let query: SQL = """
                SELECT 1 FROM serving.pools AS pool
                LEFT JOIN serving.current_routing_weights AS own ON own.scope = 'pool' AND own.subject = pool.name
                LEFT JOIN serving.current_routing_weights AS provider ON provider.scope = 'provider' AND provider.subject = pool.provider
                WHERE pool.name = \(pool)
                    AND (pool.state = 'deleted' OR own.weight_ppm = 0 AND coalesce(provider.weight_ppm, 1) > 0)
                UNION ALL SELECT 1 WHERE NOT EXISTS (SELECT 1 FROM serving.pools WHERE name = \(pool))
                """
            let message = "does not stand by: only a pool does whose own routing weight is 0, and not its provider's"
            lookups.append(FieldLookup(field: "pool", query: query, message: message))
        }
        if let worker = target.worker.flatMap({ UUID(uuidString: $0) }) {
            let query: SQL = "SELECT 1 FROM serving.workers WHERE id = \(worker) AND retired_at IS NULL"
            lookups.append(FieldLookup(field: "worker", query: query, message: "does not exist, or is retired"))
        }
        if let release = target.release {
            let isThere: SQL = "SELECT 1 FROM serving.releases WHERE name = \(release) AND model = \(target.model) AND state = 'active'"
            lookups.append(FieldLookup(field: "release", query: isThere, message: "does not exist for this model, or is retired"))
            let isBesideOthers: SQL = "SELECT 1 WHERE \(ReleaseTakers.exist(beside: "\(release)", of: "\(target.model)")) OR NOT EXISTS (\(isThere))"
            let message = "is not rolled back: no other release of this model has a share of its requests or had one"
            lookups.append(FieldLookup(field: "release", query: isBesideOthers, message: message))
        }
        return lookups
    }
}
