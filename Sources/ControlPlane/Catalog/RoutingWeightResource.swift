import FoundationEssentials
import HTTPTypes
import Postgres

/// Routing weights: every version with its reason, the newest of a subject holds.
enum RoutingWeightResource {
    private static let listing = Listing(
        document: """
            json_build_object('version', r.version, 'scope', r.scope, 'subject', r.subject, 'weight_ppm', r.weight_ppm, 'source', r.source,
                'reason', r.reason, 'actor', r.actor, 'created_at', serving.wire_time(r.created_at), 'current', r.version = (
                    SELECT max(version) FROM serving.routing_weights AS other WHERE other.scope = r.scope AND other.subject = r.subject))
            """,
        source: "serving.routing_weights AS r", order: "r.version", orderType: "bigint", id: "r.version", idType: "bigint",
        filters: [.text("scope", "r.scope"), .text("subject", "r.subject")])

    static let list = AdminRoute.read("routing-weights") { call, databases in
        try await listing.page(call, databases.serving)
    }

    static let creation = AdminRoute.change(.post, "routing-weights") { call, fields, connection in
        let scope = fields.text("scope", .choice(["release", "pool", "provider"]), .required)
        let subject = fields.text("subject", .reference, .required)
        let weight = fields.integer("weight_ppm", 0...1_000_000, .required)
        let reason = fields.text("reason", .reason, .required)
        try fields.finish()
        guard try await exists(scope ?? "", subject ?? "", connection) else { throw AdminRefusal.fault("subject", "does not exist") }
        let (change, touched) = try await touched(scope ?? "", subject ?? "", connection)
        let write = { () async throws in try await add(scope, subject, weight, reason, call, connection) }
        if try await SupplyChange.takesOut(scope ?? "", subject ?? "", weight: weight ?? 0, connection) { return try await write() }
        try await FreezeDesk.admit(change, touched, subject: "weight of \(scope ?? "") \(subject ?? "")", call, connection)
        let filled: SQL = change == .providerSwap ? SupplyChange.isOf(scope ?? "", subject ?? "") : "FALSE"
        return try await CanaryDesk.guarding(change, touched, filled: filled, call, connection, write)
    }

    private static func add(
        _ scope: String?, _ subject: String?, _ weight: Int64?, _ reason: String?, _ call: AdminCall, _ connection: PostgresConnection
    ) async throws -> AdminChange {
        let row = try await connection.queryOne(
            """
            INSERT INTO serving.routing_weights AS r (scope, subject, weight_ppm, source, reason, actor)
            VALUES (\(scope), \(subject), \(weight), 'operator', \(reason), \(call.actor.label)) RETURNING r.version
            """)
        guard let version = try row?.value("version", as: Int64.self) else { throw AdminRefusal.failed }
        let found = try await listing.one(where: "r.version = \(version)") { try await connection.queryOne($0) }
        return AdminChange(
            status: .created, document: found?.document ?? "{}", action: "create", subjectKind: "routing_weight", subjectId: String(version))
    }

    /// A release's weight deploys it; that of a pool or a provider swaps what serves.
    private static func touched(
        _ scope: String, _ subject: String, _ connection: PostgresConnection
    ) async throws -> (change: FrozenChange, places: [FreezeScope]) {
        guard scope == "release" else { return (.providerSwap, try await SupplyChange.places(ofWeight: scope, subject, connection)) }
        let row = try await connection.queryOne("SELECT model FROM serving.releases WHERE name = \(subject)")
        return (.deployment, [FreezeScope(model: try row?.value("model", as: String?.self))])
    }

    private static func exists(_ scope: String, _ subject: String, _ connection: PostgresConnection) async throws -> Bool {
        let query: SQL =
            switch scope {
            case "release": "SELECT 1 FROM serving.releases WHERE name = \(subject) AND state <> 'deleted'"
            case "pool": "SELECT 1 FROM serving.pools WHERE name = \(subject) AND state <> 'deleted'"
            default: "SELECT 1 FROM serving.providers WHERE name = \(subject) AND state <> 'deleted'"
            }
        return try await !connection.query(query).isEmpty
    }
}
