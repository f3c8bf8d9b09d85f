import Telemetry
import PlimsollWire
import Domain
import HTTPWire
import NIOCore
import OpenAIWire

/// What a request asks for, by whichever protocol it came.
enum HeadOutcome {
    /// Its body is next, of at most the tier's bytes.
    case generate(ArrivingRequest)
    case models(RequestId, CustomerKey, name: String?)
    case usage(RequestId, CustomerKey)
    case refused(APIError, RequestId, allow: StaticString?)
}

/// Reading a request: what is the same for a head of HTTP/1.1 and for the fields of HTTP/2.
extension GatewayLoop {
    private enum Target {
        case generation(GenerationEndpoint)
        case models(name: String?)
        case usage
        case unknown
    }

    /// - Parameter bytes: What the ranges of `head` count in.
    func judge(_ head: RequestHead, _ bytes: UnsafeRawBufferPointer) -> HeadOutcome {
        let acceptedAt = LoopClock.wallMicroseconds()
        let id = RequestId(milliseconds: acceptedAt / 1000, using: &random)
        func refused(_ code: APIErrorCode, allow: StaticString? = nil) -> HeadOutcome { .refused(APIError(code), id, allow: allow) }
        let target = target(UnsafeRawBufferPointer(rebasing: bytes[head.target]))
        if case .unknown = target { return refused(.unknownURL) }
        // Without a table no key can be told from a wrong one.
        guard directory.isInForce else { return refused(.serviceUnavailable) }
        guard !memory.isOut else {
            metrics.edge.memoryRefusals.increment()
            return refused(.serviceUnavailable)
        }
        guard let key = key(of: head, bytes), key.isValid(nowSeconds: acceptedAt / 1_000_000) else { return refused(.invalidAPIKey) }
        if let contact, contact.age > key.tier.maxTableAgeSeconds { return refused(.serviceUnavailable) }
        switch target {
        case .models, .usage:
            guard head.method == .get || head.method == .head else { return refused(.methodNotAllowed, allow: "GET, HEAD") }
            guard head.framing == .none || head.framing == .length(0) else { return refused(.malformedRequest) }
            if case .models(let name) = target { return .models(id, key, name: name) }
            return .usage(id, key)
        case .generation(let endpoint):
            guard head.method == .post else { return refused(.methodNotAllowed, allow: "POST") }
            if let code = refusal(head, bytes, key) { return refused(code) }
            return .generate(ArrivingRequest(requestId: id, key: key, endpoint: endpoint, started: .now(), acceptedAt: acceptedAt))
        case .unknown: return refused(.unknownURL)
        }
    }

    private func key(of head: RequestHead, _ bytes: UnsafeRawBufferPointer) -> CustomerKey? {
        guard let text = PresentedKey.text(of: head, in: bytes) else { return nil }
        if let known = keys.value(text) { return known }
        guard let digest = PresentedKey.digest(text), let key = directory.key(digest) else { return nil }
        keys.remember(text, key)
        return key
    }

    /// The answer to a request for one model or for all that the key may use.
    func models(_ id: RequestId, _ key: CustomerKey, _ name: String?) -> (AnswerHead, ByteBuffer) {
        guard let name else {
            return (AnswerHead(status: 200, requestId: id), ByteBuffer(bytes: ModelDescription.list(directory.models(for: key))))
        }
        if let model = directory.model(name), key.mayUse(model) {
            return (AnswerHead(status: 200, requestId: id), ByteBuffer(bytes: model.description.body))
        }
        metrics.countRefusal(status: 404)
        let error = APIError(.modelNotFound, param: "model")
        return (AnswerHead(error, id), ByteBuffer(bytes: error.body))
    }

    /// The answer to a key that asks what it has used and what it may.
    func usage(_ id: RequestId, _ key: CustomerKey) -> (AnswerHead, ByteBuffer) {
        let now = NIODeadline.now().microseconds
        let standing = key.limits.standing(now: now)
        return (AnswerHead(status: 200, requestId: id, standing: standing), ByteBuffer(bytes: UsageView(key, now: now).json))
    }

    private func refusal(_ head: RequestHead, _ bytes: UnsafeRawBufferPointer, _ key: CustomerKey) -> APIErrorCode? {
        if let encoding = head.contentEncoding, !HeadBytes.equal(bytes, encoding, ignoringCase: "identity") { return .unsupportedEncoding }
        if let type = head.contentType, !MediaType.isJSON(bytes, type) { return .unsupportedMediaType }
        if case .length(let length) = head.framing, length > key.tier.maxBodyBytes { return .requestTooLarge }
        return isDraining ? .shuttingDown : nil
    }

    private func target(_ text: UnsafeRawBufferPointer) -> Target {
        let end = text.firstIndex(of: UInt8(ascii: "?")) ?? text.count
        let range = 0..<end
        if HeadBytes.equal(text, range, to: "/v1/chat/completions") { return .generation(.chatCompletions) }
        if HeadBytes.equal(text, range, to: "/v1/completions") { return .generation(.completions) }
        if HeadBytes.equal(text, range, to: "/v1/models") { return .models(name: nil) }
        if HeadBytes.equal(text, range, to: "/v1/usage") { return .usage }
        guard end > 11, HeadBytes.equal(text, 0..<11, to: "/v1/models/") else { return .unknown }
        return .models(name: percentDecoded(text[11..<end]))
    }

    /// Model names hold slashes and colons, which some clients escape. Nil for a broken escape: no model has such a name.
    private func percentDecoded(_ text: Slice<UnsafeRawBufferPointer>) -> String {
        var decoded: [UInt8] = []
        var at = text.startIndex
        while at < text.endIndex {
            if text[at] == UInt8(ascii: "%"), at + 2 < text.endIndex,
                let byte = UInt8(String(decoding: text[at + 1...at + 2], as: UTF8.self), radix: 16)
            {
                decoded.append(byte)
                at += 3
            } else {
                decoded.append(text[at])
                at += 1
            }
        }
        return String(decoding: decoded, as: UTF8.self)
    }
}
