import PlimsollWire
import Domain
import HTTPWire
import NIOCore
import OpenAIWire

extension CustomerConnection {
    /// What a head asks for.
    enum HeadOutcome {
        case generate(ArrivingRequest, framing: BodyFraming, expectsContinue: Bool)
        case models(RequestId, CustomerKey, name: String?)
        case refused(APIError, RequestId, framing: BodyFraming, allow: StaticString?)
    }

    private enum Target {
        case generation(GenerationEndpoint)
        case models(name: String?)
        case unknown
    }

    /// Reads the head of `length` bytes that stands in front of what has arrived.
    func readHead(_ length: Int) throws(HTTPFault) -> HeadOutcome {
        let result: Result<HeadOutcome, HTTPFault> = inbound.withUnsafeReadableBytes { bytes in
            let text = UnsafeRawBufferPointer(rebasing: bytes[..<length])
            do throws(HTTPFault) { return .success(judge(try RequestHead.scan(text), text)) } catch { return .failure(error) }
        }
        return try result.get()
    }

    private func judge(_ head: RequestHead, _ bytes: UnsafeRawBufferPointer) -> HeadOutcome {
        let acceptedAt = LoopClock.wallMicroseconds()
        let id = RequestId(milliseconds: acceptedAt / 1000, using: &loop.random)
        func refused(_ code: APIErrorCode, allow: StaticString? = nil) -> HeadOutcome {
            .refused(APIError(code), id, framing: head.framing, allow: allow)
        }
        isHeadRequest = head.method == .head
        isHTTP11 = head.isHTTP11
        keepAlive = head.keepAlive
        let target = target(UnsafeRawBufferPointer(rebasing: bytes[head.target]))
        if case .unknown = target { return refused(.unknownURL) }
        // Without a table no key can be told from a wrong one.
        guard loop.directory.isInForce else { return refused(.serviceUnavailable) }
        guard let digest = PresentedKey.digest(of: head, in: bytes), let key = loop.directory.key(digest),
            key.isValid(nowSeconds: acceptedAt / 1_000_000)
        else { return refused(.invalidAPIKey) }
        if let contact = loop.contact, contact.age > key.tier.maxTableAgeSeconds { return refused(.serviceUnavailable) }
        switch target {
        case .models(let name):
            guard head.method == .get else { return refused(.methodNotAllowed, allow: "GET") }
            guard head.framing == .none || head.framing == .length(0) else { return refused(.malformedRequest) }
            return .models(id, key, name: name)
        case .generation(let endpoint):
            guard head.method == .post else { return refused(.methodNotAllowed, allow: "POST") }
            if let code = refusal(head, bytes, key) { return refused(code) }
            let arriving = ArrivingRequest(requestId: id, key: key, endpoint: endpoint, started: .now(), acceptedAt: acceptedAt)
            return .generate(arriving, framing: head.framing, expectsContinue: head.expectsContinue)
        case .unknown: return refused(.unknownURL)
        }
    }

    private func refusal(_ head: RequestHead, _ bytes: UnsafeRawBufferPointer, _ key: CustomerKey) -> APIErrorCode? {
        if let encoding = head.contentEncoding, !HeadBytes.equal(bytes, encoding, ignoringCase: "identity") { return .unsupportedEncoding }
        if let type = head.contentType, !MediaType.isJSON(bytes, type) { return .unsupportedMediaType }
        if case .length(let length) = head.framing, length > key.tier.maxBodyBytes { return .requestTooLarge }
        return loop.isDraining ? .shuttingDown : nil
    }

    private func target(_ text: UnsafeRawBufferPointer) -> Target {
        let end = text.firstIndex(of: UInt8(ascii: "?")) ?? text.count
        let range = 0..<end
        if HeadBytes.equal(text, range, to: "/v1/chat/completions") { return .generation(.chatCompletions) }
        if HeadBytes.equal(text, range, to: "/v1/completions") { return .generation(.completions) }
        if HeadBytes.equal(text, range, to: "/v1/models") { return .models(name: nil) }
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

    /// Returns whether there may be more to do with what has arrived.
    func begin(_ outcome: HeadOutcome) -> Bool {
        switch outcome {
        case .models(let id, let key, let name):
            state = .serving
            answerModels(id, key, name)
            return true
        case .refused(let error, let id, let framing, let allow):
            loop.metrics.countRefusal(status: error.status)
            return refuse(error, id, framing, allow)
        case .generate(let arriving, let framing, let expectsContinue):
            self.arriving = arriving
            awaitBody(arriving)
            beginBody(framing)
            if expectsContinue, isHTTP11 { writeContinue() }
            return true
        }
    }

    private func beginBody(_ framing: BodyFraming) {
        body = ByteBuffer()
        switch framing {
        case .length(let length):
            if length > inbound.readableBytes { body.reserveCapacity(length) }
            state = .body(left: length)
        case .chunked:
            decoder = ChunkedDecoder()
            state = .chunks
        case .none, .untilClose: state = .body(left: 0)
        }
    }

    /// Refused at its head. A short body that has arrived whole is passed over, so that the connection stays good; else it is closed.
    private func refuse(_ error: APIError, _ id: RequestId, _ framing: BodyFraming, _ allow: StaticString?) -> Bool {
        var passes = false
        switch framing {
        case .none: passes = true
        case .length(let length) where length <= inbound.readableBytes:
            passes = true
            // The head still stands in front while this is decided by the caller's order: it has been passed over already.
            inbound.moveReaderIndex(forwardBy: length)
        default: break
        }
        keepAlive = passes && keepAlive && !loop.isDraining
        state = .serving
        var head = AnswerHead(error, id)
        head.allow = allow
        answer(head, ByteBuffer(bytes: error.body))
        return keepAlive
    }

    private func answerModels(_ id: RequestId, _ key: CustomerKey, _ name: String?) {
        guard let name else {
            return answer(AnswerHead(status: 200, requestId: id), ByteBuffer(bytes: ModelDescription.list(loop.directory.models(for: key))))
        }
        if let model = loop.directory.model(name), key.mayUse(model) {
            return answer(AnswerHead(status: 200, requestId: id), ByteBuffer(bytes: model.description.body))
        }
        loop.metrics.countRefusal(status: 404)
        let error = APIError(.modelNotFound, param: "model")
        answer(AnswerHead(error, id), ByteBuffer(bytes: error.body))
    }
}
