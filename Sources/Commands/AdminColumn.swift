import FoundationEssentials
import HTTPWire

/// A column of a table: a title and where in the document its value stands, `a.b` for nested ones.
struct AdminColumn: Sendable, ExpressibleByStringLiteral {
    let title: String
    let path: [String]
    /// Ids are of use only whole: they are not cut to fit the terminal.
    let isWhole: Bool
    /// The value is an integer of microseconds since 1970, to be shown as an instant.
    private let isMicroseconds: Bool

    /// Members that hold ids.
    private static let ids: Set = ["id", "request_id", "tenant", "host", "gateway", "operation", "subject_id", "consumed_by"]

    init(_ title: String, _ path: String, isMicroseconds: Bool = false) {
        self.title = title
        self.path = path.split(separator: ".").map(String.init)
        self.isMicroseconds = isMicroseconds
        isWhole = Self.ids.contains(path)
    }

    init(stringLiteral name: String) {
        self.init(String(name.map { $0 == "_" ? " " : $0 }), name)
    }

    func text(_ row: JSONValue) -> String {
        let value = path.reduce(row as JSONValue?) { value, key in value?[key] }
        if isMicroseconds, let count = value?.integer {
            return Date(timeIntervalSince1970: Double(count) / 1_000_000).formatted(.iso8601)
        }
        return Self.text(value)
    }

    /// To six digits: a person reads a share or a score, what reckons with it asks for JSON.
    private static func rounded(_ number: Double) -> Double {
        guard number != 0, number.isFinite else { return number }
        var scale = 1.0
        while scale.isFinite, number.magnitude * scale < 100_000 { scale *= 10 }
        while scale.isFinite, number.magnitude * scale >= 1_000_000 { scale /= 10 }
        return scale.isFinite ? (number * scale).rounded() / scale : number
    }

    static func text(_ value: JSONValue?) -> String {
        switch value {
        case nil, .null: "-"
        case .string(let text): text.isEmpty ? "-" : PrintableText.clean(text)
        case .bool(let value): value ? "yes" : "no"
        case .number(let number): String(describing: rounded(number))
        case .array(let elements): elements.isEmpty ? "-" : elements.map { text($0) }.joined(separator: ",")
        case .some(let other): JSONPrinter.compact(other)
        }
    }
}
