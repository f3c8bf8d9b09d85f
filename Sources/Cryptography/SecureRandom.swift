import COpenSSL

/// Random bytes for secrets, from OpenSSL's generator.
package enum SecureRandom {
    package static func bytes(_ count: Int) -> [UInt8] {
        precondition(count >= 0 && count <= 1 << 20, "between 0 bytes and 1 MiB at once")
        var bytes = [UInt8](repeating: 0, count: count)
        // A process without randomness must not go on as if it had some.
        precondition(RAND_bytes(&bytes, Int32(count)) == 1, "no randomness from the system")
        return bytes
    }

    /// Uniform in `0..<bound`.
    package static func uniform(below bound: UInt32) -> UInt32 {
        var generator = Generator()
        return UInt32.random(in: 0..<bound, using: &generator)
    }

    /// For the standard library's `random(in:using:)`.
    package struct Generator: RandomNumberGenerator, Sendable {
        package init() {}

        package mutating func next() -> UInt64 {
            SecureRandom.bytes(8).withUnsafeBytes { $0.loadUnaligned(as: UInt64.self) }
        }
    }
}
