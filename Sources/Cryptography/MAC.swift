import COpenSSL

/// Message authentication.
package enum MAC {
    /// HMAC-SHA-256 (RFC 2104), 32 bytes.
    package static func hmacSHA256(key: [UInt8], _ message: [UInt8]) -> [UInt8] {
        var code = [UInt8](repeating: 0, count: 32)
        let done = HMAC(EVP_sha256(), key, Int32(key.count), message, message.count, &code, nil)
        precondition(done != nil, "HMAC-SHA-256 is part of OpenSSL")
        return code
    }
}

/// Comparison of secrets.
package enum ConstantTime {
    /// Takes the same time wherever the two differ; only the length leaks.
    package static func equal(_ one: [UInt8], _ other: [UInt8]) -> Bool {
        one.count == other.count && CRYPTO_memcmp(one, other, one.count) == 0
    }

    package static func equal(_ one: SHA256Digest, _ other: SHA256Digest) -> Bool {
        one.withUnsafeBytes { left in other.withUnsafeBytes { right in CRYPTO_memcmp(left.baseAddress, right.baseAddress, 32) == 0 } }
    }
}
