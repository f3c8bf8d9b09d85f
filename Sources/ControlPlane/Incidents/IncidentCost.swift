import Domain
import FoundationEssentials
import Postgres

/// What an incident cost: what it spent of budgets by the ledger, and credits to customers.
struct IncidentCost: Sendable {
    /// Of the reliability room.
    let reliability: PostgresPool

    struct Scope: Sendable {
        /// Empty: all.
        var tier: String
        var models: [String]
        var region: String
        /// Nil: of all.
        var tenant: UUID?
        /// Since 1970, from the first that was felt to the last.
        var minutes: MinuteRange

        /// Rows of minutes that are meant.
        var isMeant: SQL {
            "\(places("model", "region")) AND (\(tier) = '' OR tier = \(tier)) AND coalesce(tenant_id = \(tenant)::uuid, TRUE)"
        }

        func places(_ model: SQL, _ place: SQL) -> SQL {
            "(cardinality(\(models)::text[]) = 0 OR \(model) = ANY(\(models)::text[])) AND (\(region) = '' OR \(place) = \(region))"
        }
    }

    struct Budget: Sendable {
        /// A JSON object.
        var document: String
        /// The greatest part of a budget that was spent.
        var part: Ratio
    }

    /// Bad minutes and bad events of the ledger, and the greatest part of a budget that they are, of whatever kind it is; each month of a calendar has a
    /// budget of its own. Minutes are in the ledger a quarter of an hour after they began; until then `is_settled` is false.
    func budget(_ scope: Scope) async throws -> Budget {
        let row = try await reliability.queryOne(
            """
            WITH spent AS (SELECT entry.subject_id, entry.kind, calendar.month, sum(entry.amount)::bigint AS bad FROM reliability.budget_ledger AS entry
                JOIN reliability.budget_subject AS subject ON subject.id = entry.subject_id
                LEFT JOIN LATERAL (\(Self.calendar)) AS calendar ON TRUE
                WHERE entry.minute_at >= \(SQL.minute(scope.minutes.lowerBound)) AND entry.minute_at < \(SQL.minute(scope.minutes.upperBound))
                    AND subject.tenant_id IS NOT DISTINCT FROM \(scope.tenant)::uuid AND \(scope.places("subject.model", "subject.region"))
                    AND (\(scope.tier) = '' OR subject.tenant_id IS NOT NULL OR subject.tier = \(scope.tier))
                GROUP BY entry.subject_id, entry.kind, calendar.month HAVING sum(entry.amount) > 0)
            SELECT coalesce(sum(spent.bad) FILTER (WHERE spent.kind = 'availability'), 0)::bigint AS bad,
                count(DISTINCT (spent.subject_id, spent.kind)) AS budgets,
                coalesce(floor(max(spent.bad::numeric * 1000000 * 1000000 / nullif(allowed.millionths, 0))), 0)::bigint AS part,
                (SELECT coalesce(json_object_agg(kind, events ORDER BY kind), '{}')::text FROM (
                    SELECT kind, sum(spent.bad) AS events FROM spent WHERE kind <> 'availability' GROUP BY kind) AS other) AS events,
                (SELECT closed_until >= \(SQL.minute(scope.minutes.upperBound)) FROM reliability.minute_progress) AS settled
            FROM spent LEFT JOIN LATERAL (\(Self.allowed)) AS allowed ON TRUE
            """)
        guard let row else { return Budget(document: "null", part: Ratio(0, 1)) }
        let part: Int64 = try row.value("part")
        let document = """
            {"bad_minutes":\(try row.value("bad", as: Int64.self)),"bad_events":\(try row.value("events", as: String.self)),\
            "greatest_part_ppm":\(part),"budgets":\(try row.value("budgets", as: Int64.self)),\
            "is_settled":\(try row.value("settled", as: Bool?.self) ?? false)}
            """
        return Budget(document: document, part: Ratio(part, 1_000_000))
    }

    /// The month of an entry, where its budget is one of calendar months.
    private static let calendar: SQL = """
        SELECT date_trunc('month', entry.minute_at AT TIME ZONE objective.time_zone) AS month
        FROM reliability.budget_state AS state JOIN reliability.objective AS objective ON objective.id = state.objective_id
        WHERE state.subject_id = entry.subject_id AND state.kind = entry.kind AND objective.period = 'calendar'
        """

