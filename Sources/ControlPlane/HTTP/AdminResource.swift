import FoundationEssentials
import HTTPTypes
import Postgres

/// A kind of thing that is a table with a row for each: how it is listed, written, changed and removed.
struct AdminResource: Sendable {
    /// Last part of its path, such as `tenants`.
    let path: String
    /// As audit rows name it.
    let kind: String
    let table: SQL
    let listing: Listing
    /// Names address rows as ids do.
    var isNamed = true
    var fields: [AdminField] = []
    /// Looks at a row that was just written, within the transaction; what it throws undoes the change.
    var check: @Sendable (PostgresConnection, UUID) async throws -> Void = { _, _ in }
    /// Why a row cannot be removed now; nil when it can.
    var blocker: @Sendable (PostgresConnection, UUID) async throws -> String? = { _, _ in nil }

    var reads: [AdminRoute] {
        [
            .read(path) { call, databases in try await listing.page(call, databases.serving) },
            .read("\(path)/{id}") { call, databases in
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
                INSERT INTO \(table) (\(SQL.joined(columns, separator: ", "))) VALUES (\(SQL.joined(values, separator: ", "))) RETURNING id
                """)
            guard let id = try row?.value("id", as: UUID.self) else { throw AdminRefusal.failed }
            try await check(connection, id)
            return try await change(connection, id, "create", status: .created)
        }
    }

    var update: AdminRoute {
        .change(.patch, "\(path)/{id}") { call, fields, connection in
            let id = try await locked(call.reference, connection)
            let assignments = try assignments(&fields)
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
        let row = try await connection.queryOne(
            "SELECT r.id FROM \(table) AS r WHERE \(listing.visible) AND \(condition(reference)) FOR UPDATE OF r")
        guard let row else { throw AdminRefusal.notFound }
        return try row.value("id")
    }

    func find(_ reference: String, _ run: (SQL) async throws -> PostgresRow?) async throws -> (id: String, document: String) {
        guard let found = try await listing.one(where: condition(reference), run) else { throw AdminRefusal.notFound }
        return found
    }

    private func find(_ id: UUID, _ connection: PostgresConnection) async throws -> String {
        try await find(id.uuidString) { try await connection.queryOne($0) }.document
    }

    private func condition(_ reference: String) -> SQL {
        if let id = UUID(uuidString: reference) { return "r.id = \(id)" }
        return isNamed ? "r.name = \(reference)" : "FALSE"
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
