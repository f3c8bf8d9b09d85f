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

    /// Releases, their weights and drains are deployments; weights and states of pools and providers swap what serves where they have pools. What takes
    /// nothing, and a weight that is as it was, harms nobody.
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
                SELECT 'deployment' AS cause, model, '' AS region, 'release ' || name AS detail, 'release ' || name AS changed, updated_at AS at
                FROM serving.releases
                WHERE coalesce((SELECT given.weight_ppm FROM serving.routing_weights AS given WHERE given.scope = 'release'
                    AND given.subject = releases.name AND given.created_at <= releases.updated_at ORDER BY given.version DESC LIMIT 1), 1000000) > 0
                UNION ALL
                SELECT 'deployment', release.model, '', 'weight of release ' || release.name || ': ' || weight.reason, 'release ' || release.name,
                    weight.created_at
                FROM weight JOIN serving.releases AS release ON release.name = weight.subject WHERE weight.scope = 'release'
                UNION ALL
                SELECT 'deployment', '', host.region, 'drain of ' || host.name, 'host ' || host.name, operation.created_at
                FROM serving.operations AS operation JOIN serving.hosts AS host ON host.id = operation.host_id WHERE operation.kind = 'drain'
                UNION ALL
                SELECT DISTINCT 'provider_swap', '', pool.region, 'weight of ' || weight.scope || ' ' || weight.subject || ': ' || weight.reason,
                    weight.scope || ' ' || weight.subject, weight.created_at
                FROM weight JOIN serving.pools AS pool
                    ON weight.subject = CASE weight.scope WHEN 'pool' THEN pool.name WHEN 'provider' THEN pool.provider END
                UNION ALL
                SELECT 'provider_swap', '', region, 'pool ' || name, 'pool ' || name, updated_at FROM serving.pools WHERE updated_at > created_at
                UNION ALL
                SELECT DISTINCT 'provider_swap', '', pool.region, 'provider ' || provider.name, 'provider ' || provider.name, provider.updated_at
                FROM serving.providers AS provider JOIN serving.pools AS pool ON pool.provider = provider.name
                WHERE provider.updated_at > provider.created_at
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
