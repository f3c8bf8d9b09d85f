import FoundationEssentials

/// Which end of a list its first page is.
enum PageOrder: String, Sendable {
    case ascending = "asc"
    case descending = "desc"
}

/// `limit`, `order` and `cursor` of a query, and the listing's own filters; anything else is refused.
struct PageRequest {
    var limit = 50
    var order: PageOrder
    var cursor: PageCursor?
    var wishes: [(filter: Listing.Filter, value: String)] = []

    static let foreignCursor = AdminRefusal.fault("cursor", "is not a cursor that was given out here")

    init(_ query: [String: String], filters: [Listing.Filter], usual: PageOrder) throws {
        order = usual
        for (name, value) in query.sorted(by: { $0.key < $1.key }) {
            switch name {
            case "limit":
                guard let number = Int(value), (1...200).contains(number) else { throw AdminRefusal.fault(name, "must be 1 to 200") }
                limit = number
            case "order":
                guard let read = PageOrder(rawValue: value) else { throw AdminRefusal.fault(name, "must be asc or desc") }
                order = read
            case "cursor":
                guard let read = PageCursor(value) else { throw Self.foreignCursor }
                cursor = read
            default:
                guard let filter = filters.first(where: { $0.name == name }) else {
                    throw AdminRefusal.fault(name, "is not a parameter of this list")
                }
                wishes.append((filter, value))
            }
        }
        guard cursor.map({ $0.order == order }) ?? true else { throw AdminRefusal.fault("cursor", "is of a list in the other order") }
    }
}

/// Where a page ended: opaque to clients, base64url of the order and the two sort keys.
struct PageCursor {
    let order: PageOrder
    let key: String
    let id: String

    init(order: PageOrder, key: String, id: String) {
        self.order = order
        self.key = key
        self.id = id
    }

    init?(_ text: String) {
        let standard = String(text.map { $0 == "-" ? "+" : $0 == "_" ? "/" : $0 })
        let padding = String(repeating: "=", count: (4 - standard.utf8.count % 4) % 4)
        guard let data = Data(base64Encoded: standard + padding) else { return nil }
        let parts = String(decoding: data, as: UTF8.self).split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 3, let order = PageOrder(rawValue: parts[0]) else { return nil }
        self.init(order: order, key: parts[1], id: parts[2])
    }

    var text: String {
        Data("\(order.rawValue)\n\(key)\n\(id)".utf8).base64EncodedString().compactMap { character -> String? in
            switch character {
            case "+": "-"
            case "/": "_"
            case "=": nil
            default: String(character)
            }
        }.joined()
    }
}
