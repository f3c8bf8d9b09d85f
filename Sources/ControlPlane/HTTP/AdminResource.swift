import FoundationEssentials
import HTTPTypes
import Postgres

/// A kind of thing that is a table with a row for each: how it is listed, written, changed and removed.
struct AdminResource: Sendable {
    /// How rows are addressed beside their id.
    enum Naming: Sendable {
        /// By nothing else.
        case none
        /// By a name that no other visible row has.
        case unique
        /// By a name that others may have too: those that are revoked make way for one that is not, and what is left must be one.
        case shared
    }

    /// Last part of its path, such as `tenants`.
    let path: String
    /// As audit rows name it.
    let kind: String
    let table: SQL
    let listing: Listing
    var naming = Naming.unique
    var fields: [AdminField] = []
    /// Looks at a row that was just written, within the transaction; what it throws undoes the change.
    var check: @Sendable (PostgresConnection, UUID) async throws -> Void = { _, _ in }
    /// Why a row cannot be removed now; nil when it can.
    var blocker: @Sendable (PostgresConnection, UUID) async throws -> String? = { _, _ in nil }
    /// Whether a row may be changed or removed now, by whom; what it throws refuses that.
    var gate: @Sendable (AdminCall, PostgresConnection, UUID) async throws -> Void = { _, _, _ in }
    /// Changes that the gate lets pass unasked.
    var isFree: @Sendable (FieldReader) -> Bool = { _ in false }
    /// Other tables refer to its rows by name, so a name stands in one row for ever; a new thing of a deleted name takes that row over.
    var reusesNames = false

    var reads: [AdminRoute] {
        [
            .read(path) { call, databases in try await listing.page(call, databases.serving) },
            .read("\(path)/{id}") { call, databases in
                try call.refuseQuery()
                let found = try await find(call.reference) { try await databases.serving.queryOne($0) }
                return AdminAnswer(body: found.document)
            },
        ]
    }

    var creation: AdminRoute {
        .change(.post, path) { call, fields, connection in
            let (columns, values) = try creationValues(&fields)
            let row = try await connection.queryOne(
                """
                INSERT INTO \(table) AS r (\(SQL.joined(columns, separator: ", "))) VALUES (\(SQL.joined(values, separator: ", ")))
                \(reusesNames ? takeOver : "") RETURNING id
                """)
            guard let id = try row?.value("id", as: UUID.self) else {
                throw AdminRefusal.conflict("already_exists", "this name is taken", param: "name")
            }
            if reusesNames { try await resetWeight(connection, id, by: call.actor.label) }
            try await check(connection, id)
            return try await change(connection, id, "create", status: .created)
        }
    }

    /// Everything of the deleted row is as if the row were new, its id too.
    private var takeOver: SQL {
        let names = fields.map(\.name.description).filter { $0 != "name" && $0 != "state" }
        let own = fields.filter { names.contains($0.name.description) }.map { field -> SQL in
            "\(identifier: field.name) = EXCLUDED.\(identifier: field.name)"
        }
        let assignments: [SQL] =
            own + ["id = EXCLUDED.id", "state = EXCLUDED.state", "created_at = now()", "updated_at = now()", "deleted_at = NULL"]
        return "ON CONFLICT (name) DO UPDATE SET \(SQL.joined(assignments, separator: ", ")) WHERE r.state = 'deleted'"
    }

    /// A weight that the deleted one of this name had must not hold for the new one.
    private func resetWeight(_ connection: PostgresConnection, _ id: UUID, by actor: String) async throws {
        try await connection.execute(
            """
            INSERT INTO serving.routing_weights (scope, subject, weight_ppm, source, reason, actor)
            SELECT weight.scope, weight.subject, 1000000, 'default', 'made anew after it was deleted', \(actor)
            FROM \(table) AS r JOIN serving.current_routing_weights AS weight ON weight.scope = \(kind) AND weight.subject = r.name
            WHERE r.id = \(id)
            """)
    }

    var update: AdminRoute {
        .change(.patch, "\(path)/{id}") { call, fields, connection in
            let id = try await locked(call.reference, connection)
            let assignments = try assignments(&fields)
            if !isFree(fields) { try await gate(call, connection, id) }
            try await connection.execute(
                "UPDATE \(table) SET \(SQL.joined(assignments, separator: ", ")), updated_at = now() WHERE id = \(id)")
            try await check(connection, id)
            return try await change(connection, id, "update")
        }
    }

