import Domain
import FoundationEssentials
import Postgres

/// The part of an agreement's credit for a month that some of its minutes caused: the credit, less what it would be had they been good.
struct CausedCredit: Sendable {
    /// An episode of late hours that touches minutes has its least length within so many around them.
    private static let reach = Int64(LatencyEpisodes.creditHours + 1) * 60

    /// Of the reliability room.
    let reliability: PostgresPool
    let agreement: Agreement
    let terms: TermsVersion
    let month: MinuteRange
    /// Of the month, what the agreement covers.
    let active: MinuteRange
    /// Of that, the minutes in question.
    let felt: MinuteRange
    /// What the contract leaves out.
    let gaps: [MinuteRange]

    /// What the credit of the month follows from.
    private struct Figures {
        var eligible: Int64
        var bad: Int64
        var latencyPercent: Int
        var fee: ServiceFee
        /// Nil: it is not computed yet.
        var cents: Int128?
    }

    private var book: MinuteBook { MinuteBook(pool: reliability) }

    /// Nil where none of the minutes was bad, nor of an episode of late hours.
    func find() async throws -> (cents: Int128, isEstimate: Bool)? {
        let own = try await book.tally(of: agreement.subject, in: felt, rule: terms.rule, leftOut: gaps)
        let late = try await latency()
        guard own.bad + own.badIdle > 0 || late.with > late.without else { return nil }
        let computed = try await computed()
        let known = if let computed { computed } else { try await estimate(late.with) }
        // A month that is computed counts minutes in which nothing was measured as bad.
        let caused = computed == nil ? own.bad + own.badIdle : own.allBad
        let latencyPercent = max(0, known.latencyPercent - (late.with - late.without))
        let without = cents(known, bad: max(0, known.bad - caused), latencyPercent: latencyPercent)
        let with = known.cents ?? cents(known, bad: known.bad, latencyPercent: known.latencyPercent)
        return (max(0, with - without), computed == nil)
    }

    private func cents(_ figures: Figures, bad: Int64, latencyPercent: Int) -> Int128 {
        let uptime = Ratio(max(0, figures.eligible - bad), max(figures.eligible, 1))
        return figures.fee.cents(percent: terms.credit.total([terms.credit.percent(uptime: uptime), Ratio(Int64(latencyPercent), 1)]))
    }

    /// Per cent for late hours of the whole month, and what it would be with these minutes in time. The month is looked through only where there is an
    /// episode near them.
    private func latency() async throws -> (with: Int, without: Int) {
        let near = (felt.lowerBound - Self.reach..<felt.upperBound + Self.reach).clamped(to: active)
        guard !felt.isEmpty, try await percent(near, eachEpisode: true) > 0 else { return (0, 0) }
        return (
            try await percent(active, eachEpisode: terms.latencyPerEpisode),
            try await percent(active, eachEpisode: terms.latencyPerEpisode, forgiven: felt)
        )
    }

    private func percent(_ range: MinuteRange, eachEpisode: Bool, forgiven: MinuteRange = 0..<0) async throws -> Int {
        try await book.latency(of: agreement.subject, in: range, threshold: terms.firstTokenThreshold, leftOut: gaps, forgiven: forgiven)
            .creditPercent(eachEpisode: eachEpisode, percent: terms.latencyPercent)
    }

    /// By the newest credit of the month, which has all that it follows from.
    private func computed() async throws -> Figures? {
        let row = try await reliability.queryOne(
            """
            SELECT amount_cents, (minutes ->> 'eligible')::bigint AS eligible,
                (minutes ->> 'bad')::bigint + (minutes ->> 'bad_idle')::bigint + (minutes ->> 'unmeasured')::bigint AS bad,
                (arithmetic -> 'latency' ->> 'percent')::integer AS latency_percent,
                round((arithmetic -> 'fee' ->> 'base_usd')::numeric * 1000000000000)::text AS base
            FROM reliability.credit, LATERAL (SELECT arithmetic -> 'minutes' AS minutes) AS counted WHERE agreement_id = \(agreement.id)
                AND month = to_char(\(SQL.minute(month.lowerBound)) AT TIME ZONE \(terms.timeZone), 'YYYY-MM')
            ORDER BY version DESC LIMIT 1
            """)
        guard let row else { return nil }
        let base = try row.value("base", as: String?.self).flatMap { Int128($0) } ?? 0
        return Figures(
            eligible: try row.value("eligible"), bad: try row.value("bad"), latencyPercent: try row.value("latency_percent"),
            fee: ServiceFee(minimumMicroUsd: 0, activeMinutes: 0, monthMinutes: 1, charges: base, requests: 0, unpriced: 0),
            cents: Int128(try row.value("amount_cents", as: Int64.self)))
    }

    private func estimate(_ latencyPercent: Int) async throws -> Figures {
        let tally = try await book.tally(of: agreement.subject, in: active, rule: terms.rule, leftOut: gaps)
        let fee = ServiceFee(
            minimumMicroUsd: agreement.monthlyMinimumMicroUsd, activeMinutes: Int64(active.count), monthMinutes: Int64(month.count), charges: 0,
            requests: 0, unpriced: 0)
        return Figures(eligible: tally.eligible, bad: tally.bad + tally.badIdle, latencyPercent: latencyPercent, fee: fee, cents: nil)
    }
}
