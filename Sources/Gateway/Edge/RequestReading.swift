import Telemetry
import PlimsollWire
import Domain
import HTTPWire
import NIOCore
import Reactor
import OpenAIWire

/// What a request asks for, by whichever protocol it came.
enum HeadOutcome {
    /// Its body is next, of at most the tier's bytes.
    case generate(ArrivingRequest)
    /// Needs no worker.
    case answered(AnswerHead, ByteBuffer)
    case refused(AnswerHead, ByteBuffer)
    /// The same by this gateway's fault, which counts as soon as it is known of which model.
    case refusedHere(AnswerHead, ByteBuffer, OwnRefusal)
}

/// A request for one model, or for all that the key may use.
struct ModelsQuestion {
    /// Nil: all.
    var name: String?
    /// In whose words the answer is told.
    var shape: ErrorShape
}

/// Reading a request: what is the same for a head of HTTP/1.1 and for the fields of HTTP/2.
extension GatewayLoop {
    private enum Target {
        case generation(GenerationEndpoint)
        case models(name: String?)
        case usage
        case captures
        case unknown(ErrorShape)
    }

    /// - Parameters:
    ///   - bytes: What the ranges of `head` count in.
    ///   - peer: Who is connected.
    ///   - fields: Where the values of a field stand in `bytes`; asked for only where it matters.
    func judge(
        _ head: RequestHead, _ bytes: UnsafeRawBufferPointer, from peer: NetworkAddress?, fields: (StaticString) -> [Range<Int>]
    ) -> HeadOutcome {
        let acceptedAt = LoopClock.wallMicroseconds()
        let id = RequestId(milliseconds: acceptedAt / 1000, using: &random)
        let target = target(UnsafeRawBufferPointer(rebasing: bytes[head.target]))
        let shape = shape(target, head)
        func refused(_ error: APIError, of key: CustomerKey? = nil, allow: StaticString? = nil) -> HeadOutcome {
            let (head, body) = refusal(error, id, acceptedAt: acceptedAt, key: key, shape: shape, allow: allow)
            guard let key, case .generation = target, let own = OwnRefusal(error, key, acceptedAt: acceptedAt, self) else {
                return .refused(head, body)
            }
            return .refusedHere(head, body, own)
        }
        func refused(_ code: APIErrorCode, of key: CustomerKey? = nil, allow: StaticString? = nil) -> HeadOutcome {
            refused(APIError(code), of: key, allow: allow)
        }
        if case .unknown = target {
            if let reply = statusReply(head, bytes, id, fields: fields) { return reply }
            return refused(.unknownURL, of: goodKey(of: head, bytes, from: peer, nowSeconds: acceptedAt / 1_000_000, fields))
        }
        // Without a table no key can be told from a wrong one.
        guard directory.isInForce else { return refused(.serviceUnavailable) }
        guard !memory.isOut else {
            metrics.edge.memoryRefusals.increment()
            return refused(.serviceUnavailable, of: goodKey(of: head, bytes, from: peer, nowSeconds: acceptedAt / 1_000_000, fields))
        }
        guard let key = key(of: head, bytes, nowSeconds: acceptedAt / 1_000_000) else {
            return refused(refusedKey(isUnknown: PresentedKey.isPresent(in: head), from: customer(peer, bytes, fields)))
        }
        guard key.isValid(nowSeconds: acceptedAt / 1_000_000) else {
            return refused(refusedKey(isUnknown: false, from: customer(peer, bytes, fields)))
        }
        guard mayUse(key, from: peer, bytes, fields) else { return refused(.addressNotAllowed, of: key) }
        noteUse(of: key, from: customer(peer, bytes, fields), nowSeconds: acceptedAt / 1_000_000)
        if let contact, contact.age > key.tier.maxTableAgeSeconds { return refused(.serviceUnavailable, of: key) }
        switch target {
        case .models, .usage:
            guard head.method == .get || head.method == .head else { return refused(.methodNotAllowed, of: key, allow: "GET, HEAD") }
            guard head.framing == .none || head.framing == .length(0) else { return refused(.malformedRequest, of: key) }
            if case .models(let name) = target { return models(id, key, ModelsQuestion(name: name, shape: shape), acceptedAt: acceptedAt) }
            return usage(id, key)
        case .captures:
            let text = UnsafeRawBufferPointer(rebasing: bytes[head.target])
            guard let asked = CaptureTarget(text, head.method, shape) else { return refused(.methodNotAllowed, of: key, allow: "GET, POST, DELETE") }
            if head.method == .post, let error = refusal(head, bytes, key) { return refused(error, of: key) }
            return .generate(
                ArrivingRequest(
                    requestId: id, key: key, endpoint: .chatCompletions, captures: asked, started: Reactor.now, acceptedAt: acceptedAt))
        case .generation(let endpoint):
            guard head.method == .post else { return refused(.methodNotAllowed, of: key, allow: "POST") }
            if let error = refusal(head, bytes, key) { return refused(error, of: key) }
            let arriving = ArrivingRequest(requestId: id, key: key, endpoint: endpoint, started: Reactor.now, acceptedAt: acceptedAt)
            if let error = note(head, bytes, in: arriving) { return refused(error, of: key) }
            if let refusal = refusalOfFull(head, arriving) { return .refused(refusal.0, refusal.1) }
            return .generate(arriving)
        case .unknown: return refused(.unknownURL)
        }
    }

