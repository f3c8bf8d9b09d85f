import FoundationEssentials
import Postgres

/// `limit` and `after` of a query, as in the lists of the OpenAI API.
struct CapturePage: Equatable {
    /// Bytes of records, sealed, after which a page ends.
    private static let mostBytes = 4 << 20

    private(set) var limit = 20
    /// The last record of the page before.
    private(set) var after: UUID?

    /// - Parameter query: As it stands behind the `?`.
    init(_ query: String?) throws(AdminRefusal) {
        for pair in (query ?? "").split(separator: "&") {
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            let value = parts.count > 1 ? parts[1] : ""
            switch parts[0] {
            case "limit":
                guard let number = Int(value), (1...100).contains(number) else { throw .fault("limit", "must be 1 to 100") }
                limit = number
            case "after":
                guard let id = UUID(uuidString: value) else { throw .fault("after", "must be the id of a record") }
                after = id
            default: throw .fault(String(parts[0].prefix(64)), "is not a parameter of this list")
            }
        }
    }

    /// On rows `record` of a capture.
    func condition(_ capture: UUID) -> SQL {
        guard let after else { return "TRUE" }
        return """
            (record.at, record.id) > (SELECT last.at, last.id FROM serving.capture_records AS last WHERE last.id = \(after) AND last.capture_id = \(capture))
            """
    }

    /// Those that fit, one at least.
    ///
    /// - Parameter records: In their order, with their bytes.
    func shown(_ records: [(id: UUID, bytes: Int)]) -> [UUID] {
        var total = 0
        return records.prefix(limit).prefix { record in
            defer { total += record.bytes }
            return total == 0 || total + record.bytes <= Self.mostBytes
        }.map(\.id)
    }
}
