package import Domain
import Postgres

/// A day in UTC: its minutes by status as the budget sees them, and the requests in them.
package struct BookDay: Sendable {
    /// Days since 1970.
    package var day: Int64
    package var minutes: MinuteTally
    package var good: Int64
    package var bad: Int64
    package var firstTokens: LatencyCounter
}

extension MinuteBook {
    /// Days that are closed, in order; read as days, so that months cost milliseconds. A day is there whether or not anything was measured on it.
    ///
    /// - Parameter manyBad: Whether a minute is bad above 5 % of bad requests, as the public status has it; false: with any.
    package func days(of subject: MinuteSubject, in days: Range<Int64>, manyBad: Bool) async throws -> [BookDay] {
        let rows = try await query(
            """
            SELECT wanted.day - DATE '1970-01-01' AS day, own.model IS NOT NULL AS asked, coalesce(own.good, 0) AS good, coalesce(own.bad, 0) AS bad,
                coalesce(own.first_token_samples, 0) AS samples, coalesce(own.first_token_over, 0) AS over_threshold,
                coalesce(own.busy_minutes, 0) AS busy,
                coalesce(CASE WHEN \(manyBad) THEN own.many_bad_minutes ELSE own.any_bad_minutes END, 0) AS bad_minutes,
                coalesce(own.idle_good_minutes, place.probe_good_minutes, 0) AS idle_good,
                coalesce(own.idle_bad_minutes, place.probe_bad_minutes, 0) AS idle_bad
            FROM (SELECT DATE '1970-01-01' + number AS day FROM generate_series(\(Int(days.lowerBound))::integer, \(Int(days.upperBound) - 1)::integer)
                AS number) AS wanted
            LEFT JOIN reliability.day_total AS own ON own.day = wanted.day AND own.model = \(subject.model) AND own.region = \(subject.region)
                AND own.tenant_id = coalesce(\(subject.tenant)::uuid, '00000000-0000-0000-0000-000000000000')
                AND own.tier = \(subject.tenant == nil ? subject.tier ?? "" : "")
            LEFT JOIN reliability.day_total AS place ON place.day = wanted.day AND place.model = \(subject.model)
                AND place.region = \(subject.region) AND place.tenant_id = '00000000-0000-0000-0000-000000000000' AND place.tier = ''
            ORDER BY wanted.day
            """)
        return try rows.map { row in
            var tally = MinuteTally()
            tally.minutes = 1_440
            tally.bad = try row.value("bad_minutes")
            tally.good = try row.value("busy", as: Int64.self) - tally.bad
            tally.goodIdle = try row.value("idle_good")
            tally.badIdle = try row.value("idle_bad")
            tally.unmeasured = tally.minutes - tally.good - tally.bad - tally.goodIdle - tally.badIdle
            return BookDay(
                day: try row.value("day"), minutes: tally, good: try row.value("good"), bad: try row.value("bad"),
                firstTokens: LatencyCounter(samples: try row.value("samples"), over: try row.value("over_threshold")))
        }
    }
}
