import Domain
import FoundationEssentials
import Postgres

/// A month of an agreement whose terms are kept in another zone than UTC: the minutes that its credit is about, and how they were.
struct ContractMonth: Sendable {
    let zone: String
    /// As far as it is closed.
    let minutes: MinuteRange
    let tally: MinuteTally

    /// Of agreements in the order of their beginnings; none where the month of every contract is the one of UTC.
    ///
    /// - Parameter closed: Minute up to which all minutes are closed.
    static func read(
        of subject: MinuteSubject, _ month: BillingPeriod, closed: Int64, _ reliability: PostgresPool
    ) async throws -> [ContractMonth] {
        // No zone is further from UTC than fourteen hours.
        let around = month.minutes.lowerBound - 840..<month.minutes.upperBound + 840
        var found: [ContractMonth] = []
        for agreement in try await PromiseView.agreements(of: subject, around, reliability) {
            guard let terms = try await TermsVersion.read(agreement.terms, { try await reliability.queryOne($0) }) else { continue }
            // In the midst of the month all zones agree on which one it is.
            let midst = month.minutes.lowerBound + 14 * 1_440
            let own = try await BudgetStates.month(of: midst, in: terms.timeZone) { try await reliability.queryOne($0) }
            let known = agreement.minutes(in: own).clamped(to: own.lowerBound..<max(own.lowerBound, min(own.upperBound, closed)))
            guard own != month.minutes, !known.isEmpty else { continue }
            let gaps = try await PromiseGaps(pool: reliability).gaps(of: agreement, terms, in: agreement.minutes(in: own))
            let tally = try await MinuteBook(pool: reliability).tally(of: subject, in: known, rule: terms.rule, leftOut: gaps)
            found.append(ContractMonth(zone: terms.timeZone, minutes: known, tally: tally))
        }
        return found
    }
}
