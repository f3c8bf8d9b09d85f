package import Domain
package import Postgres

/// One minute of a subject with all that is known of it, whether anything was asked in it or not.
package struct BookMinute: Sendable {
    /// Minutes since 1970.
    package var minute: Int64
    /// Its `inMaintenance` is true where a contract leaves the minute out, for maintenance or any other agreed reason.
    package var evidence: MinuteEvidence
    /// Time to the first token; over the tier's objective.
    package var firstTokens: LatencyCounter
}

/// Minutes of a time by status, and the requests in them.
package struct MinuteTally: Sendable, Equatable {
    package var minutes: Int64 = 0
    package var excluded: Int64 = 0
    package var good: Int64 = 0
    package var bad: Int64 = 0
    package var goodIdle: Int64 = 0
    package var badIdle: Int64 = 0
    package var unmeasured: Int64 = 0

    package init() {}

    package var eligible: Int64 { minutes - excluded }
    package var allBad: Int64 { bad + badIdle + unmeasured }
    package mutating func add(_ other: MinuteTally) {
        minutes += other.minutes
        excluded += other.excluded
        good += other.good
        bad += other.bad
        goodIdle += other.goodIdle
        badIdle += other.badIdle
        unmeasured += other.unmeasured
    }

    /// Share of good minutes; nil without a minute that counts.
    package var uptime: Ratio? { eligible > 0 ? Ratio(eligible - allBad, eligible) : nil }
}

