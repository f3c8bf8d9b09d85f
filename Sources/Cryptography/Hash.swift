import COpenSSL

/// One-shot hashes (FIPS 180-4).
package enum Hash {
    /// The fast path: no allocation.
    package static func sha256(_ bytes: UnsafeRawBufferPointer) -> SHA256Digest {
        var hasher = SHA256Hasher()
        hasher.update(bytes)
        return hasher.finish()
    }

    package static func sha256(_ bytes: [UInt8]) -> SHA256Digest {
        bytes.withUnsafeBytes { sha256($0) }
    }

    /// Of the UTF-8 bytes.
    package static func sha256(_ text: some StringProtocol) -> SHA256Digest {
        let fast = text.utf8.withContiguousStorageIfAvailable { sha256(UnsafeRawBufferPointer($0)) }
        return fast ?? sha256(Array(text.utf8))
    }

    /// 64 bytes.
    package static func sha512(_ bytes: [UInt8]) -> [UInt8] {
        var digest = [UInt8](repeating: 0, count: 64)
        let done = EVP_Digest(bytes, bytes.count, &digest, nil, EVP_sha512(), nil)
        precondition(done == 1, "SHA-512 is part of OpenSSL")
        return digest
    }
}

/// SHA-256 over bytes that come in pieces. A value: a copy continues on its own.
package struct SHA256Hasher: Sendable {
    private var state = plimsoll_sha256_state()

    package init() {
        plimsoll_sha256_begin(&state)
    }

    package mutating func update(_ bytes: UnsafeRawBufferPointer) {
        guard let start = bytes.baseAddress else { return }
        plimsoll_sha256_add(&state, start, bytes.count)
    }

    package mutating func update(_ bytes: [UInt8]) {
        bytes.withUnsafeBytes { update($0) }
    }

    package mutating func update(_ digest: SHA256Digest) {
        digest.withUnsafeBytes { update($0) }
    }

    package consuming func finish() -> SHA256Digest {
        var state = state
        var words: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)
        plimsoll_sha256_end(&state, &words)
        return SHA256Digest(words: words)
    }
}

/// The 32 bytes of a SHA-256, held without an allocation; good as a dictionary's key.
package struct SHA256Digest: Sendable, Hashable, CustomStringConvertible {
    private let first: UInt64
    private let second: UInt64
    private let third: UInt64
    private let fourth: UInt64

    fileprivate init(words: (UInt64, UInt64, UInt64, UInt64)) {
        (first, second, third, fourth) = words
    }

    /// Nil unless there are exactly 32 bytes.
    package init?(bytes: [UInt8]) {
        guard bytes.count == 32 else { return nil }
        self.init(words: bytes.withUnsafeBytes { $0.loadUnaligned(as: (UInt64, UInt64, UInt64, UInt64).self) })
    }

    /// Nil unless there are exactly 64 hexadecimal digits.
    package init?(hex: some StringProtocol) {
        guard let bytes = Hex.decode(hex) else { return nil }
        self.init(bytes: bytes)
    }

    package var bytes: [UInt8] { withUnsafeBytes { Array($0) } }

    /// 64 digits, lower case.
    package var hex: String { withUnsafeBytes { Hex.encode($0) } }

    package var description: String { hex }

    package func withUnsafeBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result {
        try Swift.withUnsafeBytes(of: (first, second, third, fourth), body)
    }
}
