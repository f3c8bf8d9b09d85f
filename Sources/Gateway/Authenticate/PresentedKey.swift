import Cryptography
import Domain
import HTTPWire

/// Finds the customer's key in a request's head.
enum PresentedKey {
    /// Longest key that is looked at; imported keys are of any form.
    private static let longest = 512

    /// Hash of the presented key. Nil: none, more than one, or one that cannot be ours by its checksum.
    static func digest(of head: RequestHead, in bytes: UnsafeRawBufferPointer) -> SHA256Digest? {
        text(of: head, in: bytes).flatMap(digest)
    }

    /// The key as it was presented; nil for none or more than one.
    static func text(of head: RequestHead, in bytes: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer? {
        guard !head.ambiguousCredentials, let range = keyRange(head, bytes), (1...longest).contains(range.count) else { return nil }
        return UnsafeRawBufferPointer(rebasing: bytes[range])
    }

    static func digest(_ key: UnsafeRawBufferPointer) -> SHA256Digest? {
        KeyFormat.mayExist(key) ? Hash.sha256(key) : nil
    }

    /// Whether the head names any key at all.
    static func isPresent(in head: RequestHead) -> Bool {
        head.authorization != nil || head.apiKey != nil
    }

    private static func keyRange(_ head: RequestHead, _ bytes: UnsafeRawBufferPointer) -> Range<Int>? {
        guard let value = head.authorization else { return head.apiKey }
        let scheme = value.lowerBound..<min(value.lowerBound + 7, value.upperBound)
        guard HeadBytes.equal(bytes, scheme, ignoringCase: "bearer ") else { return nil }
        var start = scheme.upperBound
        while start < value.upperBound, bytes[start] == 0x20 { start += 1 }
        return start..<value.upperBound
    }
}
