import Postgres

/// Sums closed days, so that months are read as days: of tenants, of tiers, and of all tiers together (tier empty). Only whole days in UTC; a late
/// report has its day summed again.
struct DayTotals: Sendable {
    /// Of the reliability room.
    let pool: PostgresPool

    /// - Parameter days: Since 1970.
    func sum(_ days: Range<Int64>) async throws {
        for day in days {
            let range = day * 1_440..<(day + 1) * 1_440
            try await write(
                day, key: "tenant_id, '' AS tier", group: "tenant_id",
                "SELECT tenant_id, model, region, minute_at, \(Self.counters) FROM reliability.minute_total WHERE \(Self.time(range))", range)
            try await write(
                day, key: "'00000000-0000-0000-0000-000000000000'::uuid AS tenant_id, tier", group: "tier",
                "SELECT tier, model, region, minute_at, \(Self.counters) FROM reliability.service_minute WHERE \(Self.time(range))", range)
            try await write(
                day, key: "'00000000-0000-0000-0000-000000000000'::uuid AS tenant_id, '' AS tier", group: "asked.model", all(range), range)
        }
    }

    /// All tiers together, also where nothing was asked but a probe was sent.
    private func all(_ range: MinuteRange) -> SQL {
        """
        SELECT model, region, minute_at, sum(good) AS good, sum(bad) AS bad, sum(excluded) AS excluded, sum(server_errors) AS server_errors,
            sum(shed) AS shed, sum(over_quota) AS over_quota, sum(first_token_samples) AS first_token_samples,
            sum(first_token_over) AS first_token_over
        FROM (
            SELECT model, region, minute_at, \(Self.counters) FROM reliability.service_minute WHERE \(Self.time(range))
            UNION ALL
            SELECT model, region, minute_at, 0, 0, 0, 0, 0, 0, 0, 0 FROM reliability.probe_minute WHERE \(Self.time(range))
        ) AS known GROUP BY model, region, minute_at
        """
    }

    private static let counters: SQL = "good, bad, excluded, server_errors, shed, over_quota, first_token_samples, first_token_over"

    private static func time(_ range: MinuteRange) -> SQL {
        "minute_at >= \(SQL.minute(range.lowerBound)) AND minute_at < \(SQL.minute(range.upperBound))"
    }

    private func write(_ day: Int64, key: SQL, group: SQL, _ minutes: SQL, _ range: MinuteRange) async throws {
        try await pool.execute(
            """
            INSERT INTO reliability.day_total AS total (tenant_id, tier, model, region, day, good, bad, excluded, server_errors, shed, over_quota,
                first_token_samples, first_token_over, busy_minutes, any_bad_minutes, many_bad_minutes, idle_good_minutes, idle_bad_minutes,
                probe_good_minutes, probe_bad_minutes)
            SELECT \(key), asked.model, asked.region, DATE '1970-01-01' + \(Int(day))::integer, sum(asked.good), sum(asked.bad), sum(excluded),
                sum(server_errors), sum(shed), sum(over_quota), sum(first_token_samples), sum(first_token_over),
                count(*) FILTER (WHERE asked.good + asked.bad > 0), count(*) FILTER (WHERE asked.bad > 0),
                count(*) FILTER (WHERE asked.bad * 20::numeric > asked.good + asked.bad),
                coalesce(max(probed.good), 0) - count(*) FILTER (WHERE asked.good + asked.bad > 0 AND successes > 0),
                coalesce(max(probed.bad), 0) - count(*) FILTER (WHERE asked.good + asked.bad > 0 AND successes = 0 AND failures > 0),
                coalesce(max(probed.good), 0), coalesce(max(probed.bad), 0)
            FROM (\(minutes)) AS asked LEFT JOIN reliability.probe_minute AS probe USING (model, region, minute_at)
            LEFT JOIN (SELECT model, region, count(*) FILTER (WHERE successes > 0) AS good,
                    count(*) FILTER (WHERE successes = 0 AND failures > 0) AS bad
                FROM reliability.probe_minute WHERE \(Self.time(range)) GROUP BY model, region) AS probed USING (model, region)
            GROUP BY \(group), asked.model, asked.region
            ON CONFLICT (tenant_id, tier, model, region, day) DO UPDATE SET good = EXCLUDED.good, bad = EXCLUDED.bad,
                excluded = EXCLUDED.excluded, server_errors = EXCLUDED.server_errors, shed = EXCLUDED.shed, over_quota = EXCLUDED.over_quota,
                first_token_samples = EXCLUDED.first_token_samples, first_token_over = EXCLUDED.first_token_over,
                busy_minutes = EXCLUDED.busy_minutes, any_bad_minutes = EXCLUDED.any_bad_minutes, many_bad_minutes = EXCLUDED.many_bad_minutes,
                idle_good_minutes = EXCLUDED.idle_good_minutes, idle_bad_minutes = EXCLUDED.idle_bad_minutes,
                probe_good_minutes = EXCLUDED.probe_good_minutes, probe_bad_minutes = EXCLUDED.probe_bad_minutes
            """)
    }
}
