/// Why a call has no answer. Answers with any status are answers, not errors.
package struct OutboundError: Error, Sendable {
    package struct Code: Sendable, Hashable, CustomStringConvertible {
        private enum Kind: String {
            case invalidRequest, nameLookupFailed, connectFailed, tlsFailed, certificateRefused, connectionLost, timedOut, responseTooLarge
            case protocolViolation, requestBodyFailed, cancelled, shutDown, overloaded
        }

        private let kind: Kind

        /// URL, header or certificate cannot be used; nothing was sent.
        package static let invalidRequest = Code(kind: .invalidRequest)
        package static let nameLookupFailed = Code(kind: .nameLookupFailed)
        /// Refused or unreachable; nothing was sent.
        package static let connectFailed = Code(kind: .connectFailed)
        /// The handshake failed; nothing was sent.
        package static let tlsFailed = Code(kind: .tlsFailed)
        /// One side did not accept the other's certificate.
        package static let certificateRefused = Code(kind: .certificateRefused)
        /// The connection ended before the answer was complete. Over TLS 1.3 a server that misses our certificate looks like this, too.
        package static let connectionLost = Code(kind: .connectionLost)
        package static let timedOut = Code(kind: .timedOut)
        package static let responseTooLarge = Code(kind: .responseTooLarge)
        package static let protocolViolation = Code(kind: .protocolViolation)
        /// The caller's own body sequence threw.
        package static let requestBodyFailed = Code(kind: .requestBodyFailed)
        package static let cancelled = Code(kind: .cancelled)
        /// The client was shut down.
        package static let shutDown = Code(kind: .shutDown)
        /// The bound on concurrent calls is reached.
        package static let overloaded = Code(kind: .overloaded)

        package var description: String { kind.rawValue }
    }

    package var code: Code
    /// For people; holds no header, body or URL.
    package var message: String
    package var cause: (any Error)?

    package init(code: Code, message: String, cause: (any Error)? = nil) {
        self.code = code
        self.message = message
        self.cause = cause
    }

    /// True when the server certainly did not see the request.
    package var isBeforeSending: Bool {
        [.invalidRequest, .nameLookupFailed, .connectFailed, .tlsFailed, .shutDown, .overloaded].contains(code)
    }
}

extension OutboundError: CustomStringConvertible {
    package var description: String { "\(code): \(message)" }
}
