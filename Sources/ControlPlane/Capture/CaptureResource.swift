import HTTPTypes
import Postgres

/// Captures as an operator sees them: that there are some, of which key and until when, never what is in them. An operator may end one.
enum CaptureResource {
    private static let state: SQL = "CASE WHEN r.erased_at IS NULL THEN 'open' ELSE 'erased' END"

    static let resource = AdminResource(
        path: "captures", kind: "capture", table: "serving.captures",
        listing: Listing(
            document: """
                json_build_object('id', r.id, 'tenant', r.tenant_id, 'key', r.key_id, 'key_only', r.key_only, 'models', r.models,
                    'limit', r.record_limit, 'records', (SELECT count(*) FROM serving.capture_records WHERE capture_id = r.id),
                    'state', \(state), 'created_at', serving.wire_time(r.created_at), 'expires_at', serving.wire_time(r.expires_at),
                    'erased_at', serving.wire_time(r.erased_at))
                """,
            source: "serving.captures AS r", usualOrder: .descending,
            filters: [.reference("tenant", "r.tenant_id", to: .tenants), .uuid("key", "r.key_id"), .choice("state", state, ["open", "erased"])]),
        naming: .none)

    static let erasure = AdminRoute.change(.post, "captures/{id}/erase") { call, fields, connection in
        // Kept by the audit row.
        _ = fields.text("reason", .reason)
        try fields.finish()
        let id = try await resource.locked(call.reference, connection)
        _ = try await CaptureErasure.erase(where: "r.id = \(id)", connection)
        return try await resource.change(connection, id, "erase")
    }
}
