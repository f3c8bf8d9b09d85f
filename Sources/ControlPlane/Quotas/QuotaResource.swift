import Postgres

/// What of each quota gateways hold and have spent; written by gateways only.
enum QuotaResource {
    private static let listing = Listing(
        document: """
            json_build_object('holder', r.holder, 'tenant', r.tenant_id, 'kind', r.kind, 'period', r.period, 'limit', r.amount,
                'leased', r.leased, 'spent', r.spent, 'gateways', r.gateways, 'sought', coalesce(r.sought_until > now(), false),
                'created_at', serving.wire_time(r.created_at))
            """,
        source: """
            (SELECT budget.holder, budget.kind, budget.period, budget.sought_until, budget.created_at, limits.tenant_id, limits.amount,
                coalesce(held.leased, 0) AS leased, coalesce(held.spent, 0) AS spent, coalesce(held.gateways, 0) AS gateways
            FROM serving.quota_budgets AS budget
            LEFT JOIN serving.quota_limits AS limits ON limits.holder = budget.holder AND limits.kind = budget.kind
            LEFT JOIN LATERAL (
                SELECT sum(greatest(granted - spent, 0)) FILTER (WHERE state = 'open') AS leased, sum(spent) AS spent, count(*) AS gateways
                FROM serving.quota_leases AS lease
                WHERE lease.holder = budget.holder AND lease.kind = budget.kind AND lease.period = budget.period) AS held ON true) AS r
            """,
        id: "concat_ws(' ', r.holder, r.kind, r.period)", idType: "text", usualOrder: .descending,
        filters: [
            .reference("tenant", "r.tenant_id", to: .tenants), .text("holder", "r.holder"), .text("kind", "r.kind"), .since("r.created_at"),
            .until("r.created_at"),
        ])

    static let list = AdminRoute.read("quotas") { call, databases in
        try await listing.page(call, databases.serving)
    }
}
