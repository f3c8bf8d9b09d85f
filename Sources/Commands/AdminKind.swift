import HTTPWire

/// A kind of resource of the admin API, as the command line shows it.
protocol AdminKind: Sendable {
    /// Last part of its path; also the name of its group of commands.
    static var path: String { get }
    /// One of them, for messages.
    static var noun: String { get }
    static var columns: [AdminColumn] { get }
    /// Query parameters of its list.
    static var filters: [String] { get }
}

extension AdminKind {
    static var filters: [String] { [] }
}

/// A column of a table: a title and where in the document its value stands, `a.b` for nested ones.
struct AdminColumn: Sendable, ExpressibleByStringLiteral {
    let title: String
    let path: [String]

    init(_ title: String, _ path: String) {
        self.title = title
        self.path = path.split(separator: ".").map(String.init)
    }

    init(stringLiteral name: String) {
        self.init(String(name.map { $0 == "_" ? " " : $0 }), name)
    }

    func text(_ row: JSONValue) -> String {
        Self.text(path.reduce(row as JSONValue?) { value, key in value?[key] })
    }

    static func text(_ value: JSONValue?) -> String {
        switch value {
        case nil, .null: "-"
        case .string(let text): text.isEmpty ? "-" : text
        case .bool(let value): value ? "yes" : "no"
        case .array(let elements): elements.isEmpty ? "-" : elements.map { text($0) }.joined(separator: ",")
        case .some(let other): JSONPrinter.compact(other)
        }
    }
}
