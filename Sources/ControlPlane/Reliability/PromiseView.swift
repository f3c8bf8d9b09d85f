import Domain
import FoundationEssentials
import Postgres

/// A month of a tenant's use of a model in a region in both views. As promised, minutes of an agreement are judged by its rule, without what it leaves out;
/// those of none as evidence shows them: any failed request spoils one, without what contracts leave out where they say nothing else. As the budget has it,
/// all of them count, by the rule of the objective or that of the agreement, whichever is stricter.
struct PromiseView: Sendable {
    private struct Part: Sendable {
        let minutes: MinuteRange
        let promised: TrafficRule
        let budgeted: TrafficRule
        let leftOut: [MinuteRange]
    }

    private let subject: MinuteSubject
    private let book: MinuteBook
    /// In order, without a gap.
    private let parts: [Part]

    /// - Parameters:
    ///   - subject: Of a tenant.
    ///   - objective: Rule of the availability that holds there; nil: there is none.
    static func read(
        of subject: MinuteSubject, _ month: MinuteRange, objective: TrafficRule?, _ reliability: PostgresPool
    ) async throws -> PromiseView {
        let gaps = PromiseGaps(pool: reliability)
        let free = try await gaps.gaps(of: subject, month: month)
        var (parts, next): ([Part], Int64) = ([], month.lowerBound)
        func fill(_ end: Int64) {
            guard next < end else { return }
            parts.append(Part(minutes: next..<end, promised: .anyBad, budgeted: objective ?? .anyBad, leftOut: free))
        }
        for agreement in try await agreements(of: subject, month, reliability) {
            guard let terms = try await TermsVersion.read(agreement.terms, { try await reliability.queryOne($0) }) else { continue }
            let minutes = agreement.minutes(in: month)
            fill(minutes.lowerBound)
            parts.append(
                Part(
                    minutes: minutes, promised: terms.rule, budgeted: .stricter(terms.rule, objective ?? terms.rule),
                    leftOut: try await gaps.gaps(of: agreement, terms, in: minutes)))
            next = minutes.upperBound
        }
        fill(month.upperBound)
        return PromiseView(subject: subject, book: MinuteBook(pool: reliability), parts: parts)
    }

    /// One after the other: no minute is promised twice.
    static func agreements(of subject: MinuteSubject, _ month: MinuteRange, _ reliability: PostgresPool) async throws -> [Agreement] {
        try await reliability.query(
            """
            SELECT \(Agreement.columns) FROM reliability.agreement
            WHERE tenant_id = \(subject.tenant) AND model = \(subject.model) AND region = \(subject.region) AND state <> 'proposed'
                AND starts_at < \(SQL.minute(month.upperBound)) AND coalesce(ends_at > \(SQL.minute(month.lowerBound)), true)
            ORDER BY starts_at
            """
        ).map { try Agreement($0) }
    }

    func promised(_ range: MinuteRange) async throws -> MinuteTally {
        try await sum(range) { try await book.tally(of: subject, in: $0, rule: $1.promised, leftOut: $1.leftOut) }
    }

    func budgeted(_ range: MinuteRange) async throws -> MinuteTally {
        try await sum(range) { try await book.tally(of: subject, in: $0, rule: $1.budgeted) }
    }

    private func sum(_ range: MinuteRange, _ tally: (MinuteRange, Part) async throws -> MinuteTally) async throws -> MinuteTally {
        var sum = MinuteTally()
        for part in parts where part.minutes.overlaps(range) { sum.add(try await tally(part.minutes.clamped(to: range), part)) }
        return sum
    }
}
