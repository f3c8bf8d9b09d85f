import Postgres

/// What was noticed of abuse: rules that were met, addresses that were locked, tenants that behave unlike themselves.
enum AbuseEventResource {
    private static let listing = Listing(
        document: """
            json_build_object('id', r.id, 'at', serving.wire_time(r.at), 'kind', r.kind, 'tenant', r.tenant_id, 'rule', r.rule_id,
                'gateway', r.gateway_id, 'count', r.count, 'detail', r.detail)
            """,
        source: "serving.abuse_events AS r", order: "r.at", usualOrder: .descending,
        filters: [
            .text("kind", "r.kind"), .reference("tenant", "r.tenant_id", to: .tenants), .uuid("rule", "r.rule_id"), .uuid("gateway", "r.gateway_id"),
            .since("r.at"), .until("r.at"),
        ])

    static let list = AdminRoute.read("abuse-events") { call, databases in
        try await listing.page(call, databases.serving)
    }
}
