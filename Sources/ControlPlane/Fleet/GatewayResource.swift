import Cryptography
import HTTPTypes
import Postgres

/// Gateways as they enrolled.
enum GatewayResource {
    static let resource = AdminResource(
        path: "gateways", kind: "gateway", table: "serving.gateways",
        listing: Listing(
            document: """
                json_build_object('id', r.id, 'name', r.name, 'region', r.region, 'advertise', r.advertise, 'state', r.state,
                    'version', r.version, 'table_version', r.table_version, 'lock_reason', r.lock_reason, 'revoke_reason', r.revoke_reason,
                    'certificate_not_after', serving.wire_time(r.certificate_not_after), 'last_seen_at', serving.wire_time(r.last_seen_at),
                    'enrolled_at', serving.wire_time(r.enrolled_at), 'created_at', serving.wire_time(r.enrolled_at),
                    'updated_at', serving.wire_time(r.updated_at))
                """,
            source: "serving.gateways AS r", order: "r.enrolled_at", filters: [.text("region", "r.region"), .text("state", "r.state")]),
        naming: .shared)

    static let revocation = AdminRoute.change(.post, "gateways/{id}/revoke") { call, fields, connection in
        let reason = fields.text("reason", .reason, .required)
        try fields.finish()
        let id = try await resource.locked(call.reference, connection)
        guard try await Revocation.revoke(connection, role: .gateway, id: id, reason: reason ?? "") else {
            throw AdminRefusal.conflict("revoked", "this gateway is revoked already")
        }
        return try await resource.change(connection, id, "revoke")
    }
}
