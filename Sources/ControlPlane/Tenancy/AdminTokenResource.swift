import Cryptography
import Domain
package import FoundationEssentials
import HTTPTypes
package import Postgres

/// Tokens of administrators. The secret is in the answer that makes it and nowhere else.
package enum AdminTokenResource {
    static let resource = AdminResource(
        path: "tokens", kind: "token", table: "serving.admin_tokens",
        listing: Listing(
            document: """
                json_build_object('id', r.id, 'name', r.name, 'role', r.role, 'prefix', r.prefix, 'created_by', r.created_by,
                    'expires_at', serving.wire_time(r.expires_at), 'revoked_at', serving.wire_time(r.revoked_at),
                    'created_at', serving.wire_time(r.created_at))
                """,
            source: "serving.admin_tokens AS r"),
        naming: .none)

    static let list = AdminRoute.read("tokens", .administer) { call, databases in
        try await resource.listing.page(call, databases.serving)
    }

    static let single = AdminRoute.read("tokens/{id}", .administer) { call, databases in
        try call.refuseQuery()
        return AdminAnswer(body: try await resource.find(call.reference) { try await databases.serving.queryOne($0) }.document)
    }

    static let creation = AdminRoute.change(.post, "tokens", .administer) { call, fields, connection in
        let name = fields.text("name", .label, .required)
        let role = fields.text("role", .choice(AdminRole.allCases.map(\.rawValue)), .required)
        let expiry = fields.value(AdminField("expires_at", .instant)) as? Date
        if let expiry, expiry < Date.now { fields.add("expires_at", "is in the past") }
        try fields.finish()
        let made = try await create(
            connection, name: name ?? "", role: AdminRole(rawValue: role ?? "") ?? .viewer, expiresAt: expiry, createdBy: call.actor.label)
        var change = try await resource.change(connection, made.id, "create", status: .created)
        change.secret = ("secret", made.secret)
        return change
    }

    static let revocation = AdminRoute.change(.post, "tokens/{id}/revoke", .administer) { call, fields, connection in
        // Kept by the audit row.
        _ = fields.text("reason", .reason)
        try fields.finish()
        let id = try await resource.locked(call.reference, connection)
        guard id != call.actor.tokenId else { throw AdminRefusal.conflict("own_token", "a token cannot revoke itself") }
        try await connection.execute("UPDATE serving.admin_tokens SET revoked_at = now() WHERE id = \(id) AND revoked_at IS NULL")
        return try await resource.change(connection, id, "revoke")
    }

    /// True while some owner's token counts.
    package static func ownerExists(_ connection: PostgresConnection) async throws -> Bool {
        let owners: SQL = """
            SELECT 1 AS held FROM serving.admin_tokens
            WHERE role = 'owner' AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now()) LIMIT 1
            """
        return try await !connection.query(owners).isEmpty
    }

    /// For programs: as `create`, with its audit row. Returns the secret.
    package static func createAudited(
        _ connection: PostgresConnection, name: String, role: AdminRole, createdBy: String
    ) async throws -> String {
        let made = try await create(connection, name: name, role: role, expiresAt: nil, createdBy: createdBy)
        try await PeerAudit.append(
            connection, actor: createdBy, action: "create", kind: "token", id: made.id.lowercased,
            change: "{\"name\":\(AdminJSON.string(name)),\"role\":\"\(role.rawValue)\"}")
        return made.secret
    }

    /// Stores a new token and returns its secret, which is kept nowhere. The first token of an installation is made by this too.
    package static func create(
        _ connection: PostgresConnection, name: String, role: AdminRole, expiresAt: Date?, createdBy: String
    ) async throws -> (id: UUID, secret: String) {
        var generator = SystemRandomNumberGenerator()
        let secret = KeyFormat.admin.make(using: &generator)
        let row = try await connection.queryOne(
            """
            INSERT INTO serving.admin_tokens (name, role, prefix, sha256, created_by, expires_at)
            VALUES (\(name), \(role.rawValue), \(KeyResource.shown(secret)), \(Hash.sha256(secret).bytes), \(createdBy), \(expiresAt)) RETURNING id
            """)
        guard let id = try row?.value("id", as: UUID.self) else { throw PostgresError(.decoding, "no row came back") }
        return (id, secret)
    }
}
