import Exchange
import Link
import NIOCore
import PlimsollWire

/// One request on its way through: its body is collected, sent to the runtime, and the answer passed on byte by byte as it comes.
/// All of it happens on the link's loop.
final class RelayedRequest {
    struct Parts {
        var path: String
        var requestId: String
        var worker: String
        /// How long it may wait for others; zero: not at all.
        var window: TimeAmount
        var runtime: RuntimeStatus
        var host: HostStatus
        var pool: RuntimePool
        var arrivals: Arrivals
        var limits: RelayLimits
        var open: OpenRelays
    }

    private enum Phase {
        case collecting(ByteBuffer)
        /// Complete, it waits for others.
        case gathering(ByteBuffer, Arrivals.Ticket)
        /// Inside the call that starts the exchange: a socket that refuses at once may fail it there.
        case starting
        case running(any RunningExchange, headSent: Bool)
        case over
    }

    private let parts: Parts
    private let stream: LinkServerStream
    private var phase = Phase.collecting(ByteBuffer())
    private var openId: UInt64 = 0
    /// Bytes of the body that count against the bound on all bodies.
    private var reserved = 0
    private var bodyDeadline: Scheduled<Void>?
    private var isPaused = false

    init(_ parts: Parts, on stream: LinkServerStream) {
        self.parts = parts
        self.stream = stream
        openId = parts.open.add(self, loop: stream.eventLoop)
        parts.runtime.relayBegan()
        bodyDeadline = stream.eventLoop.assumeIsolated().scheduleTask(in: parts.limits.bodyTime) { [weak self] in self?.cut() }
    }

    /// Gives the request up, in the middle or while its last bytes wait for a slow reader; the gateway sees the answer as cut.
    func cut() {
        if case .running(let exchange, _) = phase { exchange.cancel() }
        finish(failed: true)
        stream.reset()
    }

    /// The runtime has nothing to do with this request any more. It stays open until `streamOver`: its last bytes may still be here.
    private func finish(failed: Bool) {
        if case .over = phase { return }
        if case .gathering(_, let ticket) = phase { parts.arrivals.leave(ticket) }
        phase = .over
        releaseBody()
        bodyDeadline?.cancel()
        bodyDeadline = nil
        parts.runtime.relayEnded(failed: failed)
    }

    private func goOn() {
        if case .gathering(let body, _) = phase { ask(body) }
    }

    private func ask(_ body: ByteBuffer) {
        let request = ExchangeRequest(path: parts.path, requestId: parts.requestId, worker: parts.worker, body: body)
        phase = .starting
        let exchange = parts.pool.start(request, receiver: self)
        if case .starting = phase { phase = .running(exchange, headSent: false) }
    }

    private func releaseBody() {
        parts.open.release(reserved)
        reserved = 0
    }

    private func refuse(_ reason: RelayRefusal) {
        finish(failed: true)
        stream.sendHead(status: RefusedRequest.status(reason), contentType: nil, refusal: reason.rawValue)
        stream.sendEnd()
    }
}

extension RelayedRequest: LinkStreamReceiver {
    func streamBody(_ bytes: ByteBuffer) {
        guard case .collecting(var body) = phase else { return }
        let size = bytes.readableBytes
        guard body.readableBytes + size <= parts.limits.bodyBytes else { return tooLarge() }
        guard parts.open.reserve(size, limit: parts.limits.collectingBytes) else { return refuse(.runtimeUnreachable) }
        reserved += size
        // The phase must not hold a second reference while the body grows, or every piece copies all before it.
        phase = .over
        if body.readableBytes == 0 {
            body = bytes
        } else {
            body.writeImmutableBuffer(bytes)
        }
        phase = .collecting(body)
    }

    func streamEnd() {
        guard case .collecting(let body) = phase else { return }
        bodyDeadline?.cancel()
        bodyDeadline = nil
        guard parts.window > .zero, let ticket = parts.arrivals.arrive(window: parts.window, goOn: { self.goOn() }) else { return ask(body) }
        phase = .gathering(body, ticket)
    }

    func streamWritable() {
        guard case .running(let exchange, _) = phase, isPaused else { return }
        isPaused = false
        exchange.setReading(true)
    }

    func streamReset() {
        if case .running(let exchange, _) = phase { exchange.cancel() }
        finish(failed: false)
    }

    func streamOver() {
        parts.open.remove(openId)
        parts.host.ended()
    }

    private func tooLarge() {
        finish(failed: true)
        stream.sendHead(status: 413, contentType: nil)
        stream.sendEnd()
    }
}

extension RelayedRequest: ExchangeReceiver {
    func exchangeHead(_ head: ExchangeHead) {
        guard case .running(let exchange, _) = phase else { return }
        phase = .running(exchange, headSent: true)
        // The exchange forgot the body when the answer began.
        releaseBody()
        parts.runtime.sawByte()
        // A refusal is the agent's word: one that a runtime sends is not passed on.
        stream.sendHead(status: head.status, contentType: head.isEventStream ? "text/event-stream" : "application/json")
    }

    func exchangeBody(_ bytes: ByteBuffer) {
        guard case .running(let exchange, _) = phase else { return }
        parts.runtime.sawByte()
        stream.sendBody(bytes)
        guard !stream.isWritable, !isPaused else { return }
        isPaused = true
        exchange.setReading(false)
    }

    func exchangeReadComplete() {
        if case .running = phase { stream.flush() }
    }

    func exchangeEnd() {
        guard case .running = phase else { return }
        finish(failed: false)
        stream.sendEnd()
    }

    func exchangeFailed(_ failure: ExchangeFailure) {
        let headSent: Bool
        switch phase {
        case .running(_, let sent): headSent = sent
        case .starting: headSent = false
        case .collecting, .gathering, .over: return
        }
        switch failure {
        case .connectFailed, .overloaded:
            refuse(.runtimeUnreachable)
        case .malformed where !headSent, .timedOut where !headSent:
            finish(failed: true)
            stream.sendHead(status: 502, contentType: nil)
            stream.sendEnd()
        default:
            // The runtime was lost with the request: to the gateway this is a lost host, not an answer.
            finish(failed: true)
            stream.reset()
        }
    }
}
