import Cryptography
import NIOCore
import NIOPosix
import OpenAIWire

extension RelayedRequest {
    /// Takes the idempotency key, then the body. The key stands for the body as the client sent it, before anything in it is masked.
    func claim(_ key: IdempotencyKey, _ body: consuming ByteBuffer) {
        let path = arriving.endpoint.path
        guard body.readableBytes >= LargeBody.least else {
            let digest = IdempotencyClaim.digest(path, body)
            return claimed(key, digest, consume body)
        }
        let reading = loop.readers.threads.runIfActive(eventLoop: loop.eventLoop) { [body] in (IdempotencyClaim.digest(path, body), body) }
        reading.assumeIsolated().whenComplete { result in
            guard self.sink != nil else { return self.phase = .over }
            // Without readers the gateway has stopped.
            guard !self.isCut, case .success(let (digest, body)) = result else {
                if case .success(let (_, body)) = result { self.countOwnFault(APIError(.shuttingDown), body) }
                return self.refuse(APIError(.shuttingDown))
            }
            self.claimed(key, digest, body)
        }
    }

    private func claimed(_ key: IdempotencyKey, _ digest: SHA256Digest, _ body: consuming ByteBuffer) {
        do throws(APIError) {
            claim = try IdempotencyClaim(key, of: arriving, request: digest, in: loop.idempotency)
        } catch {
            return refuse(error)
        }
        take(consume body)
    }
}
