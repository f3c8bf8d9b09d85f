import COpenSSL

/// A request for a certificate (PKCS#10) whose own signature has been verified: whoever made it holds the key.
package struct CertificateRequest: Sendable {
    package let pem: String
    /// The public half of the requester's key.
    let key: KeyHandle

    /// Makes a request. It carries no names: the authority chooses them.
    package init(key: PrivateKey) throws(CryptographyError) {
        guard let request = X509_REQ_new() else { throw .fromQueue(.library, "no memory for a request") }
        defer { X509_REQ_free(request) }
        let buffer = try MemoryBuffer()
        guard X509_REQ_set_version(request, 0) == 1, X509_REQ_set_pubkey(request, key.handle.pointer) == 1,
            X509_REQ_sign(request, key.handle.pointer, EVP_sha256()) > 0, PEM_write_bio_X509_REQ(buffer.pointer, request) == 1
        else { throw .fromQueue(.library, "no request could be made") }
        try self.init(pem: buffer.text)
    }

    /// Reads a request of at most 16 KiB; throws `.malformed`, `.unsupportedKey` or `.invalidSignature`.
    package init(pem: String) throws(CryptographyError) {
        guard pem.utf8.count <= 16_384 else { throw CryptographyError(.malformed, "certificate request is too long") }
        let buffer = try MemoryBuffer(Array(pem.utf8))
        guard let request = PEM_read_bio_X509_REQ(buffer.pointer, nil, nil, nil) else {
            throw .fromQueue(.malformed, "not a certificate request in PEM")
        }
        defer { X509_REQ_free(request) }
        guard let pointer = X509_REQ_get_pubkey(request) else { throw .fromQueue(.unsupportedKey, "certificate request has no usable key") }
        key = KeyHandle(owning: pointer)
        try key.requireP256()
        guard X509_REQ_verify(request, pointer) == 1 else {
            throw .fromQueue(.invalidSignature, "certificate request is not signed by its own key")
        }
        self.pem = pem
    }

    /// SHA-256 of the requester's SubjectPublicKeyInfo.
    package func spkiSHA256() throws(CryptographyError) -> SHA256Digest {
        Hash.sha256(try key.publicKeyInfo())
    }
}
