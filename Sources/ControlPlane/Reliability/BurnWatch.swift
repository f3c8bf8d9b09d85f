import Domain
import FoundationEssentials
import Postgres

/// Holds how fast budgets are spent against the shipped rules, on counts of requests and, of the last token, of probes, and keeps the alerts.
struct BurnWatch: Sendable {
    struct Change: Sendable {
        var kind: ObjectiveKind
        var severity: BurnRule.Severity
        var isOpened: Bool
        var subject: MinuteSubject
        var longSeconds: Int64
    }

    /// Of the reliability room.
    let pool: PostgresPool

    /// Opens alerts that fire, closes those that are quiet, and leaves those alone of which nothing is known.
    ///
    /// - Parameter minute: The first that is not looked at, because it is not over.
    func judge(_ subjects: [BudgetSubject], _ objectives: [StoredObjective], before minute: Int64) async throws -> [Change] {
        let windows = BurnRule.shipped.flatMap { [$0.longSeconds, $0.shortSeconds] }
        let open = try await self.open()
        var (changes, places, paces): ([Change], [String: [BurnWindow]], [Pace]) = ([], [:], [])
        for subject in subjects {
            let recent = try await MinuteBook(pool: pool).recent(of: subject.minutes, before: minute, seconds: windows)
            for kind in ObjectiveKind.allCases {
                guard let stored = objectives.holding(kind, for: subject.scope), stored.raisesBurnAlerts else { continue }
                let events =
                    kind == .lastToken
                    ? try await lastTokens(subject, stored.objective, before: minute, windows, &places) : recent.map { $0.events(kind) }
                if let hour = events.first {
                    // Where nothing was measured no pace is known, which is not the same as a budget of which nothing is spent.
                    let isQuiet = hour.total > 0 && hour.bad < BurnRule.leastBad
                    paces.append(
                        Pace(subject: subject.id, kind: kind, burn: isQuiet ? Ratio(0, 1) : hour.burn(objective: stored.objective.goodShare)))
                }
                for (index, rule) in BurnRule.shipped.enumerated() {
                    let (long, short) = (events[index * 2], events[index * 2 + 1])
                    let key = Key(subject: subject.id, kind: kind.rawValue, longSeconds: rule.longSeconds)
                    let judged = Judged(subject: subject, stored: stored, rule: rule, long: long, short: short)
                    if let change = try await apply(judged, isOpen: open.contains(key), minute) { changes.append(change) }
                }
            }
        }
        try await note(paces)
        try await endUnwanted(paces, minute)
        return changes
    }

    /// Where an objective is gone, or raises no alerts any more, nobody would ever find one of its alerts quiet, or its pace another.
    private func endUnwanted(_ judged: [Pace], _ minute: Int64) async throws {
        let known: SQL = """
            SELECT * FROM unnest(\(judged.map(\.subject))::bigint[], \(judged.map(\.kind.rawValue))::text[])
            """
        _ = try await pool.pipeline([
            "UPDATE reliability.burn_alert SET closed_at = \(SQL.minute(minute)) WHERE closed_at IS NULL AND (subject_id, kind) NOT IN (\(known))",
            "UPDATE reliability.budget_state SET hour_burn = NULL WHERE hour_burn IS NOT NULL AND (subject_id, kind) NOT IN (\(known))",
        ])
    }

    /// How fast a budget was spent within the last hour.
    private struct Pace {
        var subject: Int64
        var kind: ObjectiveKind
        var burn: Ratio?
    }

    /// What a forecast rests on. Most budgets are not being spent: those rows stay as they are.
    private func note(_ paces: [Pace]) async throws {
        try await pool.execute(
            """
            UPDATE reliability.budget_state AS state SET hour_burn = pace.burn
            FROM unnest(\(paces.map(\.subject))::bigint[], \(paces.map(\.kind.rawValue))::text[],
                \(paces.map { $0.burn?.decimal(places: 3) })::numeric[]) AS pace (subject_id, kind, burn)
            WHERE state.subject_id = pace.subject_id AND state.kind = pace.kind AND state.hour_burn IS DISTINCT FROM pace.burn
            """)
    }

    /// Subjects of one place share its probes.
    private func lastTokens(
        _ subject: BudgetSubject, _ objective: Objective, before minute: Int64, _ seconds: [Int64], _ known: inout [String: [BurnWindow]]
    ) async throws -> [BurnWindow] {
        let threshold = objective.thresholdMicroseconds ?? 0
        let key = "\(subject.minutes.model) \(subject.minutes.region) \(threshold)"
        if let found = known[key] { return found }
        let found = try await MinuteBook(pool: pool).recentLastTokens(of: subject.minutes, threshold: threshold, before: minute, seconds: seconds)
        known[key] = found
        return found
    }

    private struct Key: Hashable {
        var subject: Int64
        var kind: String
        var longSeconds: Int64
    }

    private struct Judged {
        var subject: BudgetSubject
        var stored: StoredObjective
        var rule: BurnRule
        var long: BurnWindow
        var short: BurnWindow

        /// A month of 30 days, so that a rule means the same in every month.
        var threshold: Ratio { rule.threshold(periodSeconds: 30 * 86_400) }

        var verdict: BurnRule.Verdict {
            BurnRule.verdict(long: long, short: short, objective: stored.objective.goodShare, threshold: threshold)
        }
    }

    private func open() async throws -> Set<Key> {
        let rows = try await pool.query("SELECT subject_id, kind, long_seconds FROM reliability.burn_alert WHERE closed_at IS NULL")
        return Set(
            try rows.map { Key(subject: try $0.value("subject_id"), kind: try $0.value("kind"), longSeconds: try $0.value("long_seconds")) })
    }

    private func apply(_ judged: Judged, isOpen: Bool, _ minute: Int64) async throws -> Change? {
        let (subject, rule, kind) = (judged.subject, judged.rule, judged.stored.objective.kind)
        let change = { (isOpened: Bool) in
            Change(kind: kind, severity: rule.severity, isOpened: isOpened, subject: subject.minutes, longSeconds: rule.longSeconds)
        }
        switch judged.verdict {
        case .fire where !isOpen:
            let burn = judged.long.burn(objective: judged.stored.objective.goodShare)?.decimal(places: 3)
            try await pool.execute(
                """
                INSERT INTO reliability.burn_alert (subject_id, kind, objective_id, severity, long_seconds, short_seconds, burn, threshold, bad,
                    total, opened_at)
                VALUES (\(subject.id), \(kind.rawValue), \(judged.stored.id), \(rule.severity.rawValue), \(rule.longSeconds), \(rule.shortSeconds),
                    \(burn)::numeric, \(judged.threshold.decimal(places: 3))::numeric, \(judged.long.bad), \(judged.long.total),
                    \(SQL.minute(minute)))
                ON CONFLICT DO NOTHING
                """)
            return change(true)
        case .quiet where isOpen:
            try await pool.execute(
                """
                UPDATE reliability.burn_alert SET closed_at = \(SQL.minute(minute))
                WHERE subject_id = \(subject.id) AND kind = \(kind.rawValue) AND long_seconds = \(rule.longSeconds) AND closed_at IS NULL
                """)
            return change(false)
        default: return nil
        }
    }
}