/// Reads minutes: what gateways counted, merged over gateways, boots and providers, beside the probes' verdict of idle ones. Nothing that a contract
/// leaves out is left out of what is stored; it is applied to what is read.
package struct MinuteBook: Sendable {
    /// Minutes that are held at once.
    private static let page: Int64 = 1_440

    private let pool: PostgresPool

    /// - Parameter pool: Of the reliability room.
    package init(pool: PostgresPool) {
        self.pool = pool
    }

    func query(_ sql: SQL) async throws -> [PostgresRow] { try await pool.query(sql) }

    /// Of the region's probes.
    func probedFirstTokens(of subject: MinuteSubject, in range: MinuteRange, threshold: Int64) async throws -> [(
        minute: Int64, counter: LatencyCounter
    )] {
        try await ProbeLatency.minutes(model: subject.model, region: subject.region, in: range, threshold: threshold, pool)
    }

    /// Every minute of the range in order, in pieces of at most a day.
    ///
    /// - Parameter leftOut: Minutes that the promise does not count, such as `PromiseGaps` finds; the budget's view does not look at them.
    package func minutes(
        of subject: MinuteSubject, in range: MinuteRange, leftOut: [MinuteRange] = [], _ body: ([BookMinute]) async throws -> Void
    ) async throws {
        var first = range.lowerBound
        while first < range.upperBound {
            let piece = first..<min(first + Self.page, range.upperBound)
            try await body(try await read(subject, piece, leftOut))
            first = piece.upperBound
        }
    }

    /// How many minutes of each status there are, without reading them one by one. One pass and one grouping whatever the planner guesses: a join
    /// of two months of minutes costs their product where it guesses that there are few.
    ///
    /// - Parameter leftOut: Nil gives the budget's view.
    package func tally(
        of subject: MinuteSubject, in range: MinuteRange, rule: TrafficRule, leftOut: [MinuteRange]? = nil
    ) async throws -> MinuteTally {
        let gaps = MinuteGaps.merged(leftOut ?? [], within: range)
        let counted = MinuteGaps.outside(gaps)
        let row = try await pool.queryOne(
            """
            SELECT count(*) FILTER (WHERE NOT is_bad) AS good, count(*) FILTER (WHERE is_bad) AS bad,
                count(*) FILTER (WHERE is_bad IS NULL AND is_up) AS good_idle, count(*) FILTER (WHERE is_bad IS NULL AND NOT is_up) AS bad_idle
            FROM (
                SELECT minute_at, bool_or(is_bad) AS is_bad, bool_or(is_up) AS is_up FROM (
                    SELECT minute_at, \(rule.isBad) AS is_bad, NULL::boolean AS is_up FROM (\(subject.traffic(range))) AS asked WHERE good + bad > 0
                    UNION ALL
                    SELECT minute_at, NULL, successes > 0 FROM (\(subject.probes(range))) AS probed WHERE successes + failures > 0
                ) AS known WHERE \(counted) GROUP BY minute_at
            ) AS decided
            """)
        var tally = MinuteTally()
        tally.minutes = Int64(range.count)
        tally.excluded = gaps.reduce(0) { $0 + Int64($1.count) }
        guard let row else { return tally }
        tally.good = try row.value("good")
        tally.bad = try row.value("bad")
        tally.goodIdle = try row.value("good_idle")
        tally.badIdle = try row.value("bad_idle")
        tally.unmeasured = tally.eligible - tally.good - tally.bad - tally.goodIdle - tally.badIdle
        return tally
    }

    /// First-token counters of the minutes that have any, in order.
    package func firstTokens(of subject: MinuteSubject, in range: MinuteRange) async throws -> [(minute: Int64, counter: LatencyCounter)] {
        let rows = try await pool.query(
            """
            SELECT extract(epoch FROM minute_at)::bigint / 60 AS minute, first_token_samples, first_token_over
            FROM (\(subject.traffic(range))) AS asked WHERE first_token_samples > 0 ORDER BY minute_at
            """)
        return try rows.map { row in
            (
                try row.value("minute"),
                LatencyCounter(samples: try row.value("first_token_samples"), over: try row.value("first_token_over"))
            )
        }
    }

    private func read(_ subject: MinuteSubject, _ piece: MinuteRange, _ leftOut: [MinuteRange]) async throws -> [BookMinute] {
        var minutes = piece.map { BookMinute(minute: $0, evidence: MinuteEvidence(), firstTokens: LatencyCounter()) }
        let rows = try await pool.query(
            """
            SELECT extract(epoch FROM minute_at)::bigint / 60 AS minute, asked.good, asked.bad, asked.excluded, asked.first_token_samples,
                asked.first_token_over, probed.successes, probed.failures
            FROM (\(subject.traffic(piece))) AS asked FULL JOIN (\(subject.probes(piece))) AS probed USING (minute_at)
            """)
        for row in rows {
            let index = Int(try row.value("minute", as: Int64.self) - piece.lowerBound)
            guard minutes.indices.contains(index) else { continue }
            minutes[index].evidence.good = try row.value("good", as: Int64?.self) ?? 0
            minutes[index].evidence.bad = try row.value("bad", as: Int64?.self) ?? 0
            minutes[index].evidence.excluded = try row.value("excluded", as: Int64?.self) ?? 0
            minutes[index].evidence.probeSuccesses = try row.value("successes", as: Int64?.self) ?? 0
            minutes[index].evidence.probeFailures = try row.value("failures", as: Int64?.self) ?? 0
            minutes[index].firstTokens.samples = try row.value("first_token_samples", as: Int64?.self) ?? 0
            minutes[index].firstTokens.over = try row.value("first_token_over", as: Int64?.self) ?? 0
        }
        for gap in MinuteGaps.merged(leftOut, within: piece) {
            for minute in gap { minutes[Int(minute - piece.lowerBound)].evidence.inMaintenance = true }
        }
        return minutes
    }
}

extension TrafficRule {
    /// Of a row with `good` and `bad`, in whole numbers as the rule itself decides.
    var isBad: SQL {
        switch self {
        case .anyBad: "bad > 0"
        case .ratio(let threshold): "bad::numeric * \(threshold.denominator) > \(threshold.numerator)::numeric * (good + bad)"
        }
    }
}

/// Sets of minutes.
extension MinuteGaps {
    /// A condition on `minute_at`.
    static func outside(_ gaps: [MinuteRange]) -> SQL {
        guard !gaps.isEmpty else { return "TRUE" }
        return """
            NOT EXISTS (SELECT 1 FROM unnest(\(gaps.map(\.lowerBound))::bigint[], \(gaps.map(\.upperBound))::bigint[]) AS gap (first, next)
                WHERE minute_at >= to_timestamp(gap.first * 60) AND minute_at < to_timestamp(gap.next * 60))
            """
    }
}
