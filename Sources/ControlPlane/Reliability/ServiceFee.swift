import Domain
import FoundationEssentials
import Postgres

/// What a credit is a part of: the agreed minimum or what was used of the service, whichever is more.
struct ServiceFee: Sendable {
    var minimumMicroUsd: Int64
    /// Of the month, in minutes: those in which the agreement was in force, and all.
    var activeMinutes: Int64
    var monthMinutes: Int64
    /// Pico-US-dollars.
    var charges: Int128
    var requests: Int64
    /// Requests with tokens to pay for that no price held for.
    var unpriced: Int64

    /// The minimum for the part of the month, in pico-US-dollars.
    var minimum: Int128 {
        Rating.prorated(Int128(minimumMicroUsd) * Rating.picoPerMicro, used: activeMinutes, of: max(monthMinutes, 1))
    }

    var base: Int128 { Credit.feeBase(minimum: minimum, charges: charges) }

    /// Cents of a part of it, rounded half to even once.
    func cents(percent: Ratio) -> Int128 {
        Rating.dividedHalfEven(base * Int128(percent.numerator), by: Int128(percent.denominator) * 100 * Rating.picoPerCent)
    }

    /// Adds up a tenant's requests by the price version that each was accepted under, exactly.
    ///
    /// - Parameter billing: The pool of the billing room.
    static func charges(
        of subject: MinuteSubject, in range: MinuteRange, _ billing: PostgresPool
    ) async throws -> (amount: Int128, requests: Int64, unpriced: Int64) {
        let row = try await billing.queryOne(
            """
            SELECT count(*) AS requests,
                count(*) FILTER (WHERE price.version IS NULL AND billable_prompt_tokens + billable_completion_tokens > 0) AS unpriced,
                coalesce(sum(greatest(billable_prompt_tokens - cached_prompt_tokens, 0)::numeric * price.prompt_price_pico_usd
                    + least(cached_prompt_tokens, billable_prompt_tokens)::numeric * price.cached_prompt_price_pico_usd
                    + billable_completion_tokens::numeric * price.completion_price_pico_usd), 0)::text AS amount
            FROM billing.usage_event AS used LEFT JOIN serving.price_versions AS price ON price.version = used.price_version
            WHERE used.tenant_id = \(subject.tenant) AND used.model = \(subject.model) AND used.region = \(subject.region) AND used.kind = 'final'
                AND used.accepted_at >= \(SQL.minute(range.lowerBound)) AND used.accepted_at < \(SQL.minute(range.upperBound))
            """)
        guard let row, let amount = Int128(try row.value("amount", as: String.self)) else { return (0, 0, 0) }
        return (amount, try row.value("requests"), try row.value("unpriced"))
    }
}
