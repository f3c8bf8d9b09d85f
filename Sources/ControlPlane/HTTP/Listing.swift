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
    /// Ascending order of pages; with `id` it is unique.
    var order: SQL = "r.created_at"
    var orderType: SQL = "timestamptz"
    var id: SQL = "r.id"
    var idType: SQL = "uuid"
    var filters: [Filter] = []

    /// A query parameter and the condition that it makes.
    struct Filter: Sendable {
        let name: String
        let condition: @Sendable (String) throws -> SQL

        /// Rows whose column has that text.
        static func text(_ name: String, _ column: SQL) -> Filter {
            Filter(name: name) { value in "\(column)::text = \(value)" }
        }

        static func uuid(_ name: String, _ column: SQL) -> Filter {
            Filter(name: name) { value in
                guard let id = UUID(uuidString: value) else { throw AdminRefusal.fault(name, "must be a UUID") }
                return "\(column) = \(id)"
            }
        }

        static func since(_ column: SQL) -> Filter {
            Filter(name: "since") { value in
                guard let date = try? Date(value, strategy: .iso8601) else {
                    throw AdminRefusal.fault("since", "must be an instant such as 2030-01-31T12:00:00Z")
                }
                return "\(column) >= \(date)"
            }
        }
    }

    /// One page: `{"data":[…],"next_cursor":…}`.
    func page(_ call: AdminCall, _ pool: PostgresPool) async throws -> AdminAnswer {
        let request = try PageRequest(call.query, filters: filters)
        var conditions = [visible] + request.conditions
        if let cursor = request.cursor {
            conditions.append("(\(order), \(id)) > (\(cursor.order)::\(orderType), \(cursor.id)::\(idType))")
        }
        let rows = try await pool.query(
            """
            SELECT (\(order))::text AS page_order, (\(id))::text AS page_id, (\(document))::text AS document
            FROM \(source) WHERE \(SQL.joined(conditions, separator: " AND ")) ORDER BY \(order), \(id) LIMIT \(request.limit + 1)
            """)
        let shown = rows.prefix(request.limit)
        let documents = try shown.map { try $0.value("document", as: String.self) }
        var next = "null"
        if rows.count > request.limit, let last = shown.last {
            next = AdminJSON.string(PageCursor(order: try last.value("page_order"), id: try last.value("page_id")).text)
        }
        return AdminAnswer(body: "{\"data\":[\(documents.joined(separator: ","))],\"next_cursor\":\(next)}")
    }

    func one(where condition: SQL, _ run: (SQL) async throws -> PostgresRow?) async throws -> (id: String, document: String)? {
        let row = try await run(
            "SELECT (\(id))::text AS page_id, (\(document))::text AS document FROM \(source) WHERE \(visible) AND \(condition) LIMIT 1")
        guard let row else { return nil }
        return (try row.value("page_id"), try row.value("document"))
    }
}

/// `limit` and `cursor` of a query, and the listing's own filters; anything else is refused.
struct PageRequest {
    var limit = 50
    var cursor: PageCursor?
    var conditions: [SQL] = []

    init(_ query: [String: String], filters: [Listing.Filter]) throws {
        for (name, value) in query.sorted(by: { $0.key < $1.key }) {
            switch name {
            case "limit":
                guard let number = Int(value), (1...200).contains(number) else { throw AdminRefusal.fault(name, "must be 1 to 200") }
                limit = number
            case "cursor":
                guard let read = PageCursor(value) else { throw AdminRefusal.fault(name, "is not a cursor that was given out here") }
                cursor = read
            default:
                guard let filter = filters.first(where: { $0.name == name }) else {
                    throw AdminRefusal.fault(name, "is not a parameter of this list")
                }
                conditions.append(try filter.condition(value))
            }
        }
    }
}

/// Where a page ended: opaque to clients, base64url of the two sort keys.
struct PageCursor {
    let order: String
    let id: String

    init(order: String, id: String) {
        self.order = order
        self.id = id
    }

    init?(_ text: String) {
        let standard = String(text.map { $0 == "-" ? "+" : $0 == "_" ? "/" : $0 })
        let padding = String(repeating: "=", count: (4 - standard.utf8.count % 4) % 4)
        guard let data = Data(base64Encoded: standard + padding) else { return nil }
        let parts = String(decoding: data, as: UTF8.self).split(separator: "\n", omittingEmptySubsequences: false)
        guard parts.count == 2 else { return nil }
        self.init(order: String(parts[0]), id: String(parts[1]))
    }

    var text: String {
        Data("\(order)\n\(id)".utf8).base64EncodedString().compactMap { character -> String? in
            switch character {
            case "+": "-"
            case "/": "_"
            case "=": nil
            default: String(character)
            }
        }.joined()
    }
}
