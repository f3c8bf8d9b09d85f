package import FoundationEssentials

/// One parameter in PostgreSQL's text format; nil is NULL.
package struct SQLValue: Sendable {
    let text: String?

    init(_ text: String?) {
        self.text = text
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
        if Element.self == UInt8.self { return SQLValue(withUnsafeBytes(ByteaText.encode)) }
        return SQLValue(ArrayLiteral.encode(map(\.sqlValue.text)))
    }
}
