import COpenSSL
import FoundationEssentials
import Glibc

/// Owns one of OpenSSL's certificates.
///
/// Unchecked: after `init` the certificate is only read; OpenSSL guards the extension cache that verification fills.
final class CertificateHandle: @unchecked Sendable {
    let pointer: OpaquePointer

    init(owning pointer: OpaquePointer) {
        self.pointer = pointer
    }

    deinit {
        X509_free(pointer)
    }

    func der() throws(CryptographyError) -> [UInt8] {
        var start: UnsafeMutablePointer<UInt8>?
        let count = i2d_X509(pointer, &start)
        guard count > 0, let start else { throw .fromQueue(.library, "certificate cannot be written") }
        defer { CRYPTO_free(start, #file, Int32(#line)) }
        return Array(UnsafeBufferPointer(start: start, count: Int(count)))
    }

    func publicKeyInfo() throws(CryptographyError) -> [UInt8] {
        guard let key = X509_get_pubkey(pointer) else { throw .fromQueue(.unsupportedKey, "certificate has no usable key") }
        return try KeyHandle(owning: key).publicKeyInfo()
    }

    func serial() throws(CryptographyError) -> String {
        guard let number = ASN1_INTEGER_to_BN(X509_get0_serialNumber(pointer), nil) else { throw .fromQueue(.malformed, "no serial number") }
        defer { BN_free(number) }
        guard let text = BN_bn2hex(number) else { throw .fromQueue(.library, "no memory for a serial number") }
        defer { CRYPTO_free(text, #file, Int32(#line)) }
        return String(cString: text).lowercased()
    }

    func uris() -> [String] {
        guard let found = X509_get_ext_d2i(pointer, NID_subject_alt_name, nil, nil) else { return [] }
        let names = OpaquePointer(found)
        defer { plimsoll_names_free(names) }
        return (0..<plimsoll_names_count(names)).compactMap { index in
            guard let name = plimsoll_names_at(names, index), plimsoll_name_type(name) == GEN_URI else { return nil }
            var length: Int32 = 0
            guard let text = plimsoll_name_text(name, &length) else { return nil }
            return String(decoding: UnsafeBufferPointer(start: text, count: Int(length)), as: UTF8.self)
        }
    }

    static func date(_ time: UnsafePointer<ASN1_TIME>?) throws(CryptographyError) -> Date {
        var parts = tm()
        guard let time, ASN1_TIME_to_tm(time, &parts) == 1 else { throw .fromQueue(.malformed, "certificate has no usable dates") }
        return Date(timeIntervalSince1970: Double(timegm(&parts)))
    }
}
