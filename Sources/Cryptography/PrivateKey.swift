import COpenSSL

/// A P-256 private key, for TLS and for certificate authorities.
package struct PrivateKey: Sendable {
    let handle: KeyHandle
    /// PKCS#8 in PEM. Secret.
    package let pem: String

    /// A new key.
    package init() throws(CryptographyError) {
        guard let pointer = plimsoll_make_p256_key() else { throw .fromQueue(.library, "no key could be made") }
        try self.init(handle: KeyHandle(owning: pointer))
    }

    /// PKCS#8 or SEC 1, without a password.
    package init(pem: String) throws(CryptographyError) {
        let buffer = try MemoryBuffer(Array(pem.utf8))
        guard let pointer = plimsoll_read_private_key(buffer.pointer) else { throw .fromQueue(.malformed, "not a private key in PEM") }
        try self.init(handle: KeyHandle(owning: pointer))
    }

    private init(handle: KeyHandle) throws(CryptographyError) {
        try handle.requireP256()
        let buffer = try MemoryBuffer()
        guard PEM_write_bio_PKCS8PrivateKey(buffer.pointer, handle.pointer, nil, nil, 0, nil, nil) == 1 else {
            throw .fromQueue(.library, "private key cannot be written")
        }
        self.handle = handle
        pem = buffer.text
    }

    /// Writes the PEM to a new file that only its owner may read, and puts it in place of the old one in one step.
    package func write(to path: String) throws(CryptographyError) {
        try SecretFile.write(Array(pem.utf8), to: path)
    }

    /// SHA-256 of the public half's SubjectPublicKeyInfo.
    package func spkiSHA256() throws(CryptographyError) -> SHA256Digest {
        Hash.sha256(try handle.publicKeyInfo())
    }

    /// ECDSA with SHA-256, DER.
    package func sign(_ message: [UInt8]) throws(CryptographyError) -> [UInt8] {
        try handle.sign(message, digest: EVP_sha256())
    }
}

extension KeyHandle {
    /// Other curves and RSA are refused everywhere: one kind of key is one kind of mistake fewer.
    func requireP256() throws(CryptographyError) {
        var name = [CChar](repeating: 0, count: 32)
        var count = 0
        guard EVP_PKEY_is_a(pointer, "EC") == 1, EVP_PKEY_get_group_name(pointer, &name, name.count, &count) == 1,
            name.prefix(count).elementsEqual("prime256v1".utf8.map { CChar($0) })
        else { throw .fromQueue(.unsupportedKey, "only P-256 keys are accepted") }
    }
}
