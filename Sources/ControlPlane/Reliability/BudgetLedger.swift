import Domain
import Postgres

/// Writes every bad minute of every budget once, with its cause; where a late report changes a minute, a further row takes it back or adds it.
struct BudgetLedger: Sendable {
    /// Of the reliability room.
    let pool: PostgresPool

    /// Brings the ledger to what the minutes say now. A second time nothing is written. Returns how many rows were added.
    func settle(_ subjects: [(subject: BudgetSubject, rule: Int64?)], _ range: MinuteRange, _ history: ChangeHistory) async throws -> Int {
        guard !subjects.isEmpty, !range.isEmpty else { return 0 }
        let ids = subjects.map(\.subject.id)
        let rules = subjects.map { $0.rule ?? -1 }
        return try await pool.execute(
            """
            WITH judged AS (\(judged(ids, rules, range))), held AS (
                SELECT subject_id, minute_at, max(revision) AS revision, sum(amount) AS amount,
                    (array_agg(cause ORDER BY revision DESC))[1] AS cause, (array_agg(status ORDER BY revision DESC))[1] AS status,
                    (array_agg(changed ORDER BY revision DESC))[1] AS changed
                FROM reliability.budget_entry WHERE subject_id = ANY(\(ids)::bigint[]) AND minute_at >= \(SQL.minute(range.lowerBound))
                    AND minute_at < \(SQL.minute(range.upperBound))
                GROUP BY subject_id, minute_at
            ), change AS (\(Self.changes(history)))
            INSERT INTO reliability.budget_entry (subject_id, minute_at, revision, amount, status, cause, detail, changed)
            SELECT judged.subject_id, judged.minute_at, coalesce(held.revision + 1, 0), 1, judged.status, coalesce(found.cause, 'unexpected'), found.detail,
                found.changed
            FROM judged LEFT JOIN held USING (subject_id, minute_at) LEFT JOIN LATERAL (\(Self.cause)) AS found ON true
            WHERE judged.status LIKE 'bad%' AND coalesce(held.amount, 0) = 0
            UNION ALL
            SELECT judged.subject_id, judged.minute_at, held.revision + 1, -1, held.status, held.cause, 'a late report', held.changed
            FROM judged JOIN held USING (subject_id, minute_at) WHERE judged.status NOT LIKE 'bad%' AND held.amount = 1
            ON CONFLICT DO NOTHING
            """)
    }

    /// Status of each minute as `MinuteEvidence.budgetStatus` gives it.
    private func judged(_ ids: [Int64], _ rules: [Int64], _ range: MinuteRange) -> SQL {
        """
        SELECT minute.id AS subject_id, minute.minute_at, minute.model, minute.region, CASE
            WHEN coalesce(own.good, service.good, 0) + coalesce(own.bad, service.bad, 0) > 0 THEN
                CASE WHEN coalesce(own.bad, service.bad)::numeric * 1000000 > greatest(minute.rule, 0)::numeric
                    * (coalesce(own.good, service.good) + coalesce(own.bad, service.bad)) THEN 'bad' ELSE 'good' END
            WHEN probed.successes > 0 THEN 'good:idle' WHEN probed.failures > 0 THEN 'bad:idle' ELSE 'bad:unmeasured' END AS status
        FROM (
            SELECT subject.*, ruled.rule, minute_at FROM unnest(\(ids)::bigint[], \(rules)::bigint[]) AS ruled (id, rule)
            JOIN reliability.budget_subject AS subject USING (id), generate_series(
                greatest(\(SQL.minute(range.lowerBound)), subject.first_minute_at),
                least(\(SQL.minute(range.upperBound)), subject.ended_at) - interval '1 minute', '1 minute') AS minute_at
        ) AS minute
        LEFT JOIN reliability.minute_total AS own ON minute.tenant_id IS NOT NULL AND own.tenant_id = minute.tenant_id AND own.model = minute.model
            AND own.region = minute.region AND own.minute_at = minute.minute_at
        LEFT JOIN reliability.service_minute AS service ON minute.tenant_id IS NULL AND service.tier = minute.tier AND service.model = minute.model
            AND service.region = minute.region AND service.minute_at = minute.minute_at
        LEFT JOIN reliability.probe_minute AS probed ON probed.model = minute.model AND probed.region = minute.region
            AND probed.minute_at = minute.minute_at
        """
    }

    private static func changes(_ history: ChangeHistory) -> SQL {
        """
        SELECT * FROM unnest(\(history.causes)::text[], \(history.models)::text[], \(history.regions)::text[], \(history.details)::text[],
            \(history.subjects)::text[], \(history.instants)::bigint[]) AS change (cause, model, region, detail, changed, at)
        """
    }

