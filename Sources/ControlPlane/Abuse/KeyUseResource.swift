import Postgres

/// When and from where keys were used, a row for each key and address.
enum KeyUseResource {
    private static let listing = Listing(
        document: """
            json_build_object('id', r.id, 'key', r.key_id, 'tenant', used.tenant_id, 'address', nullif(r.address, ''),
                'first_used_at', serving.wire_time(r.first_at), 'last_used_at', serving.wire_time(r.last_at), 'gateway', r.gateway_id)
            """,
        source: "serving.key_uses AS r JOIN serving.api_keys AS used ON used.id = r.key_id", order: "r.last_at", usualOrder: .descending,
        filters: [
            .uuid("key", "r.key_id"), .reference("tenant", "used.tenant_id", to: .tenants), .text("address", "r.address"), .since("r.last_at"),
            .until("r.last_at"),
        ])

    static let list = AdminRoute.read("key-uses") { call, databases in
        try await listing.page(call, databases.serving)
    }
}
