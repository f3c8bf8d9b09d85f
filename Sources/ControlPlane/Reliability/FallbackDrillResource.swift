import FoundationEssentials
import HTTPTypes
import Postgres

/// Fallbacks of SKUs that were tried under a failure made on purpose: by drills, or otherwise and written down. Never changed.
enum FallbackDrillResource {
    private static let listing = Listing(
        document: """
            json_build_object('id', r.id, 'sku', r.sku, 'at', serving.wire_time(r.at), 'held', r.held, 'reason', r.reason, 'actor', r.actor,
                'drill', r.drill_id)
            """,
        source: "reliability.tried_fallback AS r", order: "r.at", usualOrder: .descending, filters: [.text("sku", "r.sku")])

    static let list = AdminRoute.read("fallback-drills") { call, databases in try await listing.page(call, databases.reliability) }

    static let creation = AdminRoute.change(.post, "fallback-drills") { call, fields, connection in
        let sku = fields.text("sku", .slug, .required) ?? ""
        let held = fields.value(AdminField("held", .boolean, .required)) as? Bool ?? false
        let reason = fields.text("reason", .reason, .required) ?? ""
        try fields.finish()
        guard try await AdminResource.skus.id(named: sku, { try await connection.queryOne($0) }) != nil else {
            throw AdminRefusal.fault("sku", "does not exist")
        }
        let row = try await connection.queryOne(
            """
            INSERT INTO reliability.fallback_drill (sku, held, reason, actor) VALUES (\(sku), \(held), \(reason), \(call.actor.label)) RETURNING id
            """)
        guard let id = try row?.value("id", as: UUID.self),
            let made = try await listing.one(where: "r.id = \(id)", { try await connection.queryOne($0) })
        else { throw AdminRefusal.failed }
        return AdminChange(status: .created, document: made.document, action: "create", subjectKind: "fallback_drill", subjectId: made.id)
    }
}