    /// Nil: it may not be used, or not from there.
    private func goodKey(
        of head: RequestHead, _ bytes: UnsafeRawBufferPointer, from peer: NetworkAddress?, nowSeconds: Int64,
        _ fields: (StaticString) -> [Range<Int>]
    ) -> CustomerKey? {
        guard let known = key(of: head, bytes, nowSeconds: nowSeconds), known.isValid(nowSeconds: nowSeconds),
            mayUse(known, from: peer, bytes, fields)
        else { return nil }
        return known
    }

    private func mayUse(
        _ key: CustomerKey, from peer: NetworkAddress?, _ bytes: UnsafeRawBufferPointer, _ fields: (StaticString) -> [Range<Int>]
    ) -> Bool {
        key.addresses?.policy.admits(customer(peer, bytes, fields)) ?? true
    }

    private func noteUse(of key: CustomerKey, from client: NetworkAddress?, nowSeconds: Int64) {
        guard key.use.isDue(nowSeconds: nowSeconds, from: client) else { return }
        keyUses.note(key.id, nowSeconds: nowSeconds, from: client)
    }

    /// What the client may tell beside its request. Gives what is wrong with it.
    private func note(_ head: RequestHead, _ bytes: UnsafeRawBufferPointer, in arriving: ArrivingRequest) -> APIError? {
        if let range = head.session { arriving.session = PromptAffinity.session(UnsafeRawBufferPointer(rebasing: bytes[range])) }
        if let range = head.idempotencyKey {
            guard let name = IdempotencyKey(UnsafeRawBufferPointer(rebasing: bytes[range])) else { return IdempotencyKey.fault }
            arriving.idempotencyKey = name
        }
        if let range = head.retrieval {
            guard let time = RetrievalTime(UnsafeRawBufferPointer(rebasing: bytes[range])) else { return RetrievalTime.fault }
            arriving.retrievalMicroseconds = time.microseconds
        }
        return nil
    }

    /// Only good keys are remembered: one that is not must take as long as one that nobody has.
    private func key(of head: RequestHead, _ bytes: UnsafeRawBufferPointer, nowSeconds: Int64) -> CustomerKey? {
        guard let text = PresentedKey.text(of: head, in: bytes) else { return nil }
        if let known = keys.value(text) { return known }
        guard let digest = PresentedKey.digest(text), let key = directory.key(digest) else { return nil }
        if key.isValid(nowSeconds: nowSeconds) { keys.remember(text, key) }
        return key
    }

