package import FoundationEssentials

/// A type that a column can be read as, out of PostgreSQL's text format.
package protocol ColumnDecodable {
    /// Nil when the text is not of this type. `text` is nil for NULL.
    static func decodeColumn(_ text: String?) -> Self?
}

extension Int: ColumnDecodable {
    package static func decodeColumn(_ text: String?) -> Int? { text.flatMap { Int($0) } }
}

extension Int32: ColumnDecodable {
    package static func decodeColumn(_ text: String?) -> Int32? { text.flatMap { Int32($0) } }
}

extension Int64: ColumnDecodable {
    package static func decodeColumn(_ text: String?) -> Int64? { text.flatMap { Int64($0) } }
}

extension Double: ColumnDecodable {
    package static func decodeColumn(_ text: String?) -> Double? { text.flatMap { Double($0) } }
}

extension Bool: ColumnDecodable {
    package static func decodeColumn(_ text: String?) -> Bool? { text == "t" ? true : text == "f" ? false : nil }
}

extension String: ColumnDecodable {
    package static func decodeColumn(_ text: String?) -> String? { text }
}

extension UUID: ColumnDecodable {
    package static func decodeColumn(_ text: String?) -> UUID? { text.flatMap { UUID(uuidString: $0) } }
}

extension Date: ColumnDecodable {
    package static func decodeColumn(_ text: String?) -> Date? { text.flatMap { PostgresTimestamp.parse($0) } }
}

extension UInt8: ColumnDecodable {
    package static func decodeColumn(_ text: String?) -> UInt8? { text.flatMap { UInt8($0) } }
}

extension Optional: ColumnDecodable where Wrapped: ColumnDecodable {
    package static func decodeColumn(_ text: String?) -> Wrapped?? {
        guard let text else { return .some(.none) }
        return Wrapped.decodeColumn(text).map { .some($0) }
    }
}

extension Array: ColumnDecodable where Element: ColumnDecodable {
    package static func decodeColumn(_ text: String?) -> [Element]? {
        guard let text else { return nil }
        // Not by a cast, which looks at each of them.
        if Element.self == UInt8.self { return ByteaText.decode(text)?.withUnsafeBytes { Array($0.bindMemory(to: Element.self)) } }
        guard let elements = ArrayLiteral.decode(text) else { return nil }
        var decoded: [Element] = []
        decoded.reserveCapacity(elements.count)
        for element in elements {
            guard let value = Element.decodeColumn(element) else { return nil }
            decoded.append(value)
        }
        return decoded
    }
}

extension RawRepresentable where RawValue: ColumnDecodable, Self: ColumnDecodable {
    package static func decodeColumn(_ text: String?) -> Self? { RawValue.decodeColumn(text).flatMap { Self(rawValue: $0) } }
}
