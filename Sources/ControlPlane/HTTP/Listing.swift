import FoundationEssentials
import Postgres

/// How rows of one kind are shown: their JSON document, where they come from and in which order they are walked.
struct Listing: Sendable {
    /// A JSON object over the row `r`.
    let document: SQL
    /// What follows FROM, with `r` as the main row.
    let source: SQL
    /// Rows that are shown; conditions on `r`.
    var visible: SQL = "TRUE"
    /// What pages are ordered by; with `id` it is unique.
    var order: SQL = "r.created_at"
    var orderType: SQL = "timestamptz"
    var id: SQL = "r.id"
    var idType: SQL = "uuid"
    /// Of a list that asks for none: what only grows is looked at from its end.
    var usualOrder = PageOrder.ascending
    var filters: [Filter] = []

    /// One page: `{"data":[…],"next_cursor":…}`.
    ///
    /// - Parameter names: where names in filters are looked up, when that is not the rows' own room.
    func page(_ call: AdminCall, _ pool: PostgresPool, names: PostgresPool? = nil) async throws -> AdminAnswer {
        let request = try PageRequest(call.query, filters: filters, usual: usualOrder)
        var conditions = [visible]
        for wish in request.wishes {
            conditions.append(try await wish.filter.condition(wish.value, names ?? pool))
        }
        if let cursor = request.cursor { conditions.append(beyond(cursor)) }
        let rows = try await rows(request, conditions, pool)
        let shown = rows.prefix(request.limit)
        let documents = try shown.map { try $0.value("document", as: String.self) }
        var next = "null"
        if rows.count > request.limit, let last = shown.last {
            let cursor = PageCursor(order: request.order, key: try last.value("page_order"), id: try last.value("page_id"))
            next = AdminJSON.string(cursor.text)
        }
        return AdminAnswer(body: "{\"data\":[\(documents.joined(separator: ","))],\"next_cursor\":\(next)}")
    }

    func one(where condition: SQL, _ run: (SQL) async throws -> PostgresRow?) async throws -> (id: String, document: String)? {
        let row = try await run(
            "SELECT (\(id))::text AS page_id, (\(document))::text AS document FROM \(source) WHERE \(visible) AND \(condition) LIMIT 1")
        guard let row else { return nil }
        return (try row.value("page_id"), try row.value("document"))
    }

    private func rows(_ request: PageRequest, _ conditions: [SQL], _ pool: PostgresPool) async throws -> [PostgresRow] {
        let sorting: SQL = request.order == .ascending ? "\(order), \(id)" : "\(order) DESC, \(id) DESC"
        do {
            return try await pool.query(
                """
                SELECT (\(order))::text AS page_order, (\(id))::text AS page_id, (\(document))::text AS document
                FROM \(source) WHERE \(SQL.joined(conditions, separator: " AND ")) ORDER BY \(sorting) LIMIT \(request.limit + 1)
                """)
        } catch let error as PostgresError where error.code == .invalidData && request.cursor != nil {
            throw PageRequest.foreignCursor
        }
    }

    private func beyond(_ cursor: PageCursor) -> SQL {
        let end: SQL = "(\(cursor.key)::\(orderType), \(cursor.id)::\(idType))"
        return cursor.order == .ascending ? "(\(order), \(id)) > \(end)" : "(\(order), \(id)) < \(end)"
    }
}
