/// A JSON text as a tree, read strictly: duplicate keys, trailing commas, byte order marks, invalid UTF-8 and lone surrogates are refused.
///
/// For configuration and small answers. Bodies of customers' requests are scanned in place instead, see `RequestScan`.
package enum JSONValue: Sendable, Equatable {
    case null
    case bool(Bool)
    /// A number without fraction and exponent that fits.
    case integer(Int64)
    /// Any other number.
    case number(Double)
    case string(String)
    case array([JSONValue])
    case object(JSONObject)

    /// Reads one JSON text that must fill `bytes`, white space aside.
    package static func parse(_ bytes: [UInt8], limits: JSONLimits = JSONLimits()) throws(JSONFault) -> JSONValue {
        try JSONTreeParser.parse(bytes, limits: limits)
    }

    package static func parse(_ text: String, limits: JSONLimits = JSONLimits()) throws(JSONFault) -> JSONValue {
        try parse(Array(text.utf8), limits: limits)
    }

    /// Nil when this is no object or has no such member.
    package subscript(key: String) -> JSONValue? { object?[key] }

    package var object: JSONObject? { if case .object(let value) = self { value } else { nil } }
    package var array: [JSONValue]? { if case .array(let value) = self { value } else { nil } }
    package var string: String? { if case .string(let value) = self { value } else { nil } }
    package var bool: Bool? { if case .bool(let value) = self { value } else { nil } }
    package var integer: Int64? { if case .integer(let value) = self { value } else { nil } }

    /// Integers too.
    package var double: Double? {
        switch self {
        case .number(let value): value
        case .integer(let value): Double(value)
        default: nil
        }
    }

    /// What people call this kind of value, for messages: `a string`.
    package var kindName: String {
        switch self {
        case .null: "null"
        case .bool: "a boolean"
        case .integer: "an integer"
        case .number: "a number"
        case .string: "a string"
        case .array: "an array"
        case .object: "an object"
        }
    }
}

/// Members in the order of the text; names are unique.
package struct JSONObject: Sendable, Equatable {
    package struct Member: Sendable, Equatable {
        package let name: String
        package let value: JSONValue
    }

    /// A name by its code points. Strings are equal in Swift when they look equal, names in JSON only when they are written alike (RFC 8259,
    /// section 8.3).
    private struct Name: Hashable {
        let text: String

        static func == (one: Name, other: Name) -> Bool { one.text.utf8.elementsEqual(other.text.utf8) }

        func hash(into hasher: inout Hasher) {
            var text = text
            text.withUTF8 { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
        }
    }

    package private(set) var members: [Member] = []
    private var positions: [Name: Int] = [:]

    package init() {}

    package subscript(name: String) -> JSONValue? {
        guard let position = positions[Name(text: name)] else { return nil }
        return members[position].value
    }

    package var names: [String] { members.map(\.name) }

    /// Puts a member at the end, or a new value in its place; nil changes nothing.
    package mutating func set(_ name: String, _ value: JSONValue?) {
        guard let value else { return }
        guard !append(name, value), let position = positions[Name(text: name)] else { return }
        members[position] = Member(name: name, value: value)
    }

    /// False, and nothing is changed, when there is a member of that name already.
    package mutating func append(_ name: String, _ value: JSONValue) -> Bool {
        guard positions[Name(text: name)] == nil else { return false }
        positions[Name(text: name)] = members.count
        members.append(Member(name: name, value: value))
        return true
    }
}
