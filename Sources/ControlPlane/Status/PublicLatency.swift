import Domain
import FoundationEssentials
import Postgres

/// Times to the first token of all tenants together, by hour and by day. An hour is merged from reports, a day from its hours.
struct PublicLatency: Sendable {
    struct Percentiles: Sendable, Equatable {
        var p50: Int64
        var p95: Int64
    }

    /// Of the reliability room.
    let pool: PostgresPool

    /// Writes the hours of the range anew, and the days that they are of.
    ///
    /// - Parameter hours: Hours since 1970.
    func refresh(hours: Range<Int64>) async throws {
        for hour in hours {
            let rows = try await pool.query(
                """
                SELECT model, region, jsonb_object_agg(bucket, total)::text AS histogram FROM (
                    SELECT model, region, part.key AS bucket, sum(part.value::bigint) AS total
                    FROM reliability.minute, jsonb_each_text(first_token_histogram) AS part
                    WHERE minute_at >= to_timestamp(\(hour) * 3600) AND minute_at < to_timestamp((\(hour) + 1) * 3600) AND NOT drill
                    GROUP BY model, region, part.key
                ) AS buckets GROUP BY model, region
                """)
            try await store(rows, span: .hour, start: hour * 60, keepsHistogram: true)
        }
        for day in Set(hours.map { $0 / 24 }) { try await refresh(day: day) }
    }

    /// Something of these came after they may have been merged.
    ///
    /// - Parameter lateHours: Hours since 1970.
    func note(lateHours: Set<Int64>) async throws {
        try await pool.execute(
            """
            INSERT INTO reliability.public_latency_late (start_at, noted_at)
            SELECT to_timestamp(hour * 3600), clock_timestamp() FROM unnest(\(lateHours.sorted())::bigint[]) AS hour
            ON CONFLICT (start_at) DO UPDATE SET noted_at = EXCLUDED.noted_at
            """)
    }

    /// Merges noted hours again, the oldest first and no more than so many: an hour of a great installation takes a second, and the page waits for it. What
    /// is noted meanwhile stays noted.
    func refreshLate(atMost most: Int) async throws {
        let rows = try await pool.query(
            """
            SELECT extract(epoch FROM start_at)::bigint / 3600 AS hour, noted_at::text AS noted FROM reliability.public_latency_late
            ORDER BY start_at LIMIT \(most)
            """)
        for row in rows {
            let (hour, noted): (Int64, String) = (try row.value("hour"), try row.value("noted"))
            try await refresh(hours: hour..<hour + 1)
            try await pool.execute(
                "DELETE FROM reliability.public_latency_late WHERE start_at = to_timestamp(\(hour) * 3600) AND noted_at = \(noted)::timestamptz")
        }
    }

    private func refresh(day: Int64) async throws {
        let rows = try await pool.query(
            """
            SELECT model, region, jsonb_object_agg(bucket, total)::text AS histogram FROM (
                SELECT model, region, part.key AS bucket, sum(part.value::bigint) AS total
                FROM reliability.public_latency, jsonb_each_text(histogram) AS part
                WHERE span = 'hour' AND start_at >= to_timestamp(\(day) * 86400) AND start_at < to_timestamp((\(day) + 1) * 86400)
                GROUP BY model, region, part.key
            ) AS buckets GROUP BY model, region
            """)
        try await store(rows, span: .day, start: day * 1_440, keepsHistogram: false)
    }

    private func store(_ rows: [PostgresRow], span: PublicSpan, start: Int64, keepsHistogram: Bool) async throws {
        for row in rows {
            let text: String = try row.value("histogram")
            let histogram = LatencyHistogram(counts: try JSONDecoder().decode([Int: Int64].self, from: Data(text.utf8)))
            guard let found = Self.percentiles(histogram) else { continue }
            let (model, region): (String, String) = (try row.value("model"), try row.value("region"))
            try await pool.execute(
                """
                INSERT INTO reliability.public_latency AS kept (model, region, span, start_at, samples, p50_us, p95_us, histogram)
                VALUES (\(model), \(region), \(span.rawValue), to_timestamp(\(start) * 60), \(histogram.total), \(found.p50), \(found.p95),
                    \(keepsHistogram ? text : nil)::jsonb)
                ON CONFLICT (model, region, span, start_at) DO UPDATE SET samples = EXCLUDED.samples, p50_us = EXCLUDED.p50_us,
                    p95_us = EXCLUDED.p95_us, histogram = EXCLUDED.histogram
                WHERE (kept.*) IS DISTINCT FROM (EXCLUDED.*)
                """)
        }
    }

    /// By nearest rank; the upper bound of the bucket, so that nothing looks faster than it was.
    static func percentiles(_ histogram: LatencyHistogram) -> Percentiles? {
        let total = histogram.total
        guard let middle = histogram.bucket(rank: (total + 1) / 2), let high = histogram.bucket(rank: Percentile95.rank(count: total)) else {
            return nil
        }
        return Percentiles(p50: LatencyHistogram.bounds(of: middle).upperBound, p95: LatencyHistogram.bounds(of: high).upperBound)
    }

    func read(_ span: PublicSpan, in range: MinuteRange) async throws -> [StatusEvidence.Key: Percentiles] {
        let rows = try await pool.query(
            """
            SELECT model, region, extract(epoch FROM start_at)::bigint / 60 AS start, p50_us, p95_us FROM reliability.public_latency
            WHERE span = \(span.rawValue) AND start_at >= to_timestamp(\(range.lowerBound) * 60)
                AND start_at < to_timestamp(\(range.upperBound) * 60)
            """)
        var found: [StatusEvidence.Key: Percentiles] = [:]
        for row in rows {
            let place = StatusPlace(model: try row.value("model"), region: try row.value("region"))
            found[StatusEvidence.Key(place: place, start: try row.value("start"))] = Percentiles(
                p50: try row.value("p50_us"), p95: try row.value("p95_us"))
        }
        return found
    }

    func forget() async throws {
        for table in ["public_latency", "public_latency_late"] as [StaticString] {
            try await pool.execute("DELETE FROM reliability.\(identifier: table) WHERE start_at < now() - interval '100 days'")
        }
    }
}
