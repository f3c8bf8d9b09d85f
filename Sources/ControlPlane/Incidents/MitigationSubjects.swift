import Domain
import FoundationEssentials
import Postgres

/// What a mitigation by hand is about must be there: one of something else would be in force and do nothing.
enum MitigationSubjects {
    private struct Lookup {
        let field: String
        /// Finds no row where it is not there.
        let query: SQL
        var message = "does not exist"
    }

    /// Refuses each field that names nothing, all of them at once.
    static func check(_ target: MitigationTarget, _ incident: UUID?, _ connection: PostgresConnection) async throws {
        var lookups = places(target) + customers(target) + supply(target)
        if let incident { lookups.append(Lookup(field: "incident", query: "SELECT 1 FROM reliability.incident WHERE id = \(incident)")) }
        let answers = try await connection.pipeline(lookups.map(\.query))
        let faults = zip(lookups, answers).filter { $1.isEmpty }.map { AdminRefusal.Fault(param: $0.0.field, message: $0.0.message) }
        if !faults.isEmpty { throw AdminRefusal.faults(faults) }
    }

    /// A region is what pools, gateways or SKUs are in.
    private static func places(_ target: MitigationTarget) -> [Lookup] {
        let named = [("region", target.region), ("to_region", target.toRegion)]
        return named.compactMap { field, name in
            guard let name else { return nil }
            if let provider = target.provider, field == "region" {
                let query: SQL = """
                    SELECT 1 FROM serving.pools AS pool LEFT JOIN serving.hosts AS host ON host.pool = pool.name
                    WHERE pool.provider = \(provider) AND pool.state <> 'deleted' AND \(name)::text IN (pool.region, host.region) LIMIT 1
                    """
                return Lookup(field: field, query: query, message: "this provider has nothing there")
            }
            return Lookup(
                field: field,
                query: """
                    SELECT 1 FROM (SELECT region FROM serving.pools WHERE state <> 'deleted'
                        UNION SELECT region FROM serving.gateways WHERE state = 'active'
                        UNION SELECT unnest(ARRAY[primary_region, backup_region]::text[]) FROM serving.skus WHERE state <> 'deleted') AS place
                    WHERE region = \(name) LIMIT 1
                    """)
        }
    }

    private static func customers(_ target: MitigationTarget) -> [Lookup] {
        var lookups: [Lookup] = []
        if let tier = target.tier {
            lookups.append(Lookup(field: "tier", query: "SELECT 1 FROM serving.tiers WHERE name = \(tier) AND state <> 'deleted'"))
        }
        if let tenant = target.tenant.flatMap({ UUID(uuidString: $0) }) {
            lookups.append(Lookup(field: "tenant", query: "SELECT 1 FROM serving.tenants WHERE id = \(tenant) AND state <> 'deleted'"))
        }
        for (field, name) in [("model", target.model), ("to_model", target.toModel)] {
            guard let name else { continue }
            lookups.append(Lookup(field: field, query: "SELECT 1 FROM serving.models WHERE name = \(name) AND state <> 'deleted'"))
        }
        return lookups
    }

    private static func supply(_ target: MitigationTarget) -> [Lookup] {
        var lookups: [Lookup] = []
        if let provider = target.provider {
            lookups.append(Lookup(field: "provider", query: "SELECT 1 FROM serving.providers WHERE name = \(provider) AND state <> 'deleted'"))
        }
        if let pool = target.pool {
            lookups.append(Lookup(field: "pool", query: "SELECT 1 FROM serving.pools WHERE name = \(pool) AND state <> 'deleted'"))
        }
        if let pool = target.pool, target.action == .warmPool || target.action == .reservedCapacity {
            let query: SQL = """
                SELECT 1 FROM serving.pools AS pool
                LEFT JOIN serving.current_routing_weights AS own ON own.scope = 'pool' AND own.subject = pool.name
                LEFT JOIN serving.current_routing_weights AS provider ON provider.scope = 'provider' AND provider.subject = pool.provider
                WHERE pool.name = \(pool)
                    AND (pool.state = 'deleted' OR own.weight_ppm = 0 AND coalesce(provider.weight_ppm, 1) > 0)
                UNION ALL SELECT 1 WHERE NOT EXISTS (SELECT 1 FROM serving.pools WHERE name = \(pool))
                """
            let message = "does not stand by: only a pool does whose own routing weight is 0, and not its provider's"
            lookups.append(Lookup(field: "pool", query: query, message: message))
        }
        if let worker = target.worker.flatMap({ UUID(uuidString: $0) }) {
            let query: SQL = "SELECT 1 FROM serving.workers WHERE id = \(worker) AND retired_at IS NULL"
            lookups.append(Lookup(field: "worker", query: query, message: "does not exist, or is retired"))
        }
        if let release = target.release {
            let query: SQL = "SELECT 1 FROM serving.releases WHERE name = \(release) AND model = \(target.model) AND state = 'active'"
            lookups.append(Lookup(field: "release", query: query, message: "does not exist for this model, or is retired"))
        }
        return lookups
    }
}
