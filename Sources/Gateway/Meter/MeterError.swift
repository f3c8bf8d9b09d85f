/// Why the spool, the shipping of records or their reading failed.
package struct MeterError: Error, Sendable, CustomStringConvertible {
    package struct Code: Sendable, Equatable, CustomStringConvertible {
        private enum Kind: String {
            case file, directoryInUse, cursor, refused
        }

        private let kind: Kind
        package static let file = Code(kind: .file)
        /// Another process holds the spool's directory.
        package static let directoryInUse = Code(kind: .directoryInUse)
        package static let cursor = Code(kind: .cursor)
        /// The control plane did not take a batch.
        package static let refused = Code(kind: .refused)

        package var description: String { kind.rawValue }
    }

    package let code: Code
    package let message: String
    package let cause: (any Error)?

    package init(_ code: Code, _ message: String, cause: (any Error)? = nil) {
        self.code = code
        self.message = message
        self.cause = cause
    }

    package var description: String { "\(code): \(message)" }
}
