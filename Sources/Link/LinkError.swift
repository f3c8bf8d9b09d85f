/// Why a link could not be made, or was refused or lost. Messages name peers by identity and address, never content of requests.
package struct LinkError: Error, Sendable, CustomStringConvertible {
    package struct Code: Sendable, Hashable, CustomStringConvertible {
        private enum Wrapped: String, Sendable {
            case badCredentials = "bad_credentials"
            case badAddress = "bad_address"
            case connectFailed = "connect_failed"
            case handshakeFailed = "handshake_failed"
            case peerRefused = "peer_refused"
            case peerDenied = "peer_denied"
            case protocolViolation = "protocol_violation"
            case silent
            case closed
        }

        private let wrapped: Wrapped

        private init(_ wrapped: Wrapped) {
            self.wrapped = wrapped
        }

        /// Certificate, key or authorities cannot be used.
        package static let badCredentials = Code(.badCredentials)
        package static let badAddress = Code(.badAddress)
        package static let connectFailed = Code(.connectFailed)
        /// TLS did not finish, or not in time.
        package static let handshakeFailed = Code(.handshakeFailed)
        /// The peer proved an identity that has no business on this link.
        package static let peerRefused = Code(.peerRefused)
        package static let peerDenied = Code(.peerDenied)
        package static let protocolViolation = Code(.protocolViolation)
        /// Nothing was heard from the peer for longer than the link allows.
        package static let silent = Code(.silent)
        package static let closed = Code(.closed)

        package var description: String { wrapped.rawValue }
    }

    package var code: Code
    package var message: String
    package var cause: (any Error)?

    package init(_ code: Code, _ message: String, cause: (any Error)? = nil) {
        self.code = code
        self.message = message
        self.cause = cause
    }

    package var description: String {
        guard let cause else { return "\(code): \(message)" }
        return "\(code): \(message) (\(cause))"
    }
}
