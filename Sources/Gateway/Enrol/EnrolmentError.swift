/// Why a gateway has no identity, or why the control plane did not answer a call made with it.
package struct EnrolmentError: Error, Sendable, CustomStringConvertible {
    package struct Code: Sendable, Equatable, CustomStringConvertible {
        private enum Kind: String {
            case badToken, untrusted, unreachable, refused, badAnswer, state
        }

        private let kind: Kind

        package static let badToken = Code(kind: .badToken)
        /// A certificate, an authority or a pin is not what it must be.
        package static let untrusted = Code(kind: .untrusted)
        /// Asking again later can help; after all other codes it cannot.
        package static let unreachable = Code(kind: .unreachable)
        package static let refused = Code(kind: .refused)
        package static let badAnswer = Code(kind: .badAnswer)
        /// A file of the state folder cannot be read or written.
        package static let state = Code(kind: .state)

        package var description: String { kind.rawValue }
    }

    package let code: Code
    package let message: String
    package let cause: (any Error)?
    /// When the control plane wants to be asked again; nil: it did not say.
    package let retryAfter: Duration?

    init(_ code: Code, _ message: String, cause: (any Error)? = nil, retryAfter: Duration? = nil) {
        self.code = code
        self.message = message
        self.cause = cause
        self.retryAfter = retryAfter
    }

    package var description: String { "\(code): \(message)" }
}
