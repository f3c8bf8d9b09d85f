import FoundationEssentials
import Postgres

extension Listing {
    /// A query parameter and the condition that it makes. Names are looked up in the serving room, whose pool is handed in.
    struct Filter: Sendable {
        let name: String
        let condition: @Sendable (String, PostgresPool) async throws -> SQL

        /// Rows whose column has that text.
        static func text(_ name: String, _ column: SQL) -> Filter {
            Filter(name: name) { value, _ in "\(column)::text = \(value)" }
        }

        /// Rows whose column has that text, which must be one of the options.
        static func choice(_ name: String, _ column: SQL, _ options: [String]) -> Filter {
            Filter(name: name) { value, _ in
                guard options.contains(value) else { throw AdminRefusal.fault(name, "must be one of \(options.joined(separator: ", "))") }
                return "\(column) = \(value)"
            }
        }

        static func uuid(_ name: String, _ column: SQL) -> Filter {
            Filter(name: name) { value, _ in
                guard let id = UUID(uuidString: value) else { throw AdminRefusal.fault(name, "must be a UUID") }
                return "\(column) = \(id)"
            }
        }

        /// Rows that belong to something else, which is given by its id or name.
        static func reference(_ name: String, _ column: SQL, to resource: AdminResource) -> Filter {
            Filter(name: name) { value, names in
                if let id = UUID(uuidString: value) { return "\(column) = \(id)" }
                guard let id = try await resource.id(named: value, { try await names.queryOne($0) }) else {
                    throw AdminRefusal.fault(name, "does not exist")
                }
                return "\(column) = \(id)"
            }
        }

        /// From this instant on.
        static func since(_ column: SQL) -> Filter {
            Filter(name: "since") { value, _ in "\(column) >= \(try instant("since", value))" }
        }

        /// Before this instant.
        static func until(_ column: SQL) -> Filter {
            Filter(name: "until") { value, _ in "\(column) < \(try instant("until", value))" }
        }

        private static func instant(_ name: String, _ value: String) throws -> Date {
            guard let date = try? Date(value, strategy: .iso8601) else {
                throw AdminRefusal.fault(name, "must be an instant such as 2030-01-31T12:00:00Z")
            }
            return date
        }
    }
}
