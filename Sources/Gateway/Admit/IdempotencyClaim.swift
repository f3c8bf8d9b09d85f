import Cryptography
import NIOCore
import Reactor
import OpenAIWire
import PlimsollWire

/// One request's hold on its idempotency key. It ends with the request; if nobody ends it, the key is free again with it.
final class IdempotencyClaim {
    private let book: IdempotencyBook
    private let key: IdempotencyKey
    private let arriving: ArrivingRequest
    private var isOver = false

    /// What a key stands for.
    static func digest(_ path: StaticString, _ body: borrowing ByteBuffer) -> SHA256Digest {
        var hasher = SHA256Hasher()
        hasher.update(Array(path.description.utf8) + [0])
        body.withUnsafeReadableBytes { hasher.update($0) }
        return hasher.finish()
    }

    /// Throws what the client is told when the key is not free.
    init(_ key: IdempotencyKey, of arriving: ArrivingRequest, request: SHA256Digest, in book: IdempotencyBook) throws(APIError) {
        self.book = book
        self.key = key
        self.arriving = arriving
        let verdict = book.begin(key, tenant: arriving.key.tenant.id, request: request, id: arriving.requestId, now: arriving.started)
        isOver = verdict != .free
        switch verdict {
        case .free: return
        case .running: throw APIError(.idempotencyKeyInUse)
        case .answered(let id): throw APIError(.idempotencyKeyUsed, message: "\(APIErrorCode.idempotencyKeyUsed.message) It was \(id).")
        case .mismatch: throw APIError(.idempotencyKeyMismatch)
        }
    }

    deinit { end(answered: false) }

    /// - Parameter answered: The client was sent the whole answer.
    func end(answered: Bool) {
        guard !isOver else { return }
        isOver = true
        book.end(key, tenant: arriving.key.tenant.id, id: arriving.requestId, answered: answered, now: Reactor.now)
    }
}
