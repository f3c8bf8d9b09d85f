import COpenSSL

/// What went wrong in cryptography or with a certificate. Carries no key material.
package struct CryptographyError: Error, Sendable, CustomStringConvertible {
    package struct Code: Sendable, Hashable, CustomStringConvertible {
        private enum Value: String {
            case malformed, invalidSignature, expired, notYetValid, untrusted, noIdentity, roleMismatch, unsupportedKey, mismatch, invalidName
            case file, library
        }

        private let value: Value

        private init(_ value: Value) { self.value = value }

        /// Text or bytes that are not what they should be.
        package static let malformed = Code(.malformed)
        package static let invalidSignature = Code(.invalidSignature)
        package static let expired = Code(.expired)
        package static let notYetValid = Code(.notYetValid)
        /// The chain does not end at an authority that the caller trusts, or breaks its constraints.
        package static let untrusted = Code(.untrusted)
        /// The certificate names no peer.
        package static let noIdentity = Code(.noIdentity)
        package static let roleMismatch = Code(.roleMismatch)
        package static let unsupportedKey = Code(.unsupportedKey)
        /// A key and a certificate that do not belong together.
        package static let mismatch = Code(.mismatch)
        package static let invalidName = Code(.invalidName)
        package static let file = Code(.file)
        /// OpenSSL failed where it should not have; the cause says how.
        package static let library = Code(.library)

        package var description: String { value.rawValue }
    }

    package let code: Code
    package let message: String
    /// OpenSSL's own words, or the system's.
    package let cause: String?

    package init(_ code: Code, _ message: String, cause: String? = nil) {
        self.code = code
        self.message = message
        self.cause = cause
    }

    package var description: String {
        cause.map { "\(code): \(message) (\($0))" } ?? "\(code): \(message)"
    }

    /// Empties this thread's OpenSSL error queue into the cause, so that a later call does not report an older failure.
    static func fromQueue(_ code: Code, _ message: String) -> CryptographyError {
        var reasons: [String] = []
        while case let error = ERR_get_error(), error != 0 {
            if reasons.count < 8, let reason = ERR_reason_error_string(error) { reasons.append(String(cString: reason)) }
        }
        return CryptographyError(code, message, cause: reasons.isEmpty ? nil : reasons.joined(separator: ", "))
    }
}
