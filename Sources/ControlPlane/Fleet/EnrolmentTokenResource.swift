import Domain
import FoundationEssentials
import HTTPTypes
import Postgres

/// One-use tokens with which hosts and gateways join. The token is in the answer that makes it and nowhere else.
enum EnrolmentTokenResource {
    static let resource = AdminResource(
        path: "enrolment-tokens", kind: "enrolment_token", table: "serving.enrolment_tokens",
        listing: Listing(
            document: """
                json_build_object('id', r.id, 'role', r.role, 'region', r.region, 'pool', r.pool, 'state', CASE
                    WHEN r.consumed_at IS NOT NULL THEN 'used' WHEN r.revoked_at IS NOT NULL THEN 'revoked'
                    WHEN r.expires_at <= now() THEN 'expired' ELSE 'open' END,
                    'created_by', r.created_by, 'expires_at', serving.wire_time(r.expires_at), 'consumed_at', serving.wire_time(r.consumed_at),
                    'consumed_by', r.consumed_by, 'revoked_at', serving.wire_time(r.revoked_at), 'created_at', serving.wire_time(r.created_at))
                """,
            source: "serving.enrolment_tokens AS r", filters: [.text("role", "r.role"), .text("pool", "r.pool")]),
        naming: .none)

    /// Agents get a token for a pool and join in its region; gateways get one for a region.
    static func creation(_ tokens: EnrolmentTokens) -> AdminRoute {
        .change(.post, "enrolment-tokens") { call, fields, connection in
            let role = fields.text("role", .choice(EnrolmentTokens.Role.allCases.map(\.rawValue)), .required)
            let pool = fields.text("pool", .slug, role == "agent" ? .required : .optional)
            let region = fields.text("region", .slug, role == "gateway" ? .required : .optional)
            let life = fields.integer("expires_in_seconds", 60...86_400) ?? 900
            if role == "gateway", pool != nil { fields.add("pool", "is for agents only") }
            if role == "agent", region != nil { fields.add("region", "is the pool's; leave it out") }
            try fields.finish()
            let place = try await self.region(region, pool: pool, connection)
            let token = try await tokens.create(
                connection, role: EnrolmentTokens.Role(rawValue: role ?? "") ?? .agent, region: place, pool: pool, life: .seconds(life),
                createdBy: call.actor.label)
            var change = try await resource.change(connection, token.id, "create", status: .created)
            change.secret = ("token", token.text)
            return change
        }
    }

    static let revocation = AdminRoute.change(.post, "enrolment-tokens/{id}/revoke") { call, fields, connection in
        // Kept by the audit row.
        _ = fields.text("reason", .reason)
        try fields.finish()
        let id = try await resource.locked(call.reference, connection)
        try await connection.execute(
            "UPDATE serving.enrolment_tokens SET revoked_at = now() WHERE id = \(id) AND revoked_at IS NULL AND consumed_at IS NULL")
        return try await resource.change(connection, id, "revoke")
    }

    private static func region(_ given: String?, pool: String?, _ connection: PostgresConnection) async throws -> String {
        guard let pool else { return given ?? "" }
        let row = try await connection.queryOne("SELECT region FROM serving.pools WHERE name = \(pool) AND state = 'active'")
        guard let row else { throw AdminRefusal.fault("pool", "does not exist") }
        return try row.value("region")
    }
}
