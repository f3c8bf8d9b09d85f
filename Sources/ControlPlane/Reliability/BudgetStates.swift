import Domain
import FoundationEssentials
import Postgres

/// Works out how every objective stands: what of its budget is spent in its period and in the last 30 days, and whether changes must wait.
struct BudgetStates: Sendable {
    private static let rollingMinutes: Int64 = 30 * 1_440

    /// Of the reliability room.
    let pool: PostgresPool

    private struct Figures {
        var total: Int64
        var bad: Int64
        var consumed: Ratio?
    }

    /// What one turn has looked up already: subjects of one place share its probes, and objectives of one subject its requests.
    private struct Known {
        var periods: [String: MinuteRange] = [:]
        var lastTokens: [String: BurnWindow] = [:]
        var requests: [MinuteRange: RequestSums] = [:]
        /// Whether anything of a model and region was probed in the last 30 days.
        var isProbed: [MinuteSubject: Bool] = [:]
    }

    /// - Parameter closed: Minute up to which all minutes are closed.
    func evaluate(_ subjects: [BudgetSubject], _ objectives: [StoredObjective], closed: Int64) async throws {
        var known = Known()
        for subject in subjects {
            known.requests = [:]
            var writes: [SQL] = []
            for kind in ObjectiveKind.allCases {
                guard let stored = objectives.holding(kind, for: subject.scope) else {
                    writes.append("DELETE FROM reliability.budget_state WHERE subject_id = \(subject.id) AND kind = \(kind.rawValue)")
                    continue
                }
                let key = "\(stored.period.rawValue) \(stored.timeZone)"
                let period = if let found = known.periods[key] { found } else { try await self.period(stored, closed) }
                known.periods[key] = period
                writes.append(try await evaluate(subject, stored, period, closed, &known))
            }
            _ = try await pool.pipeline(writes)
        }
    }

    /// Of a calendar in the objective's zone, or the last 30 days.
    private func period(_ stored: StoredObjective, _ closed: Int64) async throws -> MinuteRange {
        guard stored.period == .calendar else { return closed - Self.rollingMinutes..<closed }
        return try await Self.month(of: closed, in: stored.timeZone) { try await pool.queryOne($0) }
    }

    /// The calendar month of a zone that holds a minute.
    static func month(of minute: Int64, in zone: String, _ run: (SQL) async throws -> PostgresRow?) async throws -> MinuteRange {
        let row = try await run(
            """
            SELECT extract(epoch FROM first AT TIME ZONE \(zone))::bigint / 60 AS first,
                extract(epoch FROM (first + interval '1 month') AT TIME ZONE \(zone))::bigint / 60 AS next
            FROM date_trunc('month', \(SQL.minute(minute)) AT TIME ZONE \(zone)) AS first
            """)
        guard let row else { preconditionFailure("a month is always found") }
        return try row.value("first", as: Int64.self)..<row.value("next", as: Int64.self)
    }

    private func evaluate(
        _ subject: BudgetSubject, _ stored: StoredObjective, _ period: MinuteRange, _ closed: Int64, _ known: inout Known
    ) async throws -> SQL {
        let rolling = closed - Self.rollingMinutes..<closed
        let passed = period.clamped(to: period.lowerBound..<max(closed, period.lowerBound))
        let elapsed = Ratio(Int64(passed.count), Int64(max(period.count, 1)))
        guard stored.objective.kind == .availability else {
            let now = try await events(subject, stored.objective, passed, &known)
            let month = try await events(subject, stored.objective, rolling, &known)
            let causes = now.bad == 0 ? [:] : try await causes(subject, stored.objective.kind, passed)
            // How many events the whole period will have is not known: as many as at the pace so far.
            let state = FreezeState(consumed: now.consumed.map { $0 * elapsed }, bad: now.bad, elapsed: elapsed, rolling: month.consumed)
            return write(subject, stored, period, closed, now, month, stored.freezes ? state : .normal, causes: causes)
        }
        let spent = try await bad(subject, period: passed, rolling: rolling)
        let now = minutes(stored.objective, Int64(period.count), spent.values.reduce(0) { $0 + $1.period })
        let month = minutes(stored.objective, Self.rollingMinutes, spent.values.reduce(0) { $0 + $1.rolling })
        let state = FreezeState(consumed: now.consumed, bad: now.bad, elapsed: elapsed, rolling: month.consumed)
        let holds = if stored.freezes { try await isProbed(subject, rolling, &known) } else { false }
        return write(subject, stored, period, closed, now, month, holds ? state : .normal, causes: spent.mapValues(\.period))
    }

    /// Where nobody probes, idle time alone would spend the budget: that is a missing measurement, which no waiting with changes mends.
    private func isProbed(_ subject: BudgetSubject, _ range: MinuteRange, _ known: inout Known) async throws -> Bool {
        let place = MinuteSubject(model: subject.minutes.model, region: subject.minutes.region)
        if let found = known.isProbed[place] { return found }
        let found = try await !pool.query("SELECT 1 FROM (\(place.probes(range))) AS probed LIMIT 1").isEmpty
        known.isProbed[place] = found
        return found
    }

