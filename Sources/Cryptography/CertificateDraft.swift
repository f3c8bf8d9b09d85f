import COpenSSL
import FoundationEssentials
import Glibc

/// A certificate that is being made: subject, key and dates first, then extensions, then the signature.
struct CertificateDraft {
    private let handle: CertificateHandle

    init(subject: String, key: KeyHandle, notBefore: Date, notAfter: Date) throws(CryptographyError) {
        guard let certificate = X509_new() else { throw .fromQueue(.library, "no memory for a certificate") }
        handle = CertificateHandle(owning: certificate)
        guard X509_set_version(certificate, 2) == 1, X509_set_pubkey(certificate, key.pointer) == 1,
            ASN1_TIME_set(X509_getm_notBefore(certificate), time_t(notBefore.timeIntervalSince1970)) != nil,
            ASN1_TIME_set(X509_getm_notAfter(certificate), time_t(notAfter.timeIntervalSince1970)) != nil
        else { throw .fromQueue(.library, "certificate cannot be made") }
        try setSerial()
        let text = Array(subject.utf8)
        guard
            X509_NAME_add_entry_by_NID(
                X509_get_subject_name(certificate), NID_commonName, MBSTRING_FLAG, text, Int32(text.count), -1, 0) == 1
        else { throw .fromQueue(.invalidName, "not a usable subject") }
    }

    func add(_ extensionId: Int32, _ value: String, issuer: Certificate?) throws(CryptographyError) {
        guard plimsoll_add_extension(handle.pointer, issuer?.handle.pointer ?? handle.pointer, extensionId, value) == 1 else {
            throw .fromQueue(.library, "certificate extension cannot be added")
        }
    }

    /// A nil issuer signs itself.
    func sign(issuer: Certificate?, key: PrivateKey) throws(CryptographyError) -> Certificate {
        let issuerName = X509_get_subject_name(issuer?.handle.pointer ?? handle.pointer)
        guard X509_set_issuer_name(handle.pointer, issuerName) == 1, X509_sign(handle.pointer, key.handle.pointer, EVP_sha256()) > 0 else {
            throw .fromQueue(.library, "certificate cannot be signed")
        }
        return try Certificate(handle: handle)
    }

    /// 159 random bits: unique without a counter, positive, and within the 20 bytes of RFC 5280 section 4.1.2.2.
    private func setSerial() throws(CryptographyError) {
        var bytes = SecureRandom.bytes(20)
        bytes[0] = bytes[0] & 0x7f | 0x40
        guard let number = BN_bin2bn(bytes, Int32(bytes.count), nil) else { throw .fromQueue(.library, "no memory for a serial number") }
        defer { BN_free(number) }
        guard BN_to_ASN1_INTEGER(number, X509_get_serialNumber(handle.pointer)) != nil else {
            throw .fromQueue(.library, "serial number cannot be set")
        }
    }
}
