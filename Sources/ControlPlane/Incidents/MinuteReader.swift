import Domain
import FoundationEssentials
import Postgres

/// The last minutes of every service. What cannot change any more is read once.
struct MinuteReader: Sendable {
    /// Of the reliability room.
    private let pool: PostgresPool
    private var minutes: [ServiceName: [Int64: ServiceMinute]] = [:]
    private var readUntil: Int64?
    static let kept: Int64 = 16
    /// Reports that come later than this change no signal.
    private static let changing: Int64 = 2
    /// Bucket of a wait of a second for a place at a worker.
    private static let longWait = LatencyHistogram.index(of: 1_000_000)

    init(pool: PostgresPool) {
        self.pool = pool
    }

    /// Those whom a mitigation leaves less than was agreed were failed, but that is no sign of a trouble: it would keep the mitigation in force.
    ///
    /// - Parameter now: Seconds since 1970.
    mutating func read(now: Int64) async throws -> [ServiceName: [Int64: ServiceMinute]] {
        let newest = now / 60
        let first = max(newest - Self.kept, (readUntil ?? 0) - Self.changing)
        let rows = try await pool.query(
            """
            SELECT tier, model, region, drill, extract(epoch FROM minute_at)::bigint / 60 AS minute, sum(good)::bigint AS good,
                sum(bad - coalesce((outcomes ->> 'bad:throttled')::bigint, 0))::bigint AS bad,
                sum(excluded)::bigint AS excluded, coalesce(sum((outcomes ->> 'excluded:quota')::bigint), 0)::bigint AS over_quota,
                coalesce(sum((outcomes ->> 'bad:5xx')::bigint), 0)::bigint AS errors,
                coalesce(sum((outcomes ->> 'bad:stream_broken')::bigint), 0)::bigint AS broken,
                coalesce(sum((outcomes ->> 'bad:shed')::bigint), 0)::bigint AS shed,
                sum(first_token_samples)::bigint AS samples, sum(first_token_over)::bigint AS over, sum(disconnects)::bigint AS disconnects,
                coalesce(sum((SELECT sum(bucket.value::bigint) FROM jsonb_each_text(queue_histogram) AS bucket
                    WHERE bucket.key::integer >= \(Self.longWait))), 0)::bigint AS waited
            FROM reliability.minute WHERE minute_at >= to_timestamp(\(first * 60)) AND minute_at <= to_timestamp(\(newest * 60))
                AND model <> ''
            GROUP BY tier, model, region, drill, minute_at
            """)
        for name in minutes.keys { minutes[name] = minutes[name]?.filter { $0.key >= newest - Self.kept && $0.key < first } }
        for row in rows {
            let name = ServiceName(
                tier: try row.value("tier"), model: try row.value("model"), region: try row.value("region"), isDrill: try row.value("drill"))
            minutes[name, default: [:]][try row.value("minute")] = try Self.minute(row)
        }
        minutes = minutes.filter { !$0.value.isEmpty }
        readUntil = newest
        return minutes
    }

    private static func minute(_ row: PostgresRow) throws -> ServiceMinute {
        var minute = ServiceMinute()
        minute.good = try row.value("good")
        minute.bad = try row.value("bad")
        minute.excluded = try row.value("excluded")
        minute.overQuota = try row.value("over_quota")
        minute.serverErrors = try row.value("errors")
        minute.broken = try row.value("broken")
        minute.shed = try row.value("shed")
        minute.firstTokens = LatencyCounter(samples: try row.value("samples"), over: try row.value("over"))
        minute.disconnects = try row.value("disconnects")
        minute.waited = try row.value("waited")
        return minute
    }
}
