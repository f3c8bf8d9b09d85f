import Postgres

/// What was changed in a time, as causes of bad minutes are looked for.
struct ChangeHistory: Sendable {
    /// Seconds after a change in which a bad minute is taken for its effect.
    static let effectSeconds: Int64 = 1_800

    var causes: [String] = []
    /// Empty: any.
    var models: [String] = []
    var regions: [String] = []
    var details: [String] = []
    /// What was changed, such as `release tiny-b`.
    var subjects: [String] = []
    /// Seconds since 1970.
    var instants: [Int64] = []

    /// Releases, their weights and drains are deployments; weights, states and regions of pools and providers, weights of workers and hosts that come back swap
    /// what serves where they are. What takes nothing, and a weight that is as it was, harms nobody; nor does what only people read, such as a name or a price.
    static func read(_ range: MinuteRange, _ serving: PostgresPool) async throws -> ChangeHistory {
        let (from, until): (SQL, SQL) = ("to_timestamp(\(range.lowerBound * 60 - effectSeconds))", "to_timestamp(\(range.upperBound * 60))")
        let rows = try await serving.query(
            """
            WITH weight AS (
                SELECT * FROM (
                    SELECT given.*, weight_ppm <> coalesce(lag(weight_ppm) OVER (PARTITION BY scope, subject ORDER BY version), 1000000) AS is_other
                    FROM serving.routing_weights AS given) AS change
                WHERE source <> 'default' AND is_other)
            SELECT cause, model, region, left(detail, 300) AS detail, changed, extract(epoch FROM at)::bigint AS at FROM (
                SELECT cause, model, region, detail, changed, at FROM serving.traffic_change AS made
                WHERE at >= \(from) AND at < \(until) AND (cause <> 'deployment'
                    OR coalesce((SELECT given.weight_ppm FROM serving.routing_weights AS given WHERE given.scope = 'release'
                        AND 'release ' || given.subject = made.changed AND given.created_at <= made.at ORDER BY given.version DESC LIMIT 1), 1000000) > 0)
                UNION ALL
                SELECT 'deployment', release.model, '', 'weight of release ' || release.name || ': ' || weight.reason, 'release ' || release.name,
                    weight.created_at
                FROM weight JOIN serving.releases AS release ON release.name = weight.subject WHERE weight.scope = 'release'
                UNION ALL
                SELECT CASE operation.kind WHEN 'drain' THEN 'deployment' ELSE 'provider_swap' END, '', host.region, operation.kind || ' of ' || host.name,
                    'host ' || host.name, operation.created_at
                FROM serving.operations AS operation JOIN serving.hosts AS host ON host.id = operation.host_id
                WHERE operation.kind IN ('drain', 'resume')
                UNION ALL
                SELECT DISTINCT 'provider_swap', '', pool.region, 'weight of ' || weight.scope || ' ' || weight.subject || ': ' || weight.reason,
                    weight.scope || ' ' || weight.subject, weight.created_at
                FROM weight JOIN serving.pools AS pool
                    ON weight.subject = CASE weight.scope WHEN 'pool' THEN pool.name WHEN 'provider' THEN pool.provider END
            ) AS change WHERE at >= \(from) AND at < \(until) ORDER BY at
            """)
        var history = ChangeHistory()
        for row in rows {
            history.causes.append(try row.value("cause"))
            history.models.append(try row.value("model"))
            history.regions.append(try row.value("region"))
            history.details.append(try row.value("detail"))
            history.subjects.append(try row.value("changed"))
            history.instants.append(try row.value("at"))
        }
        return history
    }
}