    /// Millionths of a minute or event that a budget allows in its period. How many events a period will have is not known before its end: those of 30
    /// days, where it has fewer so far.
    private static let allowed: SQL = """
        SELECT CASE WHEN state.kind = 'availability'
                THEN extract(epoch FROM coalesce((spent.month + interval '1 month') AT TIME ZONE objective.time_zone
                    - spent.month AT TIME ZONE objective.time_zone, state.period_until - state.period_from))::bigint / 60
                    * (1000000 - objective.target_ppm)
            ELSE greatest(state.total, state.rolling_total)
                * CASE WHEN state.kind IN ('error_rate', 'rate_429') THEN objective.target_ppm ELSE 1000000 - objective.target_ppm END
            END::numeric AS millionths
        FROM reliability.budget_state AS state JOIN reliability.objective AS objective ON objective.id = state.objective_id
        WHERE state.subject_id = spent.subject_id AND state.kind = spent.kind
        """

    private struct Sum {
        var cents: Int128 = 0
        var agreements = 0
        var isEstimate = false
    }

    /// The part of the credits that it caused, as a JSON object: of agreements with bad minutes or late hours in it, the credit of each month that it
    /// touches, less what it would be with the incident's minutes good. While a month is not computed it is reckoned as if the rest of it were good, of the
    /// agreed minimum.
    func credits(_ scope: Scope) async throws -> String {
        var sum = Sum()
        for agreement in try await agreements(scope) { try await add(agreement, scope, to: &sum) }
        return """
            {"amount_cents":\(sum.cents),"currency":"USD","agreements":\(sum.agreements),"is_estimate":\(sum.isEstimate),\
            "reckoned_as":\(AdminJSON.string(Self.reckoning))}
            """
    }

    private static let reckoning = "the month's credits less what they would be had the minutes of this incident been good"

    private func agreements(_ scope: Scope) async throws -> [Agreement] {
        try await reliability.query(
            """
            SELECT \(Agreement.columns) FROM reliability.agreement
            WHERE state IN ('active', 'ended') AND starts_at < \(SQL.minute(scope.minutes.upperBound))
                AND coalesce(ends_at > \(SQL.minute(scope.minutes.lowerBound)), TRUE)
                AND \(scope.places("model", "region")) AND coalesce(tenant_id = \(scope.tenant)::uuid, TRUE)
                AND (\(scope.tier) = '' OR EXISTS (SELECT 1 FROM reliability.minute AS told WHERE told.tenant_id = agreement.tenant_id
                    AND told.tier = \(scope.tier) AND told.minute_at >= \(SQL.minute(scope.minutes.lowerBound))
                    AND told.minute_at < \(SQL.minute(scope.minutes.upperBound))))
            ORDER BY id
            """
        ).map { try Agreement($0) }
    }

    private func add(_ agreement: Agreement, _ scope: Scope, to sum: inout Sum) async throws {
        guard let terms = try await TermsVersion.read(agreement.terms, { try await reliability.queryOne($0) }) else { return }
        var (next, isTouched) = (max(scope.minutes.lowerBound, agreement.starts), false)
        while next < max(scope.minutes.upperBound, scope.minutes.lowerBound + 1) {
            let month = try await BudgetStates.month(of: next, in: terms.timeZone) { try await reliability.queryOne($0) }
            next = month.upperBound
            guard let found = try await caused(by: scope, agreement, terms, in: month) else { continue }
            isTouched = true
            sum.cents += found.cents
            sum.isEstimate = sum.isEstimate || found.isEstimate
        }
        sum.agreements += isTouched ? 1 : 0
    }

    private func caused(
        by scope: Scope, _ agreement: Agreement, _ terms: TermsVersion, in month: MinuteRange
    ) async throws -> (cents: Int128, isEstimate: Bool)? {
        let active = agreement.minutes(in: month)
        let gaps = try await PromiseGaps(pool: reliability).gaps(
            of: agreement.subject, month: month, rules: agreement.maintenance(terms), zone: terms.timeZone, codes: terms.exclusions)
        let caused = CausedCredit(
            reliability: reliability, agreement: agreement, terms: terms, month: month, active: active,
            felt: scope.minutes.clamped(to: active), gaps: gaps)
        return try await caused.find()
    }
}
