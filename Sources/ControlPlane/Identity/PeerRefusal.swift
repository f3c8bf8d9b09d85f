package import HTTPTypes

/// Why a request of an agent or gateway is refused. The reason is what their programs read, the message is for people.
package struct PeerRefusal: Error, Sendable, Equatable, CustomStringConvertible {
    package enum Reason: String, Sendable, CaseIterable {
        case tokenMalformed = "token_malformed"
        /// No such token, or another secret: forged.
        case tokenUnknown = "token_unknown"
        case tokenUsed = "token_used"
        case tokenExpired = "token_expired"
        case tokenRevoked = "token_revoked"
        case tokenWrongRole = "token_wrong_role"
        case invalidRequest = "invalid_request"
        case invalidCertificateRequest = "invalid_certificate_request"
        case certificateRequired = "certificate_required"
        case certificateExpired = "certificate_expired"
        case wrongRole = "wrong_role"
        case unknownIdentity = "unknown_identity"
        case identityLocked = "identity_locked"
        case identityRevoked = "identity_revoked"
        case cloneDetected = "clone_detected"
        case staleHeartbeat = "stale_heartbeat"
        case tooLarge = "too_large"
        /// Nothing is wrong with the request; asking again later may help.
        case unavailable
    }

    package let reason: Reason
    package let message: String
    /// Seconds after which asking again may help; nil: nothing is known of that.
    package let retryAfter: Int?

    package init(_ reason: Reason, _ message: String, retryAfter: Int? = nil) {
        self.reason = reason
        self.message = message
        self.retryAfter = retryAfter
    }

    package var status: HTTPResponse.Status {
        switch reason {
        case .invalidRequest, .invalidCertificateRequest, .tokenMalformed: .badRequest
        case .tokenUnknown, .tokenUsed, .tokenExpired, .tokenRevoked, .certificateRequired, .certificateExpired: .unauthorized
        case .tokenWrongRole, .wrongRole, .unknownIdentity, .identityLocked, .identityRevoked, .cloneDetected: .forbidden
        case .staleHeartbeat: .conflict
        case .tooLarge: .contentTooLarge
        case .unavailable: .serviceUnavailable
        }
    }

    package var description: String { "\(reason.rawValue): \(message)" }
}
