import FoundationEssentials
import HTTPTypes
import Postgres

/// Usage records that were set aside: another content under a known key, or a time out of bounds. A person decides what they are; none of them is billed.
enum UsageQuarantineResource {
    /// Of rows that wait for somebody.
    static let isOpen: SQL = "decided_at IS NULL"

    private static let state: SQL = "CASE WHEN r.decided_at IS NULL THEN 'open' ELSE 'decided' END"

    private static let listing = Listing(
        document: """
            json_build_object('id', r.id, 'received_at', serving.wire_time(r.received_at), 'gateway', r.gateway_id, 'reason', r.reason,
                'request_id', r.request_id, 'payload_sha256', encode(r.payload_sha256, 'hex'), 'payload', r.payload, 'state', \(state),
                'decided_at', serving.wire_time(r.decided_at), 'decided_by', r.decided_by, 'decision', r.decision)
            """,
        source: "billing.usage_quarantine AS r", order: "r.received_at", usualOrder: .descending,
        filters: [
            .text("request_id", "r.request_id"), .text("reason", "r.reason"), .uuid("gateway", "r.gateway_id"),
            .choice("state", state, ["open", "decided"]), .since("r.received_at"), .until("r.received_at"),
        ])

    static let list = AdminRoute.read("usage-quarantine") { call, databases in
        try await listing.page(call, databases.billing)
    }

    static let decision = AdminRoute.change(.post, "usage-quarantine/{id}/decide") { call, fields, connection in
        let reason = fields.text("reason", .reason, .required)
        try fields.finish()
        guard let id = UUID(uuidString: call.reference) else { throw AdminRefusal.notFound }
        let decided = try await connection.execute(
            """
            UPDATE billing.usage_quarantine SET decided_at = now(), decided_by = \(call.actor.label), decision = \(reason)
            WHERE id = \(id) AND \(isOpen)
            """)
        guard let found = try await listing.one(where: "r.id = \(id)", { try await connection.queryOne($0) }) else { throw AdminRefusal.notFound }
        guard decided == 1 else { throw AdminRefusal.conflict("decided", "it has been decided already") }
        return AdminChange(document: found.document, action: "decide", subjectKind: "usage_quarantine", subjectId: id.lowercased)
    }
}