    /// The budget is that of the whole period, also for what began within it.
    private func minutes(_ objective: Objective, _ total: Int64, _ bad: Int64) -> Figures {
        Figures(total: total, bad: bad, consumed: objective.consumed(bad: bad, of: total))
    }

    private func events(
        _ subject: BudgetSubject, _ objective: Objective, _ range: MinuteRange, _ known: inout Known
    ) async throws -> Figures {
        let counted: BurnWindow
        if objective.kind == .lastToken {
            let key = "\(subject.minutes.model) \(subject.minutes.region) \(objective.thresholdMicroseconds ?? 0) \(range)"
            counted =
                if let found = known.lastTokens[key] { found } else {
                    try await MinuteBook(pool: pool).lastTokens(of: subject.minutes, threshold: objective.thresholdMicroseconds ?? 0, in: range)
                }
            known.lastTokens[key] = counted
        } else {
            let sums =
                if let found = known.requests[range] { found } else { try await MinuteBook(pool: pool).requests(of: subject.minutes, in: range) }
            known.requests[range] = sums
            counted = sums.events(objective.kind)
        }
        return Figures(total: counted.total, bad: counted.bad, consumed: objective.consumed(bad: counted.bad, of: counted.total))
    }

    /// Events of the period by cause, as far as the ledger has them.
    private func causes(_ subject: BudgetSubject, _ kind: ObjectiveKind, _ period: MinuteRange) async throws -> [String: Int64] {
        let rows = try await pool.query(
            """
            SELECT cause, sum(amount)::bigint AS events FROM reliability.budget_event WHERE subject_id = \(subject.id) AND kind = \(kind.rawValue)
                AND minute_at >= \(SQL.minute(period.lowerBound)) AND minute_at < \(SQL.minute(period.upperBound))
            GROUP BY cause HAVING sum(amount) <> 0
            """)
        var found: [String: Int64] = [:]
        for row in rows { found[try row.value("cause")] = try row.value("events") }
        return found
    }

    private func bad(_ subject: BudgetSubject, period: MinuteRange, rolling: MinuteRange) async throws -> [String: (period: Int64, rolling: Int64)] {
        let inside = { (range: MinuteRange) -> SQL in
            "minute_at >= \(SQL.minute(range.lowerBound)) AND minute_at < \(SQL.minute(range.upperBound))"
        }
        let rows = try await pool.query(
            """
            SELECT cause, coalesce(sum(amount) FILTER (WHERE \(inside(period))), 0)::bigint AS period,
                coalesce(sum(amount) FILTER (WHERE \(inside(rolling))), 0)::bigint AS rolling
            FROM reliability.budget_entry WHERE subject_id = \(subject.id)
                AND minute_at >= \(SQL.minute(min(period.lowerBound, rolling.lowerBound)))
            GROUP BY cause
            """)
        var found: [String: (period: Int64, rolling: Int64)] = [:]
        for row in rows { found[try row.value("cause")] = (try row.value("period"), try row.value("rolling")) }
        return found
    }

    private func write(
        _ subject: BudgetSubject, _ stored: StoredObjective, _ period: MinuteRange, _ closed: Int64, _ now: Figures, _ month: Figures,
        _ freeze: FreezeState, causes: [String: Int64]
    ) -> SQL {
        let names = causes.keys.sorted()
        let document = "{" + names.map { "\(AdminJSON.string($0)):\(causes[$0] ?? 0)" }.joined(separator: ",") + "}"
        let verdict: ShareObjective.Verdict =
            closed <= max(subject.firstMinute, period.lowerBound) ? .noData : stored.objective.verdict(bad: now.bad, of: now.total)
        return """
            INSERT INTO reliability.budget_state AS state (subject_id, kind, objective_id, period_from, period_until, total, bad, consumed_numerator,
                consumed_denominator, rolling_total, rolling_bad, rolling_consumed_numerator, rolling_consumed_denominator, verdict, freeze_state,
                causes, evaluated_at)
            VALUES (\(subject.id), \(stored.objective.kind.rawValue), \(stored.id), \(SQL.minute(period.lowerBound)),
                \(SQL.minute(period.upperBound)), \(now.total), \(now.bad), \(now.consumed?.numerator), \(now.consumed?.denominator),
                \(month.total), \(month.bad), \(month.consumed?.numerator), \(month.consumed?.denominator), \(verdict.rawValue),
                \(freeze.rawValue), \(document)::jsonb, \(SQL.minute(closed)))
            ON CONFLICT (subject_id, kind) DO UPDATE SET objective_id = EXCLUDED.objective_id, period_from = EXCLUDED.period_from,
                period_until = EXCLUDED.period_until, total = EXCLUDED.total, bad = EXCLUDED.bad,
                consumed_numerator = EXCLUDED.consumed_numerator, consumed_denominator = EXCLUDED.consumed_denominator,
                rolling_total = EXCLUDED.rolling_total, rolling_bad = EXCLUDED.rolling_bad,
                rolling_consumed_numerator = EXCLUDED.rolling_consumed_numerator,
                rolling_consumed_denominator = EXCLUDED.rolling_consumed_denominator, verdict = EXCLUDED.verdict,
                freeze_state = EXCLUDED.freeze_state, causes = EXCLUDED.causes, evaluated_at = EXCLUDED.evaluated_at
            """
    }
}
