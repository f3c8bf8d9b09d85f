package import FoundationEssentials

/// One parameter: in PostgreSQL's text format, or bytes as they are.
package struct SQLValue: Sendable {
    enum Form {
        case null
        case text(String)
        case bytes([UInt8])
    }

    let form: Form

    init(_ text: String?) { form = text.map { .text($0) } ?? .null }

    init(bytes: [UInt8]) { form = .bytes(bytes) }

    /// Nil is NULL.
    var text: String? {
        switch form {
        case .null: nil
        case .text(let text): text
        case .bytes(let bytes): bytes.withUnsafeBytes(ByteaText.encode)
        }
    }
}

extension SQLValue: CustomStringConvertible {
    /// Fixed, because values must never reach a log.
    package var description: String { "value" }
}

/// A type whose values can be bound to a parameter or written by COPY.
package protocol SQLBindable: Sendable {
    var sqlValue: SQLValue { get }
}

extension Int: SQLBindable {
    package var sqlValue: SQLValue { SQLValue(String(self)) }
}

extension Int32: SQLBindable {
    package var sqlValue: SQLValue { SQLValue(String(self)) }
}

extension Int64: SQLBindable {
    package var sqlValue: SQLValue { SQLValue(String(self)) }
}

extension Double: SQLBindable {
    package var sqlValue: SQLValue { SQLValue(isNaN ? "NaN" : isInfinite ? (self < 0 ? "-Infinity" : "Infinity") : String(self)) }
}

extension Bool: SQLBindable {
    package var sqlValue: SQLValue { SQLValue(self ? "t" : "f") }
}

extension String: SQLBindable {
    package var sqlValue: SQLValue { SQLValue(self) }
}

extension UUID: SQLBindable {
    package var sqlValue: SQLValue { SQLValue(uuidString.lowercased()) }
}

extension Date: SQLBindable {
    package var sqlValue: SQLValue { SQLValue(PostgresTimestamp.text(self)) }
}

extension Optional: SQLBindable where Wrapped: SQLBindable {
    package var sqlValue: SQLValue { self?.sqlValue ?? SQLValue(nil) }
}

extension RawRepresentable where RawValue: SQLBindable, Self: SQLBindable {
    package var sqlValue: SQLValue { rawValue.sqlValue }
}

extension UInt8: SQLBindable {
    package var sqlValue: SQLValue { SQLValue(String(self)) }
}

extension Array: SQLBindable where Element: SQLBindable {
    package var sqlValue: SQLValue {
        // Not by a cast, which looks at each of them.
        if Element.self == UInt8.self { return SQLValue(bytes: withUnsafeBytes { Array<UInt8>($0) }) }
        return SQLValue(ArrayLiteral.encode(map(\.sqlValue.text)))
    }
}
