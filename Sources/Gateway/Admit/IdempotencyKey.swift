import Cryptography
import OpenAIWire

/// What a client sends as `idempotency-key`, by its hash, so that the text is kept nowhere.
struct IdempotencyKey: Sendable, Hashable {
    private static let longest = 255
    static let fault = APIError(.invalidValue, message: "'idempotency-key' must have 1 to \(longest) characters.")

    private let digest: SHA256Digest

    /// Nil for an empty one and one that is too long.
    init?(_ text: UnsafeRawBufferPointer) {
        guard (1...IdempotencyKey.longest).contains(text.count) else { return nil }
        digest = Hash.sha256(text)
    }
}
