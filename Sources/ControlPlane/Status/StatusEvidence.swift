import Domain
import FoundationEssentials
import PlimsollWire
import Postgres

/// Scheduled work at a place, as far as the public history leaves it out.
struct AnnouncedWork: Sendable, Equatable {
    var place: StatusPlace
    /// Minutes since 1970.
    var minutes: MinuteRange
}

/// Minutes of a period of a place as the public sees them.
struct PublicCounts: Sendable, Equatable {
    var good: Int64 = 0
    var bad: Int64 = 0
    /// Of the bad ones, those in which at least half of what was asked failed.
    var lost: Int64 = 0
    var failed: Int64 = 0
    var counting: Int64 = 0
    var limited: Int64 = 0
    var requests: Int64 = 0
}

/// A day or an hour of UTC.
enum PublicSpan: String, Sendable {
    case day, hour

    var minutes: Int64 { self == .day ? 1_440 : 60 }
}

/// What is known of each model in each region, all tenants together.
struct StatusEvidence: Sendable {
    struct Key: Hashable, Sendable {
        var place: StatusPlace
        /// Minutes since 1970 of the period's start.
        var start: Int64
    }

    /// Of the reliability room.
    let pool: PostgresPool

    /// As contracts leave it out that say nothing else: what was announced 72 hours ahead, up to 240 minutes of each month. The public is not told less of an
    /// outage than a customer.
    func work(within range: MinuteRange, at places: [StatusPlace]) async throws -> [AnnouncedWork] {
        var months = [BillingPeriod(microseconds: range.lowerBound * 60_000_000)]
        while let last = months.last, last.minutes.upperBound < range.upperBound { months.append(BillingPeriod(microseconds: last.end)) }
        let first = months[0].minutes.lowerBound
        let rows = try await pool.query(
            """
            SELECT model, region, reason, (extract(epoch FROM announced_at) * 1000000)::bigint AS announced,
                (extract(epoch FROM starts_at) * 1000000)::bigint AS starts, (extract(epoch FROM least(ends_at, completed_at)) * 1000000)::bigint AS ends
            FROM reliability.maintenance_window
            WHERE state <> 'cancelled' AND announced_at < starts_at AND ends_at > \(SQL.minute(first)) AND starts_at < \(SQL.minute(range.upperBound))
            ORDER BY starts_at, announced_at, id
            """)
        let windows = try rows.map { row in
            (
                model: try row.value("model", as: String?.self), region: try row.value("region", as: String?.self),
                planned: PlannedMaintenance(
                    announced: try row.value("announced"), starts: try row.value("starts"), ends: try row.value("ends"),
                    reason: try row.value("reason"))
            )
        }
        return places.flatMap { place -> [AnnouncedWork] in
            let own = windows.filter { ($0.model ?? place.model) == place.model && ($0.region ?? place.region) == place.region }.map(\.planned)
            guard !own.isEmpty else { return [] }
            return months.flatMap { MaintenanceRules().accepted(own, in: $0.minutes, clock: .utc) }.map { AnnouncedWork(place: place, minutes: $0) }
        }
    }

