import FoundationEssentials
import HTTPTypes
import Postgres

/// Who starts and ends workers when the policy asks, and what was asked. Owners only change scalers: one reads a file of this machine's, and
/// what it is asked for costs money.
enum ScalerResource {
    private static let scalers = AdminResource(
        path: "scalers", kind: "scaler", table: "reliability.scaler",
        listing: Listing(
            document: """
                json_build_object('id', r.id, 'name', r.name, 'url', r.url, 'secret_file', r.secret_file, 'model', r.model, 'region', r.region,
                    'most_workers', r.most_workers, 'state', r.state, 'created_at', serving.wire_time(r.created_at),
                    'updated_at', serving.wire_time(r.updated_at))
                """,
            source: "reliability.scaler AS r", visible: "r.state <> 'deleted'",
            filters: [.text("model", "r.model"), .text("region", "r.region"), .text("state", "r.state")]),
        fields: [
            AdminField("name", .slug, .required, changeable: false),
            AdminField("url", .text(8...2000), .required),
            AdminField("secret_file", .text(2...1000), .required),
            AdminField("model", .modelName, nullable: true),
            AdminField("region", .slug, nullable: true),
            AdminField("most_workers", .integer(1...100)),
            AdminField("state", .choice(["active", "paused"]), .later),
        ], check: check, blocker: blocker, reusesNames: false)

    /// One for a misspelt model would never be asked.
    private static func check(_ connection: PostgresConnection, _ id: UUID) async throws {
        let row = try await connection.queryOne(
            """
            SELECT r.model IS NOT NULL AND NOT EXISTS (SELECT 1 FROM serving.models WHERE models.name = r.model AND models.state <> 'deleted') AS no_model
            FROM reliability.scaler AS r WHERE r.id = \(id)
            """)
        if try row?.value("no_model") ?? false { throw AdminRefusal.fault("model", "does not exist") }
    }

    private static func blocker(_ connection: PostgresConnection, _ id: UUID) async throws -> String? {
        let row = try await connection.queryOne(
            """
            SELECT 1 AS yes FROM reliability.capacity_order AS message JOIN reliability.mitigation AS mitigation ON mitigation.id = message.mitigation_id
            WHERE message.scaler_id = \(id)
                AND (message.state = 'pending' OR mitigation.state = 'active' AND message.event = 'raise' AND message.state = 'delivered') LIMIT 1
            """)
        return row.map { _ in "workers are ordered of it, or a release is on its way: revert the mitigation, or wait until it is settled" }
    }

    private static let orders = Listing(
        document: """
            json_build_object('id', r.id, 'mitigation', r.mitigation_id, 'scaler', scaler.name, 'model', mitigation.model,
                'region', mitigation.region, 'event', r.event, 'workers', r.workers, 'expires_at', serving.wire_time(r.expires_at),
                'state', r.state, 'attempts', r.attempts, 'next_attempt_at', serving.wire_time(r.next_attempt_at), 'last_error', r.last_error,
                'created_at', serving.wire_time(r.created_at), 'ended_at', serving.wire_time(r.ended_at))
            """,
        source: """
            reliability.capacity_order AS r JOIN reliability.scaler AS scaler ON scaler.id = r.scaler_id
                JOIN reliability.mitigation AS mitigation ON mitigation.id = r.mitigation_id
            """, usualOrder: .descending, filters: [.text("state", "r.state"), .uuid("mitigation", "r.mitigation_id")])

    static var routes: [AdminRoute] {
        scalers.reads + [scalers.creation, scalers.update, scalers.removal].map { $0.needing(.administer) } + [list, retry]
    }

    private static let list = AdminRoute.read("capacity-orders") { call, databases in try await orders.page(call, databases.serving) }

    /// What was given up is tried once more, from the beginning.
    private static let retry = AdminRoute.change(.post, "capacity-orders/{id}/retry") { call, fields, connection in
        try fields.finish()
        guard let id = UUID(uuidString: call.reference) else { throw AdminRefusal.notFound }
        let isSent = try await CapacityBook(connection: connection, now: Date()).retry(id)
        guard let found = try await orders.one(where: "r.id = \(id)", { try await connection.queryOne($0) }) else { throw AdminRefusal.notFound }
        guard isSent else { throw AdminRefusal.conflict("over", "this was not given up, or what it is for is over") }
        return AdminChange(document: found.document, action: "retry", subjectKind: "capacity_order", subjectId: id.lowercased)
    }
}
