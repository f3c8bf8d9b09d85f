/// A statement whose interpolated values are bound as parameters and never become part of its text.
///
///     try await pool.query("SELECT name FROM serving.tenants WHERE id = \(id)")
///
/// Fragments of the same type nest, so that a condition can be built apart. Names that are known in code, and only those, are written
/// with `\(identifier:)`.
package struct SQL: Sendable, ExpressibleByStringInterpolation {
    enum Piece: Sendable {
        case text(String)
        case value(SQLValue)
    }

    var pieces: [Piece]

    package init(stringLiteral value: StaticString) {
        pieces = [.text(value.description)]
    }

    package init(stringInterpolation: StringInterpolation) {
        pieces = stringInterpolation.pieces
    }

    package struct StringInterpolation: StringInterpolationProtocol {
        var pieces: [Piece] = []

        package init(literalCapacity: Int, interpolationCount: Int) {
            pieces.reserveCapacity(interpolationCount * 2 + 1)
        }

        package mutating func appendLiteral(_ literal: StaticString) {
            pieces.append(.text(literal.description))
        }

        package mutating func appendInterpolation(_ value: some SQLBindable) {
            pieces.append(.value(value.sqlValue))
        }

        package mutating func appendInterpolation(_ value: (some SQLBindable)?) {
            pieces.append(.value(value.sqlValue))
        }

        package mutating func appendInterpolation(_ fragment: SQL) {
            pieces += fragment.pieces
        }

        /// A name that stands in the source code; quoted.
        package mutating func appendInterpolation(identifier: StaticString) {
            pieces.append(.text(SQL.quoted(identifier.description)))
        }
    }

    /// Joins fragments, for example conditions with ` AND `.
    package static func joined(_ fragments: [SQL], separator: StaticString) -> SQL {
        var result: SQL = ""
        for (index, fragment) in fragments.enumerated() {
            if index > 0 { result.pieces.append(.text(separator.description)) }
            result.pieces += fragment.pieces
        }
        return result
    }

    /// Text with `$1`, `$2`, … and the values in that order.
    func rendered() -> (text: String, values: [SQLValue]) {
        var text = ""
        var values: [SQLValue] = []
        for piece in pieces {
            switch piece {
            case .text(let part):
                text += part
            case .value(let value):
                values.append(value)
                text += "$\(values.count)"
            }
        }
        return (text, values)
    }

    static func quoted(_ name: String) -> String {
        "\"" + name.split(separator: "\"", omittingEmptySubsequences: false).joined(separator: "\"\"") + "\""
    }
}

extension SQL: CustomStringConvertible {
    /// Fixed, because a statement must never reach a log.
    package var description: String { "SQL" }
}
