import Postgres

/// Usage records that were set aside: another content under a known key, or a time out of bounds. A person decides what they are.
enum UsageQuarantineResource {
    private static let listing = Listing(
        document: """
            json_build_object('id', r.id, 'received_at', serving.wire_time(r.received_at), 'gateway', r.gateway_id, 'reason', r.reason,
                'request_id', r.request_id, 'payload_sha256', encode(r.payload_sha256, 'hex'), 'payload', r.payload)
            """,
        source: "billing.usage_quarantine AS r", order: "r.received_at", usualOrder: .descending,
        filters: [
            .text("request_id", "r.request_id"), .text("reason", "r.reason"), .uuid("gateway", "r.gateway_id"), .since("r.received_at"),
            .until("r.received_at"),
        ])

    static let list = AdminRoute.read("usage-quarantine") { call, databases in
        try await listing.page(call, databases.billing)
    }
}
