import FoundationEssentials
import Postgres

/// Keeps for ever, in small form, what months of contracts are computed from: tokens by minute and price version, and first tokens of probes. Records go
/// by age only when this has been done for them, so that a month can always be computed anew to the same cents.
struct MonthInputs: Sendable {
    /// Older records than 35 days are refused, and gateways keep probes for a day: behind this nothing comes any more.
    static let settled: SQL = "interval '45 days'"
    /// Hours that are kept in one turn. A backlog of a year takes a day, and nothing is dropped before.
    private static let most = 400

    let billing: PostgresPool
    let reliability: PostgresPool

    /// An hour is one transaction, so that none takes longer than a statement may.
    func keep() async throws {
        for _ in 0..<Self.most where try await !keepHour("billing.charge_progress", "billing.usage_event", "accepted_at", billing, Self.charges) {
            break
        }
        for _ in 0..<Self.most where try await !keepHour("reliability.probe_progress", "reliability.probe", "at", reliability, Self.firstTokens) {
            break
        }
    }

    /// The next hour with a record; false when there is none to keep.
    private func keepHour(
        _ progress: SQL, _ records: SQL, _ time: SQL, _ pool: PostgresPool, _ copy: @Sendable (_ from: Date) -> SQL
    ) async throws -> Bool {
        try await pool.transaction { connection in
            let row = try await connection.queryOne(
                """
                SELECT date_trunc('hour', least((SELECT min(\(time)) FROM \(records) WHERE \(time) >= kept_until), now() - \(Self.settled)), 'UTC') AS first,
                    now() - \(Self.settled) - interval '1 hour' AS last
                FROM \(progress) FOR UPDATE
                """)
            guard let first = try row?.value("first", as: Date.self), let last = try row?.value("last", as: Date.self) else { return false }
            guard first <= last else {
                // Before it there is nothing to keep.
                try await connection.execute("UPDATE \(progress) SET kept_until = greatest(kept_until, \(first))")
                return false
            }
            try await connection.execute(copy(first))
            try await connection.execute("UPDATE \(progress) SET kept_until = \(first)::timestamptz + interval '1 hour'")
            return true
        }
    }

    private static func charges(_ from: Date) -> SQL {
        """
        INSERT INTO billing.charge_minute (tenant_id, model, region, minute_at, price_version, requests, payable, prompt_tokens,
            cached_prompt_tokens, completion_tokens)
        SELECT tenant_id, model, region, date_trunc('minute', accepted_at), coalesce(price_version, 0), \(ServiceFee.sums)
        FROM billing.usage_event WHERE kind = 'final' AND accepted_at >= \(from) AND accepted_at < \(from)::timestamptz + interval '1 hour'
        GROUP BY 1, 2, 3, 4, 5
        """
    }

    private static func firstTokens(_ from: Date) -> SQL {
        """
        INSERT INTO reliability.probe_first_token (model, region, minute_at, microseconds)
        SELECT model, region, date_trunc('minute', at), array_agg(ttft_us ORDER BY ttft_us) FROM reliability.probe
        WHERE \(ProbeLatency.counted) AND at >= \(from) AND at < \(from)::timestamptz + interval '1 hour' GROUP BY 1, 2, 3
        """
    }
}