    /// Marks the row as deleted; nothing refers to it any more.
    var removal: AdminRoute {
        .change(.delete, "\(path)/{id}") { call, fields, connection in
            try fields.finish()
            let id = try await locked(call.reference, connection)
            try await gate(call, connection, id)
            if let reason = try await blocker(connection, id) { throw AdminRefusal.conflict("in_use", reason) }
            let document = try await find(id, connection)
            try await connection.execute("UPDATE \(table) SET state = 'deleted', deleted_at = now(), updated_at = now() WHERE id = \(id)")
            return AdminChange(document: document, action: "delete", subjectKind: kind, subjectId: id.uuidString.lowercased())
        }
    }

    /// What a change of one row answers.
    func change(_ connection: PostgresConnection, _ id: UUID, _ action: String, status: HTTPResponse.Status = .ok) async throws -> AdminChange {
        AdminChange(
            status: status, document: try await find(id, connection), action: action, subjectKind: kind,
            subjectId: id.uuidString.lowercased())
    }

    /// The id of a visible row, locked until the transaction ends.
    func locked(_ reference: String, _ connection: PostgresConnection) async throws -> UUID {
        let id = try await id(of: reference) { try await connection.queryOne($0) }
        let row = try await connection.queryOne(
            "SELECT r.id FROM \(table) AS r WHERE \(listing.visible) AND r.id = \(id) FOR UPDATE OF r")
        guard let row else { throw AdminRefusal.notFound }
        return try row.value("id")
    }

    func find(_ reference: String, _ run: (SQL) async throws -> PostgresRow?) async throws -> (id: String, document: String) {
        let id = try await id(of: reference, run)
        guard let found = try await listing.one(where: "r.id = \(id)", run) else { throw AdminRefusal.notFound }
        return found
    }

    /// The id behind a name; nil when nothing visible has it. Throws `ambiguous` when several rows have it.
    func id(named name: String, _ run: (SQL) async throws -> PostgresRow?) async throws -> UUID? {
        guard naming != .none else { return nil }
        let preferred: SQL =
            naming == .unique
            ? "TRUE"
            : "(r.state <> 'revoked' OR NOT EXISTS (SELECT 1 FROM \(table) AS other WHERE other.name = r.name AND other.state <> 'revoked'))"
        let row = try await run(
            "SELECT count(*) AS found, min(r.id::text) AS id FROM \(table) AS r WHERE \(listing.visible) AND r.name = \(name) AND \(preferred)")
        guard let row, let id: String = try row.value("id", as: String?.self) else { return nil }
        guard try row.value("found", as: Int.self) == 1 else {
            throw AdminRefusal.conflict("ambiguous", "more than one of the \(path) has this name; give the id")
        }
        return UUID(uuidString: id)
    }

    private func id(of reference: String, _ run: (SQL) async throws -> PostgresRow?) async throws -> UUID {
        if let id = UUID(uuidString: reference) { return id }
        guard let id = try await id(named: reference, run) else { throw AdminRefusal.notFound }
        return id
    }

    private func find(_ id: UUID, _ connection: PostgresConnection) async throws -> String {
        try await find(id.uuidString) { try await connection.queryOne($0) }.document
    }

    private func creationValues(_ reader: inout FieldReader) throws -> (columns: [SQL], values: [SQL]) {
        var columns: [SQL] = []
        var values: [SQL] = []
        for field in fields where field.presence != .later {
            guard let value = reader.value(field) else { continue }
            columns.append("\(identifier: field.name)")
            values.append("\(value)")
        }
        try reader.finish()
        return (columns, values)
    }

    private func assignments(_ reader: inout FieldReader) throws -> [SQL] {
        var assignments: [SQL] = []
        for field in fields where field.isChangeable && reader.has(field.name.description) {
            if let value = reader.value(field) {
                assignments.append("\(identifier: field.name) = \(value)")
            } else {
                assignments.append("\(identifier: field.name) = NULL")
            }
        }
        try reader.finish()
        guard !assignments.isEmpty else { throw AdminRefusal(.badRequest, code: "nothing_to_change", "the body names no field to change") }
        return assignments
    }
}
