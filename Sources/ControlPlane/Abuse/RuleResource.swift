import Domain
import FoundationEssentials
import HTTPTypes
import Postgres

/// Rules on the text of prompts and on the addresses that keys are used from, of one tenant or of all.
enum RuleResource {
    /// Of one tenant or of all together.
    private static let most = 10_000

    static let resource = AdminResource(
        path: "rules", kind: "rule", table: "serving.rules",
        listing: Listing(
            document: """
                json_build_object('id', r.id, 'name', r.name, 'tenant', r.tenant_id, 'kind', r.kind, 'pattern', r.pattern,
                    'case_sensitive', r.case_sensitive, 'action', r.action, 'message', r.message, 'state', r.state,
                    'created_at', serving.wire_time(r.created_at), 'updated_at', serving.wire_time(r.updated_at))
                """,
            source: "serving.rules AS r", visible: "r.state <> 'deleted'",
            filters: [
                .reference("tenant", "r.tenant_id", to: .tenants), .text("kind", "r.kind"), .text("action", "r.action"), .text("state", "r.state"),
            ]),
        fields: [
            AdminField("name", .slug, .required, changeable: false),
            AdminField("kind", .choice(["literal", "expression", "address"]), .required, changeable: false),
            AdminField("pattern", .text(1...4000), .required),
            AdminField("case_sensitive", .boolean),
            AdminField("action", .choice(["refuse", "flag"]), .required),
            AdminField("message", .label, nullable: true),
            AdminField("state", .choice(["active", "paused"]), .later),
        ],
        check: { connection, id in try await check(connection, id) })

    static let creation = AdminRoute.change(.post, "rules") { call, fields, connection in
        let reference = fields.text("tenant", .reference)
        var columns: [SQL] = []
        var values: [SQL] = []
        for field in resource.fields where field.presence != .later {
            guard let value = fields.value(field) else { continue }
            columns.append(", \(identifier: field.name)")
            values.append(", \(value)")
        }
        try fields.finish()
        let tenant = try await tenant(reference, connection)
        let row = try await connection.queryOne(
            """
            INSERT INTO serving.rules (tenant_id\(SQL.joined(columns, separator: "")))
            VALUES (\(tenant)\(SQL.joined(values, separator: ""))) RETURNING id
            """)
        guard let id = try row?.value("id", as: UUID.self) else { throw AdminRefusal.failed }
        try await check(connection, id)
        return try await resource.change(connection, id, "create", status: .created)
    }

    private static func tenant(_ reference: String?, _ connection: PostgresConnection) async throws -> UUID? {
        guard let reference else { return nil }
        do {
            return try await AdminResource.tenants.locked(reference, connection)
        } catch is AdminRefusal {
            throw AdminRefusal.fault("tenant", "does not exist")
        }
    }

    /// Gateways compile what they are sent; nothing that they could not compile is ever sent.
    private static func check(_ connection: PostgresConnection, _ id: UUID) async throws {
        let row = try await connection.queryOne(
            "SELECT kind, pattern, case_sensitive, action, tenant_id FROM serving.rules WHERE id = \(id)")
        guard let row else { throw AdminRefusal.notFound }
        if try row.value("kind", as: String.self) == "address" {
            guard AddressRange(try row.value("pattern", as: String.self)) != nil else {
                throw AdminRefusal.fault("pattern", "must be an address or a range such as 192.0.2.0/24 or 2001:db8::/32")
            }
            guard try row.value("action", as: String.self) == "refuse" else { throw AdminRefusal.fault("action", "must be refuse for addresses") }
            return
        }
        do throws(PatternFault) {
            try pattern(row).validate()
        } catch {
            throw AdminRefusal.fault("pattern", "\(error.message) (character \(error.offset + 1))")
        }
        try await checkTogether(connection, tenant: try row.value("tenant_id"))
    }

    private static func checkTogether(_ connection: PostgresConnection, tenant: UUID?) async throws {
        let rows = try await connection.query(
            """
            SELECT kind, pattern, case_sensitive FROM serving.rules
            WHERE tenant_id IS NOT DISTINCT FROM \(tenant)::uuid AND state <> 'deleted' AND kind <> 'address'
            """)
        guard rows.count <= most else { throw AdminRefusal.conflict("too_many", "there are \(most) rules already") }
        guard (try? PatternSet(rows.map(pattern))) != nil else {
            throw AdminRefusal.fault("pattern", "all rules together are too large for a gateway")
        }
    }

    private static func pattern(_ row: PostgresRow) throws(PatternFault) -> Pattern {
        do {
            let form: Pattern.Form = try row.value("kind", as: String.self) == "literal" ? .literal : .expression
            return Pattern(form, try row.value("pattern"), ignoresCase: try !row.value("case_sensitive", as: Bool.self))
        } catch {
            throw PatternFault("cannot be read", at: 0)
        }
    }
}
