import Domain
import FoundationEssentials
import Postgres

/// What an incident cost: minutes of budgets by the ledger, and credits to customers.
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

    /// Bad minutes of the ledger and the greatest part of a budget that they are. Minutes are in the ledger a quarter of an hour after they began; until
    /// then `is_settled` is false.
    func budget(_ scope: Scope) async throws -> Budget {
        let row = try await reliability.queryOne(
            """
            SELECT coalesce(sum(spent.bad), 0)::bigint AS bad, count(*) FILTER (WHERE spent.bad > 0) AS budgets,
                coalesce(floor(max(spent.bad::numeric * 1000000 * 1000000 / nullif(allowed.millionths, 0))), 0)::bigint AS part,
                (SELECT closed_until >= \(SQL.minute(scope.minutes.upperBound)) FROM reliability.minute_progress) AS settled
            FROM (SELECT entry.subject_id, sum(entry.amount)::bigint AS bad FROM reliability.budget_entry AS entry
                JOIN reliability.budget_subject AS subject ON subject.id = entry.subject_id
                WHERE entry.minute_at >= \(SQL.minute(scope.minutes.lowerBound)) AND entry.minute_at < \(SQL.minute(scope.minutes.upperBound))
                    AND subject.tenant_id IS NOT DISTINCT FROM \(scope.tenant)::uuid AND \(scope.places("subject.model", "subject.region"))
                    AND (\(scope.tier) = '' OR subject.tenant_id IS NOT NULL OR subject.tier = \(scope.tier))
                GROUP BY entry.subject_id) AS spent
            LEFT JOIN LATERAL (SELECT extract(epoch FROM state.period_until - state.period_from)::bigint / 60
                    * (1000000 - objective.target_ppm) AS millionths
                FROM reliability.budget_state AS state JOIN reliability.objective AS objective ON objective.id = state.objective_id
                WHERE state.subject_id = spent.subject_id AND state.kind = 'availability') AS allowed ON TRUE
            """)
        guard let row else { return Budget(document: "null", part: Ratio(0, 1)) }
        let part: Int64 = try row.value("part")
        let document = """
            {"bad_minutes":\(try row.value("bad", as: Int64.self)),"greatest_part_ppm":\(part),\
            "budgets":\(try row.value("budgets", as: Int64.self)),"is_settled":\(try row.value("settled", as: Bool?.self) ?? false)}
            """
        return Budget(document: document, part: Ratio(part, 1_000_000))
    }

    private struct Sum {
        var cents: Int128 = 0
        var agreements = 0
        var isEstimate = false
    }

    /// Of agreements whose minutes were bad, as a JSON object: what was computed for the month or, while it is not, what these minutes alone come to as
    /// if the rest of the month were good, of the agreed minimum.
    func credits(_ scope: Scope) async throws -> String {
        var sum = Sum()
        for agreement in try await agreements(scope) { try await add(agreement, scope, to: &sum) }
        return """
            {"amount_cents":\(sum.cents),"currency":"USD","agreements":\(sum.agreements),"is_estimate":\(sum.isEstimate)}
            """
    }

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
        let range = scope.minutes.clamped(to: agreement.starts..<max(agreement.starts, agreement.ends ?? .max))
        let tally = try await MinuteBook(pool: reliability).tally(of: agreement.subject, in: range, rule: terms.rule)
        guard tally.bad + tally.badIdle > 0 else { return }
        sum.agreements += 1
        if let computed = try await computed(agreement, terms, range) {
            sum.cents += computed
            return
        }
        sum.isEstimate = true
        let month = try await BudgetStates.month(of: range.lowerBound, in: terms.timeZone) { try await reliability.queryOne($0) }
        let active = month.clamped(to: agreement.starts..<max(agreement.starts, agreement.ends ?? .max))
        let fee = ServiceFee(
            minimumMicroUsd: agreement.monthlyMinimumMicroUsd, activeMinutes: Int64(active.count), monthMinutes: Int64(month.count), charges: 0,
            requests: 0, unpriced: 0)
        let uptime = Ratio(max(0, Int64(active.count) - tally.bad - tally.badIdle), Int64(max(active.count, 1)))
        sum.cents += fee.cents(percent: terms.credit.percent(uptime: uptime))
    }

    /// The newest credit of the month in which the incident began; nil: it is not computed yet.
    private func computed(_ agreement: Agreement, _ terms: TermsVersion, _ range: MinuteRange) async throws -> Int128? {
        let row = try await reliability.queryOne(
            """
            SELECT amount_cents FROM reliability.credit WHERE agreement_id = \(agreement.id)
                AND month = to_char(\(SQL.minute(range.lowerBound)) AT TIME ZONE \(terms.timeZone), 'YYYY-MM')
            ORDER BY version DESC LIMIT 1
            """)
        return try row.map { Int128(try $0.value("amount_cents", as: Int64.self)) }
    }
}
