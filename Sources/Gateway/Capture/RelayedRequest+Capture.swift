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
        guard let captures = arriving.key.captures, let desk = loop.captureDesk, let sink else { return }
        let wanted = captures.wanted(model: plan.facts.model, nowSeconds: arriving.acceptedAt / 1_000_000)
        guard !wanted.isEmpty else { return }
        let names = desk.take(wanted)
        guard !names.isEmpty else { return }
        var request = ByteBuffer(staticString: "{")
        let isCut = plan.rest.readableBytes >= CaptureDesk.mostBytes
        var rest = plan.rest
        request.writeImmutableBuffer(rest.readSlice(length: min(rest.readableBytes, CaptureDesk.scannedBytes)) ?? ByteBuffer())
        let exchange = CapturedExchange(
            captures: names, requestId: arriving.requestId.description, key: arriving.key.id, model: plan.facts.model,
            acceptedAt: arriving.acceptedAt, status: 0, request: request, answer: ByteBuffer(), isEventStream: false, isCut: isCut)
        self.sink = CaptureSink(sink, desk: desk, exchange: exchange)
    }

    /// A call about captures: the control plane answers it, so it is not metered and waits for nobody else, but it is a request of its minute.
    func answerCaptures(_ target: CaptureTarget, _ body: ByteBuffer) {
        phase = .over
        guard let desk = loop.captureDesk, body.readableBytes <= 4096 else { return answerCall(APIError(.malformedRequest)) }
        switch arriving.key.limits.reserve(LimitAsk(tokens: 0, spend: 0, now: arriving.started.microseconds)) {
        case .refused(let refusal): return refuseCall(refusal)
        case .granted(let reservation, _): self.reservation = reservation
        }
        let call = CaptureCall(
            action: target.action, tenant: arriving.key.tenant.id, key: arriving.key.id, capture: target.capture, body: String(buffer: body),
            requestId: arriving.requestId.description)
        let bound = NIOLoopBound(self, eventLoop: loop.eventLoop)
        loop.eventLoop.makeFutureWithTask { try await desk.answer(call) }.whenComplete { result in
            bound.value.settleCall()
            guard case .success(let answer) = result, let answer else { return bound.value.answerCall(APIError(.serviceUnavailable)) }
            bound.value.takeSink()?.answer(
                AnswerHead(status: answer.status, requestId: bound.value.arriving.requestId), ByteBuffer(string: answer.body))
        }
    }

    private func settleCall() {
        guard let reservation else { return }
        self.reservation = nil
        arriving.key.limits.settle(reservation, tokens: 0, spend: 0, now: Reactor.now.microseconds)
    }

    private func refuseCall(_ refusal: LimitRefusal) {
        standing = refusal.standing
        let answer = LimitAnswer(refusal, arriving.key)
        loop.metrics.rateLimited.increment()
        loop.metrics.limits.count(refusal.fault.kind)
        loop.metrics.countRefusal(status: answer.error.status)
        answerRefusal(answer.error, retryAfter: answer.retryAfter)
    }

    private func answerCall(_ error: APIError) {
        loop.metrics.countRefusal(status: error.status)
        takeSink()?.answer(AnswerHead(error, arriving.requestId), ByteBuffer(bytes: error.body))
    }
}

/// What a customer asks of captures.
struct CaptureTarget {
    let action: CaptureCall.Action
    let capture: String?
    private static let path: StaticString = "/v1/debug/captures"

    /// Nil: no such path, or another method than those in `allowed`.
    init?(_ path: UnsafeRawBufferPointer, _ method: HTTPMethod) {
        let rest = path.dropFirst(Self.path.utf8CodeUnitCount)
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
