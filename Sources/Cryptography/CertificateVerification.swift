import COpenSSL
package import FoundationEssentials
import Glibc

extension Certificate {
    /// Who stands at the other end: checks the chain (leaf first, then intermediates) up to one of the authorities at that moment,
    /// then that the leaf names exactly one peer, and that this peer has the role.
    ///
    /// Throws `.expired`, `.notYetValid`, `.untrusted`, `.invalidSignature`, `.noIdentity` or `.roleMismatch`.
    @discardableResult
    package static func verify(
        chain: [Certificate], authorities: [Certificate], at moment: Date, role: PeerIdentity.Role? = nil
    ) throws(CryptographyError) -> PeerIdentity {
        guard let leaf = chain.first else { throw CryptographyError(.untrusted, "no certificate was shown") }
        try verifyPath(leaf: leaf, intermediates: chain.dropFirst(), authorities: authorities, at: moment)
        guard let identity = leaf.identity else { throw CryptographyError(.noIdentity, "the certificate names no peer") }
        if let role, identity.role != role {
            throw CryptographyError(.roleMismatch, "the certificate is for the role \(identity.role.rawValue), not \(role.rawValue)")
        }
        return identity
    }

    private static func verifyPath(
        leaf: Certificate, intermediates: ArraySlice<Certificate>, authorities: [Certificate], at moment: Date
    ) throws(CryptographyError) {
        guard let store = X509_STORE_new() else { throw .fromQueue(.library, "no memory for a store") }
        defer { X509_STORE_free(store) }
        for authority in authorities where X509_STORE_add_cert(store, authority.handle.pointer) != 1 {
            throw .fromQueue(.library, "authority cannot be used")
        }
        guard let untrusted = plimsoll_certificates_new() else { throw .fromQueue(.library, "no memory for a chain") }
        defer { plimsoll_certificates_free(untrusted) }
        for certificate in intermediates { _ = plimsoll_certificates_push(untrusted, certificate.handle.pointer) }
        guard let context = X509_STORE_CTX_new() else { throw .fromQueue(.library, "no memory for a verification") }
        defer { X509_STORE_CTX_free(context) }
        guard X509_STORE_CTX_init(context, store, leaf.handle.pointer, untrusted) == 1, let parameters = X509_STORE_CTX_get0_param(context)
        else { throw .fromQueue(.library, "verification cannot start") }
        X509_VERIFY_PARAM_set_time(parameters, time_t(moment.timeIntervalSince1970))
        X509_VERIFY_PARAM_set_depth(parameters, 3)
        X509_VERIFY_PARAM_set_flags(parameters, UInt(X509_V_FLAG_X509_STRICT))
        X509_VERIFY_PARAM_set_purpose(parameters, X509_PURPOSE_SSL_CLIENT)
        let verified = X509_verify_cert(context) == 1
        defer { ERR_clear_error() }
        guard verified else { throw failure(X509_STORE_CTX_get_error(context)) }
    }

    private static func failure(_ error: Int32) -> CryptographyError {
        let cause = X509_verify_cert_error_string(Int(error)).map { String(cString: $0) }
        return switch error {
        case X509_V_ERR_CERT_HAS_EXPIRED: CryptographyError(.expired, "the certificate has expired", cause: cause)
        case X509_V_ERR_CERT_NOT_YET_VALID: CryptographyError(.notYetValid, "the certificate is not valid yet", cause: cause)
        case X509_V_ERR_CERT_SIGNATURE_FAILURE: CryptographyError(.invalidSignature, "the certificate's signature is wrong", cause: cause)
        default: CryptographyError(.untrusted, "the certificate is not from an authority that is trusted here", cause: cause)
        }
    }
}
