import Domain
import FoundationEssentials
import Postgres

/// Which fallbacks served customers while a drill lasted, SKU by SKU, out of the usage records.
struct DrillFallbacks: Sendable {
    private let drill: Drill
    private let end: Date
    private let probes: [UUID]
    private let databases: ControlDatabases

    /// - Parameter probes: Keys of probes through public endpoints, whose answers prove nothing of customers'.
    init(_ drill: Drill, until end: Date, without probes: [UUID], _ databases: ControlDatabases) {
        self.drill = drill
        self.end = end
        self.probes = probes
        self.databases = databases
    }

    /// Of SKUs that the drill touched; empty for kinds that leave nothing to a fallback.
    func uses() async throws -> [FallbackUse] {
        guard drill.kind.triesFallback else { return [] }
        let served = try await served()
        let rows = try await databases.serving.query(
            """
            SELECT sku.name, fallback.model AS other_model, sku.model, sku.tier, sku.primary_region AS region,
                coalesce(sum(served.requests) FILTER (WHERE served.provider <> \(drill.provider) AND host.region = sku.primary_region), 0)::bigint
                    AS elsewhere,
                coalesce(sum(served.requests) FILTER (WHERE host.region = sku.backup_region AND host.region <> sku.primary_region), 0)::bigint
                    AS backup
            FROM serving.skus AS sku LEFT JOIN serving.skus AS fallback ON fallback.name = sku.fallback_sku AND fallback.model <> sku.model
            LEFT JOIN unnest(\(served.map(\.model))::text[], \(served.map(\.region))::text[], \(served.map(\.worker))::uuid[],
                \(served.map(\.provider))::text[], \(served.map(\.requests))::bigint[]) AS served (model, region, worker_id, provider, requests)
                ON served.model = sku.model AND served.region = sku.primary_region
            LEFT JOIN serving.workers AS worker ON worker.id = served.worker_id LEFT JOIN serving.hosts AS host ON host.id = worker.host_id
            WHERE sku.state <> 'deleted' AND sku.model = ANY(\(drill.models)) AND sku.created_at <= \(drill.startedAt)
                AND (cardinality(\(drill.regions)::text[]) = 0 OR sku.primary_region = ANY(\(drill.regions)))
            GROUP BY sku.name, fallback.model, sku.model, sku.tier, sku.primary_region ORDER BY sku.name LIMIT 200
            """)
        var uses: [FallbackUse] = []
        for row in rows {
            uses.append(
                FallbackUse(
                    sku: try row.value("name"), otherProvider: try row.value("elsewhere"), backupRegion: try row.value("backup"),
                    fallbackModel: try await standIns(row)))
        }
        return uses
    }

    /// Answers of the fallback SKU's model to the tier while a mitigation let it stand in. Records name the model that answered: what the tier asked of it
    /// by its own name in that time is among them.
    private func standIns(_ sku: PostgresRow) async throws -> Int64 {
        guard let other = try sku.value("other_model", as: String?.self) else { return 0 }
        let (model, tier, region): (String, String, String) = (try sku.value("model"), try sku.value("tier"), try sku.value("region"))
        let spans = try await databases.serving.query(
            """
            SELECT created_at, coalesce(ended_at, \(end)) AS ended_at FROM reliability.mitigation
            WHERE action = 'fallback_model' AND mode IN ('automatic', 'manual') AND model = \(model) AND to_model = \(other)
                AND coalesce(tier = \(tier), true) AND coalesce(region = \(region), true) AND created_at < \(end)
                AND coalesce(ended_at, \(end)) > \(drill.startedAt)
            """)
        let (starts, ends) = (
            try spans.map { max(try $0.value("created_at", as: Date.self), drill.startedAt) },
            try spans.map { min(try $0.value("ended_at", as: Date.self), end) }
        )
        guard !spans.isEmpty else { return 0 }
        let row = try await databases.billing.queryOne(
            """
            SELECT count(*) AS requests FROM billing.usage_event
            WHERE kind = 'final' AND outcome = 'good' AND accepted_at >= \(drill.startedAt) AND accepted_at < \(end) AND model = \(other)
                AND tier = \(tier) AND region = \(region) AND \(ProbeKeys.isNone(of: probes, "key_id"))
                AND EXISTS (SELECT 1 FROM unnest(\(starts)::timestamptz[], \(ends)::timestamptz[])
                    AS span (first, last) WHERE accepted_at >= span.first AND accepted_at < span.last)
            """)
        return try row?.value("requests") ?? 0
    }

    private struct Served {
        let model: String
        let region: String
        let worker: UUID
        let provider: String
        let requests: Int64
    }

    /// Good answers by who gave them.
    private func served() async throws -> [Served] {
        try await databases.billing.query(
            """
            SELECT model, region, worker_id, provider, count(*) AS requests FROM billing.usage_event
            WHERE kind = 'final' AND outcome = 'good' AND accepted_at >= \(drill.startedAt) AND accepted_at < \(end)
                AND model = ANY(\(drill.models)) AND worker_id IS NOT NULL AND provider IS NOT NULL
                AND \(ProbeKeys.isNone(of: probes, "key_id"))
            GROUP BY model, region, worker_id, provider
            """
        ).map { row in
            Served(
                model: try row.value("model"), region: try row.value("region"), worker: try row.value("worker_id"),
                provider: try row.value("provider"), requests: try row.value("requests"))
        }
    }
}