    /// Counts of each period that has any evidence; a minute is judged by `PublicStatus.minuteRule`, an idle one by its probes.
    func counts(_ span: PublicSpan, in range: MinuteRange, without work: [AnnouncedWork]) async throws -> [Key: PublicCounts] {
        let rows = try await pool.query(
            """
            WITH asked AS (
                SELECT model, region, minute_at, sum(good)::bigint AS good, sum(bad)::bigint AS bad, sum(shed + over_quota)::bigint AS limited,
                    sum(good + bad + excluded)::bigint AS requests
                FROM reliability.service_minute WHERE \(time(range)) GROUP BY model, region, minute_at
            ), judged AS (
                SELECT model, region, minute_at, coalesce(good, 0) AS good, coalesce(bad, 0) AS bad, coalesce(limited, 0) AS limited,
                    coalesce(requests, 0) AS requests,
                    CASE WHEN good + bad > 0 THEN \(PublicStatus.minuteRule.isBad) ELSE successes = 0 END AS is_bad
                FROM asked FULL JOIN (SELECT * FROM reliability.probe_minute WHERE \(time(range)) AND successes + failures > 0) AS probed
                    USING (model, region, minute_at)
            )
            SELECT model, region, extract(epoch FROM minute_at)::bigint / (60 * \(span.minutes)) * \(span.minutes) AS start,
                count(*) FILTER (WHERE NOT is_bad) AS good, count(*) FILTER (WHERE is_bad) AS bad,
                count(*) FILTER (WHERE is_bad AND bad * 2 >= good + bad) AS lost, sum(bad)::bigint AS failed, sum(good + bad)::bigint AS counting,
                sum(limited)::bigint AS limited, sum(requests)::bigint AS requests
            FROM judged WHERE is_bad IS NOT NULL AND NOT EXISTS (\(covering(work))) GROUP BY 1, 2, 3
            """)
        var counts: [Key: PublicCounts] = [:]
        for row in rows {
            let place = StatusPlace(model: try row.value("model"), region: try row.value("region"))
            counts[Key(place: place, start: try row.value("start"))] = PublicCounts(
                good: try row.value("good"), bad: try row.value("bad"), lost: try row.value("lost"), failed: try row.value("failed"),
                counting: try row.value("counting"), limited: try row.value("limited"), requests: try row.value("requests"))
        }
        return counts
    }

    /// Places of the page that was made last, of which somebody has asked since who was not to blame for the answer.
    ///
    /// - Parameter minute: Since 1970.
    func shown(askedSince minute: Int64) async throws -> [StatusPlace] {
        let rows = try await pool.query(
            """
            SELECT shown.model, shown.region FROM reliability.status_snapshot AS last CROSS JOIN LATERAL (
                SELECT part ->> 'model' AS model, part ->> 'region' AS region
                FROM jsonb_array_elements(last.snapshot::jsonb -> 'components') AS part) AS shown
            WHERE EXISTS (SELECT 1 FROM reliability.service_minute AS asked
                WHERE asked.model = shown.model AND asked.region = shown.region AND asked.minute_at >= to_timestamp(\(minute) * 60)
                    AND asked.good + asked.bad > 0)
            """)
        return try rows.map { StatusPlace(model: try $0.value("model"), region: try $0.value("region")) }
    }

    /// The first minute of which anything is known, of each place.
    func measuredSince() async throws -> [StatusPlace: Int64] {
        let rows = try await pool.query(
            """
            SELECT model, region, extract(epoch FROM min(first))::bigint / 60 AS first FROM (
                SELECT model, region, min(minute_at) AS first FROM reliability.service_minute GROUP BY model, region
                UNION ALL SELECT model, region, min(minute_at) FROM reliability.probe_minute GROUP BY model, region
            ) AS known GROUP BY model, region
            """)
        var first: [StatusPlace: Int64] = [:]
        for row in rows { first[StatusPlace(model: try row.value("model"), region: try row.value("region"))] = try row.value("first") }
        return first
    }

    /// The minutes that the present state is judged by.
    func latest(_ place: StatusPlace, until minute: Int64) async throws -> [BookMinute] {
        var found: [BookMinute] = []
        let range = (minute - PublicStatus.windowMinutes)..<minute
        try await MinuteBook(pool: pool).minutes(of: MinuteSubject(model: place.model, region: place.region), in: range) { found += $0 }
        return found
    }

    private func time(_ range: MinuteRange) -> SQL {
        "minute_at >= to_timestamp(\(range.lowerBound) * 60) AND minute_at < to_timestamp(\(range.upperBound) * 60)"
    }

    private func covering(_ work: [AnnouncedWork]) -> SQL {
        """
        SELECT 1 FROM unnest(\(work.map(\.place.model))::text[], \(work.map(\.place.region))::text[], \(work.map(\.minutes.lowerBound))::bigint[],
            \(work.map(\.minutes.upperBound))::bigint[]) AS work (model, region, first, next)
        WHERE judged.minute_at >= to_timestamp(work.first * 60) AND judged.minute_at < to_timestamp(work.next * 60)
            AND work.model = judged.model AND work.region = judged.region
        """
    }
}
