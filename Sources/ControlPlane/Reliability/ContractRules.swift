import FoundationEssentials
import Postgres

/// Rules for a bad minute that tenants were promised: the budget of one is judged no looser than its contract.
struct ContractRules: Sendable {
    private let ppm: [MinuteSubject: Int64]

    /// Of agreements in force within a range.
    static func read(_ range: MinuteRange, _ reliability: PostgresPool) async throws -> ContractRules {
        let rows = try await reliability.query(
            """
            SELECT agreement.tenant_id, agreement.model, agreement.region, min(coalesce(terms.bad_above_ppm, 0))::bigint AS ppm
            FROM reliability.agreement JOIN reliability.terms ON terms.id = agreement.terms_id
            WHERE agreement.state <> 'proposed' AND starts_at < \(SQL.minute(range.upperBound))
                AND coalesce(ends_at > \(SQL.minute(range.lowerBound)), true)
            GROUP BY 1, 2, 3
            """)
        var found: [MinuteSubject: Int64] = [:]
        for row in rows {
            let subject = MinuteSubject(tenant: try row.value("tenant_id"), model: try row.value("model"), region: try row.value("region"))
            found[subject] = try row.value("ppm")
        }
        return ContractRules(ppm: found)
    }

    /// Share of bad requests above which a minute of the subject is bad, parts per million; nil: with any.
    func badAbovePpm(of subject: MinuteSubject, objective: Int64?) -> Int64? {
        ppm[subject].map { min($0, objective ?? 0) } ?? objective
    }
}