    /// Announced work first, then the newest change before the minute that concerns it, deployments before swaps.
    private static let cause: SQL = """
        SELECT cause, detail, changed FROM (
            SELECT 'maintenance' AS cause, planned.title::text AS detail, NULL::text AS changed, 0 AS rank, 0::bigint AS at FROM reliability.maintenance_window AS planned
            WHERE planned.state <> 'cancelled' AND judged.minute_at >= planned.starts_at
                AND judged.minute_at < least(planned.ends_at, planned.completed_at)
                AND coalesce(planned.model = judged.model, true) AND coalesce(planned.region = judged.region, true)
            UNION ALL
            SELECT change.cause, change.detail, change.changed, CASE change.cause WHEN 'deployment' THEN 1 ELSE 2 END, change.at FROM change
            WHERE change.model IN ('', judged.model) AND change.region IN ('', judged.region)
                AND extract(epoch FROM judged.minute_at) BETWEEN change.at - 60 AND change.at + \(ChangeHistory.effectSeconds)
        ) AS possible ORDER BY rank, at DESC LIMIT 1
        """
}

extension BudgetLedger {
    /// A budget of events: late tokens, errors, refusals.
    struct EventBudget: Sendable {
        var subject: BudgetSubject
        var kind: ObjectiveKind
        /// Of a last token, microseconds.
        var threshold: Int64
    }

    /// The same for budgets of events: each minute has as many as were counted in it, and what comes late adds the difference.
    func settle(_ budgets: [EventBudget], _ range: MinuteRange, _ history: ChangeHistory) async throws -> Int {
        guard !budgets.isEmpty, !range.isEmpty else { return 0 }
        return try await pool.execute(
            """
            WITH budget AS (
                SELECT subject.*, wanted.kind, wanted.threshold
                FROM unnest(\(budgets.map(\.subject.id))::bigint[], \(budgets.map(\.kind.rawValue))::text[], \(budgets.map(\.threshold))::bigint[])
                    AS wanted (id, kind, threshold) JOIN reliability.budget_subject AS subject USING (id)
            ), counted AS (
                SELECT id AS subject_id, kind, minute_at, sum(events)::bigint AS events FROM (\(Self.events(range))) AS seen
                GROUP BY 1, 2, 3 HAVING sum(events) > 0
            ), held AS (
                SELECT subject_id, kind, minute_at, max(revision) AS revision, sum(amount)::bigint AS events,
                    (array_agg(cause ORDER BY revision DESC))[1] AS cause
                FROM reliability.budget_event WHERE (subject_id, kind) IN (SELECT id, kind FROM budget) AND \(Self.inside(range))
                GROUP BY subject_id, kind, minute_at
            ), judged AS (
                SELECT found.*, budget.model, budget.region FROM (
                    SELECT subject_id, kind, minute_at, coalesce(counted.events, 0) - coalesce(held.events, 0) AS amount, held.revision,
                        held.cause AS held_cause
                    FROM counted FULL JOIN held USING (subject_id, kind, minute_at)) AS found
                JOIN budget ON budget.id = found.subject_id AND budget.kind = found.kind WHERE found.amount <> 0
            ), change AS (\(Self.changes(history)))
            INSERT INTO reliability.budget_event (subject_id, kind, minute_at, revision, amount, cause, detail)
            SELECT judged.subject_id, judged.kind, judged.minute_at, coalesce(judged.revision + 1, 0), judged.amount,
                coalesce(judged.held_cause, found.cause, 'unexpected'), CASE WHEN judged.revision IS NULL THEN found.detail ELSE 'a late report' END
            FROM judged LEFT JOIN LATERAL (\(Self.cause)) AS found ON true
            ON CONFLICT DO NOTHING
            """)
    }

    private static func inside(_ range: MinuteRange) -> SQL {
        "minute_at >= \(SQL.minute(range.lowerBound)) AND minute_at < \(SQL.minute(range.upperBound))"
    }

    /// Bad events of minutes, as `RequestSums.events` counts them.
    private static func events(_ range: MinuteRange) -> SQL {
        let counts: SQL = """
            CASE budget.kind WHEN 'ttft_p95' THEN asked.first_token_over WHEN 'error_rate' THEN asked.server_errors WHEN 'rate_429' THEN asked.shed
                ELSE 0 END AS events
            """
        return """
            SELECT budget.id, budget.kind, asked.minute_at, \(counts) FROM budget JOIN reliability.minute_total AS asked
                ON asked.tenant_id = budget.tenant_id AND asked.model = budget.model AND asked.region = budget.region AND \(inside(range))
                    AND \(kept("asked.minute_at"))
            UNION ALL
            SELECT budget.id, budget.kind, asked.minute_at, \(counts) FROM budget JOIN reliability.service_minute AS asked
                ON budget.tenant_id IS NULL AND asked.tier = budget.tier AND asked.model = budget.model AND asked.region = budget.region
                    AND \(inside(range)) AND \(kept("asked.minute_at"))
            UNION ALL
            SELECT budget.id, budget.kind, date_trunc('minute', probe.at), 1 FROM budget JOIN reliability.probe
                ON budget.kind = 'ttlt_p95' AND probe.model = budget.model AND probe.region = budget.region AND probe.ttlt_us > budget.threshold
                    AND \(MinuteBook.fixedLength) AND probe.at >= \(SQL.minute(range.lowerBound)) AND probe.at < \(SQL.minute(range.upperBound))
                    AND \(kept("probe.at"))
            """
    }

    /// A budget that has ended has no events afterwards, however late they are told.
    private static func kept(_ moment: SQL) -> SQL { "coalesce(\(moment) < budget.ended_at, true)" }
}
