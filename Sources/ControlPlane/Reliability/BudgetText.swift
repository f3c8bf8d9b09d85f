import Domain
import Postgres

/// A budget and what is spent of it, as people read it in a refusal.
struct BudgetText: Sendable {
    /// Of a row of `BudgetResource.source`.
    static let columns: SQL = """
        r.kind, r.bad, r.consumed_numerator, r.consumed_denominator, r.rolling_bad, r.rolling_consumed_numerator, r.rolling_consumed_denominator,
            s.tier, s.model, s.region, (SELECT name FROM serving.tenants WHERE id = s.tenant_id) AS tenant,
            \(BudgetResource.unmeasuredMinutes(since: "r.period_from")) AS unmeasured,
            \(BudgetResource.unmeasuredMinutes(since: "r.evaluated_at - interval '30 days'")) AS rolling_unmeasured
        """

    /// "the budget of availability of tiny in eu (business)".
    let name: String
    /// "400 of 43.2 minutes in its period, 399 of them measured by neither a request nor a probe". Of the period, or of the last 30 days where more of
    /// that budget is spent.
    let spent: String

    init(_ row: PostgresRow) throws(PostgresError) {
        let tenant: String? = try row.value("tenant")
        let (kind, tier): (String, String) = try (row.value("kind"), row.value("tier"))
        let (model, region): (String, String) = try (row.value("model"), row.value("region"))
        name = "the budget of \(kind) of \(model) in \(region) (\(tenant.map { "tenant \($0)" } ?? tier))"
        let period = try Self.consumed(row, "")
        let rolling = try Self.consumed(row, "rolling_")
        let isRolling = (rolling ?? Ratio(0, 1)) > (period ?? Ratio(0, 1))
        spent = try Self.spent(row, isRolling ? "rolling_" : "", isRolling ? rolling : period, isRolling ? "the last 30 days" : "its period")
    }

    /// Nil where there is no budget, or nothing was measured.
    private static func consumed(_ row: PostgresRow, _ window: String) throws(PostgresError) -> Ratio? {
        let numerator: Int64? = try row.value(window + "consumed_numerator")
        let denominator: Int64? = try row.value(window + "consumed_denominator")
        guard let numerator, let denominator else { return nil }
        return Ratio(numerator, denominator)
    }

    private static func spent(_ row: PostgresRow, _ window: String, _ consumed: Ratio?, _ time: String) throws(PostgresError) -> String {
        let kind: String = try row.value("kind")
        let unit =
            switch ObjectiveKind(rawValue: kind) {
            case .availability: "minutes"
            case .lastToken: "probes"
            default: "requests"
            }
        let bad: Int64 = try row.value(window + "bad")
        let unmeasured: Int64 = try row.value(window + "unmeasured")
        let allowed = consumed.flatMap { $0.numerator > 0 ? (Ratio(bad, 1) / $0).decimal(places: 1) : nil } ?? "0"
        let silent = unmeasured > 0 ? ", \(unmeasured) of them measured by neither a request nor a probe" : ""
        return "\(bad) of \(allowed) \(unit) in \(time)\(silent)"
    }
}
