import Domain
import Postgres

/// First tokens of probes by minute, which stand for hours in which a tenant asked little: of probes as long as they are kept, then of what is kept of
/// them for ever.
enum ProbeLatency {
    /// Probes that say something of it.
    static let counted: SQL = "succeeded AND NOT drill AND ttft_us IS NOT NULL"

    /// Minutes of a range that have any.
    ///
    /// - Parameter threshold: Microseconds; what is above it counts as late.
    static func minutes(
        model: String, region: String, in range: MinuteRange, threshold: Int64, _ reliability: PostgresPool
    ) async throws -> [(minute: Int64, counter: LatencyCounter)] {
        // One statement, so that what is kept meanwhile is neither counted twice nor missed.
        let rows = try await reliability.query(
            """
            SELECT floor(extract(epoch FROM at) / 60)::bigint AS minute, count(*) AS samples, count(*) FILTER (WHERE ttft_us > \(threshold)) AS over
            FROM (
                SELECT at, ttft_us FROM reliability.probe WHERE model = \(model) AND region = \(region) AND \(counted)
                    AND at >= \(SQL.minute(range.lowerBound)) AND at < \(SQL.minute(range.upperBound))
                    AND at >= (SELECT kept_until FROM reliability.probe_progress)
                UNION ALL
                SELECT minute_at, unnest(microseconds) FROM reliability.probe_first_token WHERE model = \(model) AND region = \(region)
                    AND minute_at >= \(SQL.minute(range.lowerBound)) AND minute_at < \(SQL.minute(range.upperBound))
            ) AS probed GROUP BY 1
            """)
        return try rows.map { row in
            (try row.value("minute"), LatencyCounter(samples: try row.value("samples"), over: try row.value("over")))
        }
    }
}