    /// The answer to a request for one model or for all that the key may use.
    func models(_ id: RequestId, _ key: CustomerKey, _ question: ModelsQuestion, acceptedAt: Int64) -> HeadOutcome {
        let isAnthropic = question.shape == .anthropic
        guard let name = question.name else {
            let models = directory.models(for: key)
            let list = isAnthropic ? ModelDescription.anthropicList(models) : ModelDescription.list(models)
            return .answered(AnswerHead(status: 200, requestId: id), ByteBuffer(bytes: list))
        }
        if let model = directory.model(name), key.mayUse(model) {
            let body = isAnthropic ? model.description.anthropicBody : model.description.body
            return .answered(AnswerHead(status: 200, requestId: id), ByteBuffer(bytes: body))
        }
        metrics.countRefusal(status: 404)
        let error = APIError(.modelNotFound, param: "model").told(in: question.shape)
        refusals.note(RefusalTrace(error, id, acceptedAt: acceptedAt, key: key))
        return .answered(AnswerHead(error, id), ByteBuffer(bytes: error.body))
    }

    /// The answer to a key that asks what it has used and what it may.
    func usage(_ id: RequestId, _ key: CustomerKey) -> HeadOutcome {
        let now = Reactor.now.microseconds
        let standing = key.limits.standing(now: now)
        return .answered(AnswerHead(status: 200, requestId: id, standing: standing), ByteBuffer(bytes: UsageView(key, now: now).json))
    }

    private func refusal(_ head: RequestHead, _ bytes: UnsafeRawBufferPointer, _ key: CustomerKey) -> APIError? {
        if let encoding = head.contentEncoding, !HeadBytes.equal(bytes, encoding, ignoringCase: "identity") { return APIError(.unsupportedEncoding) }
        if let type = head.contentType, !MediaType.isJSON(bytes, type) { return APIError(.unsupportedMediaType) }
        if case .length(let length) = head.framing, length > key.tier.maxBodyBytes { return key.bodyTooLarge }
        return isDraining ? APIError(.shuttingDown) : nil
    }

    /// A client that names Anthropic's version wants to hear its words wherever it asks.
    private func shape(_ target: Target, _ head: RequestHead) -> ErrorShape {
        switch target {
        case .generation(let endpoint): endpoint.errorShape
        case .unknown(let shape): head.isAnthropic ? .anthropic : shape
        case .models, .usage, .captures: head.isAnthropic ? .anthropic : .openAI
        }
    }

    private static let rarerEndpoints: [GenerationEndpoint] = [.messages, .responses, .embeddings, .countTokens]

    private func target(_ text: UnsafeRawBufferPointer) -> Target {
        let end = text.firstIndex(of: UInt8(ascii: "?")) ?? text.count
        let range = 0..<end
        if HeadBytes.equal(text, range, to: "/v1/chat/completions") { return .generation(.chatCompletions) }
        if HeadBytes.equal(text, range, to: "/v1/completions") { return .generation(.completions) }
        for endpoint in Self.rarerEndpoints where HeadBytes.equal(text, range, to: endpoint.path) { return .generation(endpoint) }
        if HeadBytes.equal(text, range, to: "/v1/models") { return .models(name: nil) }
        if HeadBytes.equal(text, range, to: "/v1/usage") { return .usage }
        if captureDesk != nil, end >= 18, HeadBytes.equal(text, 0..<18, to: "/v1/debug/captures"), end == 18 || text[18] == UInt8(ascii: "/") {
            return .captures
        }
        guard end > 11, HeadBytes.equal(text, 0..<11, to: "/v1/models/") else {
            return .unknown(end > 13 && HeadBytes.equal(text, 0..<13, to: "/v1/messages/") ? .anthropic : .openAI)
        }
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
