import COpenSSL

/// Authenticated encryption: AES-256-GCM (NIST SP 800-38D) with a random nonce of 12 bytes and a tag of 16.
package struct AEAD: Sendable {
    /// Bytes that sealing adds.
    package static let overhead = 28

    private let key: [UInt8]

    /// 32 bytes.
    package init(key: [UInt8]) throws(CryptographyError) {
        guard key.count == 32 else { throw CryptographyError(.malformed, "an AES-256 key has 32 bytes") }
        self.key = key
    }

    /// Nonce, ciphertext and tag in one. A key may seal 2^32 messages.
    package func seal(_ plaintext: [UInt8], authenticating data: [UInt8] = []) throws(CryptographyError) -> [UInt8] {
        try seal(plaintext, authenticating: data, nonce: SecureRandom.bytes(12))
    }

    func seal(_ plaintext: [UInt8], authenticating data: [UInt8], nonce: [UInt8]) throws(CryptographyError) -> [UInt8] {
        guard let context = EVP_CIPHER_CTX_new() else { throw .fromQueue(.library, "no memory for a cipher") }
        defer { EVP_CIPHER_CTX_free(context) }
        var sealed = [UInt8](repeating: 0, count: plaintext.count)
        var tag = [UInt8](repeating: 0, count: 16)
        var rest = [UInt8](repeating: 0, count: 16)
        var written: Int32 = 0
        guard EVP_EncryptInit_ex(context, EVP_aes_256_gcm(), nil, key, nonce) == 1,
            data.isEmpty || EVP_EncryptUpdate(context, nil, &written, data, Int32(data.count)) == 1,
            plaintext.isEmpty || EVP_EncryptUpdate(context, &sealed, &written, plaintext, Int32(plaintext.count)) == 1,
            EVP_EncryptFinal_ex(context, &rest, &written) == 1, plimsoll_aead_get_tag(context, 16, &tag) == 1
        else { throw .fromQueue(.library, "encryption failed") }
        return nonce + sealed + tag
    }

    /// Throws `.invalidSignature` when a single bit of the sealed bytes, the authenticated data or the key is another.
    package func open(_ sealed: [UInt8], authenticating data: [UInt8] = []) throws(CryptographyError) -> [UInt8] {
        guard sealed.count >= 28 else { throw CryptographyError(.malformed, "sealed bytes are too few") }
        guard let context = EVP_CIPHER_CTX_new() else { throw .fromQueue(.library, "no memory for a cipher") }
        defer { EVP_CIPHER_CTX_free(context) }
        let body = Array(sealed[12..<(sealed.count - 16)])
        var tag = Array(sealed.suffix(16))
        var plaintext = [UInt8](repeating: 0, count: body.count)
        var rest = [UInt8](repeating: 0, count: 16)
        var written: Int32 = 0
        guard EVP_DecryptInit_ex(context, EVP_aes_256_gcm(), nil, key, Array(sealed.prefix(12))) == 1,
            data.isEmpty || EVP_DecryptUpdate(context, nil, &written, data, Int32(data.count)) == 1,
            body.isEmpty || EVP_DecryptUpdate(context, &plaintext, &written, body, Int32(body.count)) == 1,
            plimsoll_aead_set_tag(context, 16, &tag) == 1
        else { throw .fromQueue(.library, "decryption failed") }
        guard EVP_DecryptFinal_ex(context, &rest, &written) == 1 else { throw .fromQueue(.invalidSignature, "sealed bytes are not authentic") }
        return plaintext
    }
}
