import COpenSSL

/// Owns one of OpenSSL's keys.
///
/// Unchecked: after `init` the key is only read, and OpenSSL counts references and guards its caches itself.
final class KeyHandle: @unchecked Sendable {
    let pointer: OpaquePointer

    init(owning pointer: OpaquePointer) {
        self.pointer = pointer
    }

    deinit {
        EVP_PKEY_free(pointer)
    }

    /// The public half as SubjectPublicKeyInfo, DER.
    func publicKeyInfo() throws(CryptographyError) -> [UInt8] {
        var start: UnsafeMutablePointer<UInt8>?
        let count = i2d_PUBKEY(pointer, &start)
        guard count > 0, let start else { throw .fromQueue(.library, "public key cannot be written") }
        defer { CRYPTO_free(start, #file, Int32(#line)) }
        return Array(UnsafeBufferPointer(start: start, count: Int(count)))
    }

    /// RFC 8032 and P-256 alike: the whole message at once. `digest` is nil for Ed25519, which hashes by itself.
    func sign(_ message: [UInt8], digest: OpaquePointer?) throws(CryptographyError) -> [UInt8] {
        guard let context = EVP_MD_CTX_new() else { throw .fromQueue(.library, "no memory for a signature") }
        defer { EVP_MD_CTX_free(context) }
        var count = 0
        guard EVP_DigestSignInit(context, nil, digest, nil, pointer) == 1, EVP_DigestSign(context, nil, &count, message, message.count) == 1
        else { throw .fromQueue(.library, "signature failed") }
        var signature = [UInt8](repeating: 0, count: count)
        guard EVP_DigestSign(context, &signature, &count, message, message.count) == 1 else { throw .fromQueue(.library, "signature failed") }
        return Array(signature.prefix(count))
    }

    func isValid(signature: [UInt8], for message: [UInt8], digest: OpaquePointer?) -> Bool {
        guard let context = EVP_MD_CTX_new() else { return false }
        defer { EVP_MD_CTX_free(context) }
        guard EVP_DigestVerifyInit(context, nil, digest, nil, pointer) == 1 else { return false }
        defer { ERR_clear_error() }
        return EVP_DigestVerify(context, signature, signature.count, message, message.count) == 1
    }
}
