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

    /// Of usage records: requests, those with tokens to pay for, and tokens of each price.
    static let sums: SQL = """
        count(*) AS requests, count(*) FILTER (WHERE billable_prompt_tokens + billable_completion_tokens > 0) AS payable,
        sum(greatest(billable_prompt_tokens - cached_prompt_tokens, 0)) AS prompt_tokens,
        sum(least(cached_prompt_tokens, billable_prompt_tokens)) AS cached_prompt_tokens,
        sum(billable_completion_tokens) AS completion_tokens
        """

    /// Adds up a tenant's requests by the price version that each was accepted under, exactly: of usage records as long as they are there, then of
    /// what is kept of them for ever.
    ///
    /// - Parameter billing: The pool of the billing room.
    static func charges(
        of subject: MinuteSubject, in range: MinuteRange, _ billing: PostgresPool
    ) async throws -> (amount: Int128, requests: Int64, unpriced: Int64) {
        // One statement, so that what is kept meanwhile is neither counted twice nor missed.
        let row = try await billing.queryOne(
            """
            SELECT coalesce(sum(requests), 0)::bigint AS requests, coalesce(sum(payable) FILTER (WHERE price.version IS NULL), 0)::bigint AS unpriced,
                coalesce(sum(prompt_tokens::numeric * price.prompt_price_pico_usd + cached_prompt_tokens::numeric * price.cached_prompt_price_pico_usd
                    + completion_tokens::numeric * price.completion_price_pico_usd), 0)::text AS amount
            FROM (\(recorded(subject, range)) UNION ALL \(kept(subject, range))) AS used
            LEFT JOIN serving.price_versions AS price ON price.version = used.price_version
            """)
        guard let row, let amount = Int128(try row.value("amount", as: String.self)) else { return (0, 0, 0) }
        return (amount, try row.value("requests"), try row.value("unpriced"))
    }

    private static func recorded(_ subject: MinuteSubject, _ range: MinuteRange) -> SQL {
        """
        SELECT price_version, \(sums) FROM billing.usage_event
        WHERE tenant_id = \(subject.tenant) AND model = \(subject.model) AND region = \(subject.region) AND kind = 'final'
            AND accepted_at >= \(SQL.minute(range.lowerBound)) AND accepted_at < \(SQL.minute(range.upperBound))
            AND accepted_at >= (SELECT kept_until FROM billing.charge_progress)
        GROUP BY price_version
        """
    }

    private static func kept(_ subject: MinuteSubject, _ range: MinuteRange) -> SQL {
        """
        SELECT price_version, requests, payable, prompt_tokens, cached_prompt_tokens, completion_tokens FROM billing.charge_minute
        WHERE tenant_id = \(subject.tenant) AND model = \(subject.model) AND region = \(subject.region)
            AND minute_at >= \(SQL.minute(range.lowerBound)) AND minute_at < \(SQL.minute(range.upperBound))
        """
    }
}
