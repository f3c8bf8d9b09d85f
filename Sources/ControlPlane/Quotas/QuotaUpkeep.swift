import Domain
import FoundationEssentials
import Postgres

/// Ends leases of gateways that were not heard of for longer than they last, and forgets those of windows that are over.
struct QuotaUpkeep: Sendable {
    private let serving: PostgresPool
    private let billing: PostgresPool

    init(serving: PostgresPool, billing: PostgresPool) {
        self.serving = serving
        self.billing = billing
    }

    private struct Lease {
        var name: QuotaLeases.Name
        var gateway: UUID
    }

    /// What the dead gateway's stored records say that it spent counts, if that is more than it reported; only the rest goes back. Its row changes
    /// from open to closed in one step, so that this happens once, whoever does it.
    func endExpired() async throws {
        let rows = try await serving.query(
            "SELECT holder, kind, period, gateway_id FROM serving.quota_leases WHERE state = 'open' AND expires_at < now() LIMIT 500")
        for row in rows {
            let name = QuotaLeases.Name(holder: try row.value("holder"), kind: try row.value("kind"), period: try row.value("period"))
            let lease = Lease(name: name, gateway: try row.value("gateway_id"))
            let stored = try await stored(lease)
            try await serving.transaction(.repeatable) { connection in
                // As an exchange does, which may be about to prolong it.
                try await connection.execute(
                    """
                    SELECT 1 FROM serving.quota_budgets WHERE holder = \(name.holder) AND kind = \(name.kind) AND period = \(name.period) FOR UPDATE
                    """)
                try await connection.execute(
                    """
                    UPDATE serving.quota_leases SET state = 'closed', spent = greatest(spent, \(stored)), granted = greatest(spent, \(stored)),
                        updated_at = now()
                    WHERE holder = \(name.holder) AND kind = \(name.kind) AND period = \(name.period) AND gateway_id = \(lease.gateway)
                        AND state = 'open' AND expires_at < now()
                    """)
            }
        }
    }

    /// Records that a dead gateway's spool brought later: what they say beyond its last report was spent too.
    func correctEnded() async throws {
        let rows = try await serving.query(
            """
            SELECT holder, kind, period, gateway_id FROM serving.quota_leases
            WHERE state = 'closed' AND updated_at > now() - interval '3 days' ORDER BY updated_at DESC LIMIT 500
            """)
        for row in rows {
            let name = QuotaLeases.Name(holder: try row.value("holder"), kind: try row.value("kind"), period: try row.value("period"))
            let gateway: UUID = try row.value("gateway_id")
            let stored = try await stored(Lease(name: name, gateway: gateway))
            try await serving.execute(
                """
                UPDATE serving.quota_leases SET spent = \(stored), granted = \(stored)
                WHERE holder = \(name.holder) AND kind = \(name.kind) AND period = \(name.period) AND gateway_id = \(gateway)
                    AND state = 'closed' AND spent < \(stored)
                """)
        }
    }

    /// A month and a day after they were made nothing counts in them any more.
    func forget() async throws {
        try await serving.execute("DELETE FROM serving.quota_budgets WHERE created_at < now() - interval '40 days'")
        try await serving.execute("DELETE FROM serving.rate_holders WHERE sought_until < now() - interval '1 day'")
    }

    /// Whose records; nil: nobody's. Those of a key are looked for among its tenant's, by which they are indexed.
    private func records(of name: String) async throws -> SQL? {
        let parts = name.split(separator: "/")
        guard parts.count == 2, let id = UUID(uuidString: String(parts[1])) else { return nil }
        if parts[0] == "tenant" { return "event.tenant_id = \(id)" }
        guard let row = try await serving.queryOne("SELECT tenant_id FROM serving.api_keys WHERE id = \(id)") else { return nil }
        let tenant: UUID = try row.value("tenant_id")
        return "event.tenant_id = \(tenant) AND event.key_id = \(id)"
    }

    private func stored(_ lease: Lease) async throws -> Int64 {
        guard let kind = QuotaKind(rawValue: lease.name.kind) else { return 0 }
        guard let whose = try await records(of: lease.name.holder) else { return 0 }
        let start = Double(kind.period.end(of: lease.name.period - 1) / 1_000_000)
        let end = Double(kind.period.end(of: lease.name.period) / 1_000_000)
        let amount: SQL =
            kind == .spendPerMonth
            ? """
            (event.billable_prompt_tokens - least(event.cached_prompt_tokens, event.billable_prompt_tokens))::numeric * price.prompt_price_pico_usd
            + least(event.cached_prompt_tokens, event.billable_prompt_tokens)::numeric * price.cached_prompt_price_pico_usd
            + event.billable_completion_tokens::numeric * price.completion_price_pico_usd
            """ : "event.billable_prompt_tokens::bigint + event.billable_completion_tokens"
        let row = try await billing.queryOne(
            """
            SELECT least(coalesce(sum(\(amount)), 0), 1000000000000000000)::bigint AS amount
            FROM billing.usage_event AS event LEFT JOIN serving.price_versions AS price ON price.version = event.price_version
            WHERE \(whose) AND event.gateway_id = \(lease.gateway) AND event.accepted_at >= to_timestamp(\(start))
                AND event.accepted_at < to_timestamp(\(end))
            """)
        return try row?.value("amount") ?? 0
    }
}
