import COpenSSL

/// An Ed25519 private key (RFC 8032).
package struct SigningKey: Sendable {
    private let handle: KeyHandle
    /// The seed, 32 bytes. Secret.
    package let rawBytes: [UInt8]
    package let verifyingKey: VerifyingKey

    /// A new key.
    package init() throws(CryptographyError) {
        try self.init(rawBytes: SecureRandom.bytes(32))
    }

    /// From a seed of 32 bytes.
    package init(rawBytes: [UInt8]) throws(CryptographyError) {
        guard rawBytes.count == 32, let pointer = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nil, rawBytes, rawBytes.count) else {
            throw .fromQueue(.malformed, "an Ed25519 private key has 32 bytes")
        }
        handle = KeyHandle(owning: pointer)
        self.rawBytes = rawBytes
        var publicBytes = [UInt8](repeating: 0, count: 32)
        var count = 32
        guard EVP_PKEY_get_raw_public_key(pointer, &publicBytes, &count) == 1 else { throw .fromQueue(.library, "no public key") }
        verifyingKey = try VerifyingKey(rawBytes: publicBytes)
    }

    /// 64 bytes.
    package func sign(_ message: [UInt8]) throws(CryptographyError) -> [UInt8] {
        try handle.sign(message, digest: nil)
    }
}

/// An Ed25519 public key (RFC 8032).
package struct VerifyingKey: Sendable, Equatable {
    private let handle: KeyHandle
    /// 32 bytes.
    package let rawBytes: [UInt8]

    package init(rawBytes: [UInt8]) throws(CryptographyError) {
        guard rawBytes.count == 32, let pointer = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nil, rawBytes, rawBytes.count) else {
            throw .fromQueue(.malformed, "an Ed25519 public key has 32 bytes")
        }
        handle = KeyHandle(owning: pointer)
        self.rawBytes = rawBytes
    }

    package func isValid(signature: [UInt8], for message: [UInt8]) -> Bool {
        handle.isValid(signature: signature, for: message, digest: nil)
    }

    package static func == (one: VerifyingKey, other: VerifyingKey) -> Bool {
        one.rawBytes == other.rawBytes
    }
}
