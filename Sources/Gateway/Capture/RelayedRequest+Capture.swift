import Domain
import HTTPWire
import NIOCore
import OpenAIWire
import PlimsollWire
import Reactor
import Telemetry

extension RelayedRequest {
    /// Lets what the client is told pass through a capture, where the tenant has asked for one.
    func capture(_ plan: RequestPlan) {
        guard key.captures != nil else { return }
        var request = ByteBuffer(staticString: "{")
        request.writeImmutableBuffer(plan.rest)
        capture(request, model: plan.facts.model)
    }

    /// Of a request that is refused before its model is known.
    ///
    /// - Parameter body: Whole; nil: nobody has asked for a capture.
    func captureRefused(_ body: ByteBuffer?) {
        guard plan == nil, let body else { return }
        capture(body, model: nil)
    }

    private func capture(_ request: ByteBuffer, model: String?) {
        guard let captures = key.captures, let desk = loop.captureDesk, let sink else { return }
        let wanted = captures.wanted(model: model, nowSeconds: arriving.acceptedAt / 1_000_000)
        guard !wanted.isEmpty else { return }
        let names = desk.take(wanted)
        guard !names.isEmpty else { return }
        var request = request
        let bytes = request.readableBytes
        // A copy: what is kept must not keep all of a large prompt.
        let kept = ByteBuffer(bytes: request.readSlice(length: min(request.readableBytes, CaptureDesk.scannedBytes))?.readableBytesView ?? .init())
        let exchange = CapturedExchange(
            captures: names, requestId: arriving.requestId.description, key: key.id, model: model,
            acceptedAt: arriving.acceptedAt, status: 0, request: kept, answer: ByteBuffer(), isEventStream: false,
            isCut: bytes > CaptureDesk.mostBytes,
            requestBytes: bytes)
        self.sink = CaptureSink(sink, desk: desk, exchange: exchange)
    }

    /// A call about captures: the control plane answers it, so it is not metered and waits for nobody else, but it is a request of its minute.
    func answerCaptures(_ target: CaptureTarget, _ body: ByteBuffer) {
        phase = .over
        guard let desk = loop.captureDesk else { return answerCall(APIError(.serviceUnavailable)) }
        guard body.readableBytes <= 4096 else { return refuse(APIError(.requestTooLarge)) }
        switch key.limits.reserve(LimitAsk(tokens: 0, spend: 0, now: arriving.started.microseconds)) {
        case .refused(let refusal): return refuseCall(refusal)
        case .granted(let reservation, _): self.reservation = reservation
        }
        let call = CaptureCall(
            action: target.action, tenant: key.tenant.id, key: key.id, capture: target.capture, body: String(buffer: body),
            query: target.query, requestId: arriving.requestId.description)
        let bound = NIOLoopBound(self, eventLoop: loop.eventLoop)
        loop.eventLoop.makeFutureWithTask { try await desk.answer(call) }.whenComplete { result in
            bound.value.settleCall()
            guard case .success(let answer) = result, let answer else { return bound.value.answerCall(APIError(.serviceUnavailable)) }
            if let error = answer.refusal { return bound.value.answerCall(error) }
            bound.value.takeSink()?.answer(
                AnswerHead(status: answer.status, requestId: bound.value.arriving.requestId), ByteBuffer(string: answer.body))
        }
    }

    private func settleCall() {
        guard let reservation else { return }
        self.reservation = nil
        key.limits.settle(reservation, tokens: 0, spend: 0, now: Reactor.now.microseconds)
    }

    /// Of a request that generates nothing.
    func refuseCall(_ refusal: LimitRefusal) {
        kept.standing = refusal.standing
        let answer = LimitAnswer(refusal, key)
        loop.metrics.rateLimited.increment()
        loop.metrics.limits.count(refusal.fault.kind)
        loop.metrics.countRefusal(status: answer.error.status)
        answerRefusal(answer.error, retryAfter: answer.retryAfter)
    }

    private func answerCall(_ error: APIError) {
        loop.metrics.countRefusal(status: error.status)
        answerRefusal(error, retryAfter: nil)
    }
}

/// What a customer asks of captures.
struct CaptureTarget {
    let action: CaptureCall.Action
    let capture: String?
    let query: String?
    /// In whose words an error is told.
    let shape: ErrorShape
    private static let path: StaticString = "/v1/debug/captures"

    /// Nil: no such path, or another method than it has.
    ///
    /// - Parameter target: With its query.
    init?(_ target: UnsafeRawBufferPointer, _ method: HTTPMethod, _ shape: ErrorShape) {
        self.shape = shape
        let end = target.firstIndex(of: UInt8(ascii: "?")) ?? target.endIndex
        query = end < target.endIndex ? String(decoding: target[(end + 1)...], as: UTF8.self) : nil
        let rest = target[..<end].dropFirst(Self.path.utf8CodeUnitCount)
        let parts = rest.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false).dropFirst().map { String(decoding: $0, as: UTF8.self) }
        switch (method, parts.count) {
        case (.post, 0): action = .create
        case (.get, 0): action = .list
        case (.get, 1): action = .show
        case (.delete, 1): action = .erase
        case (.get, 2) where parts[1] == "records": action = .records
        default: return nil
        }
        capture = parts.first
    }
}
