import Exchange
import NIOCore
import NIOHPACK
import NIOHTTP2

/// One request on a gateway's link.
final class GatewayStream: RunningExchange {
    private enum Phase {
        case waitingForHead
        case body
        case over
    }

    /// The root stream's until the request is sent.
    private(set) var id = HTTP2StreamID.rootStream
    private var request: ExchangeRequest?
    private var receiver: (any ExchangeReceiver)?
    private var onFinish: (@Sendable () -> Void)?
    private let writer: LinkWriter
    /// Gone when the link was closed before this stream ended.
    private weak var owner: GatewayStreams?
    private var phase = Phase.waitingForHead
    private var isRequestSent = false

    private var held: [(bytes: ByteBuffer, size: Int)] = []
    private var isReading = true
    private var isHeldEnd = false
    private var isTouched = false
    private var consumed = 0

    private static let giveEvery = 64 * 1024

    init(
        _ request: ExchangeRequest, receiver: any ExchangeReceiver, onFinish: (@Sendable () -> Void)?, writer: LinkWriter, owner: GatewayStreams
    ) {
        self.request = request
        self.receiver = receiver
        self.onFinish = onFinish
        self.writer = writer
        self.owner = owner
    }

    // MARK: RunningExchange

    func cancel() {
        guard phase != .over else { return }
        let isSent = id != .rootStream
        end()
        if isSent { writer.reset(id, .cancel) }
    }

    func setReading(_ on: Bool) {
        guard on != isReading, phase != .over else { return }
        isReading = on
        // In a later turn, so that nobody is called from inside their own call.
        if on { writer.later { self.deliverHeld() } }
    }

    // MARK: From the connection

    func send(as id: HTTP2StreamID) {
        guard let request = request.take() else { return }
        self.id = id
        var headers = HPACKHeaders()
        headers.reserveCapacity(request.batchWindow > 0 ? 7 : 6)
        headers.add(name: ":method", value: "POST")
        headers.add(name: ":scheme", value: "https")
        headers.add(name: ":path", value: request.path)
        headers.add(name: "content-type", value: "application/json")
        headers.add(name: LinkName.worker, value: request.worker)
        if request.batchWindow > 0 { headers.add(name: LinkName.batchWindow, value: String(request.batchWindow)) }
        // Never twice the same: it would only push what repeats out of the compression table.
        headers.add(name: LinkName.requestId, value: request.requestId, indexing: .nonIndexable)
        writer.write(id, .headers(.init(headers: headers)))
        let start = ByteBuffer(bytes: request.bodyStart)
        if start.readableBytes > 0, request.bodyRest.readableBytes > 0 { writer.write(id, .data(.init(data: .byteBuffer(start)))) }
        let last = request.bodyRest.readableBytes > 0 ? request.bodyRest : start
        let sent = writer.eventLoop.makePromise(of: Void.self)
        sent.futureResult.assumeIsolated().whenSuccess { self.isRequestSent = true }
        writer.write(id, .data(.init(data: .byteBuffer(last), endStream: true)), promise: sent)
    }

    func headers(_ headers: HPACKHeaders, isEnd: Bool) {
        switch phase {
        case .over: return
        case .body:
            if isEnd { answerEnded() }
        case .waitingForHead:
            guard let head = ExchangeHead(headers) else { return abort(.malformed) }
            // Informational heads are not the answer.
            guard head.status >= 200 else { return }
            phase = .body
            receiver?.exchangeHead(head)
            if isEnd { answerEnded() }
        }
    }

    /// True: call `readComplete` when this read is over.
    func data(_ bytes: ByteBuffer, size: Int, isEnd: Bool) -> Bool {
        guard phase == .body else {
            if phase == .waitingForHead { abort(.malformed) }
            return false
        }
        guard isReading, held.isEmpty else {
            held.append((bytes, size))
            isHeldEnd = isEnd
            return false
        }
        deliver(bytes, size: size, isLast: isEnd)
        if isEnd { answerEnded() }
        guard phase == .body, !isTouched else { return false }
        isTouched = true
        return true
    }

    func readComplete() {
        isTouched = false
        guard phase == .body else { return }
        receiver?.exchangeReadComplete()
    }

    /// The stream is over for the peer.
    func fail(_ failure: ExchangeFailure) {
        guard phase != .over else { return }
        let tell = receiver
        end()
        tell?.exchangeFailed(failure)
    }

    /// The connection is gone.
    func lost() {
        guard id != .rootStream else { return fail(.connectFailed) }
        fail(phase == .waitingForHead ? .lostBeforeHead : .lostBeforeEnd)
    }

    // MARK: Inside

    private func deliver(_ bytes: ByteBuffer, size: Int, isLast: Bool) {
        consumed += size
        if consumed >= Self.giveEvery, !isLast {
            writer.giveWindow(id, consumed)
            consumed = 0
        }
        if bytes.readableBytes > 0 { receiver?.exchangeBody(bytes) }
    }

    private func answerEnded() {
        guard held.isEmpty else {
            isHeldEnd = true
            return
        }
        guard phase != .over else { return }
        let tell = receiver
        let isUploading = !isRequestSent
        end()
        // An answer to half a request: what is left of it need not be sent.
        if isUploading { writer.reset(id, .cancel) }
        tell?.exchangeEnd()
    }

    private func deliverHeld() {
        guard isReading, phase == .body, !held.isEmpty else { return }
        var next = 0
        while isReading, phase == .body, next < held.count {
            let (bytes, size) = held[next]
            next += 1
            deliver(bytes, size: size, isLast: isHeldEnd)
        }
        guard phase == .body else { return }
        held.removeFirst(next)
        // The end needs no reading: also a receiver that stopped at the last piece hears of it.
        guard held.isEmpty, isHeldEnd else {
            receiver?.exchangeReadComplete()
            return
        }
        answerEnded()
    }

    private func abort(_ failure: ExchangeFailure) {
        writer.reset(id, .protocolError)
        fail(failure)
    }

    private func end() {
        phase = .over
        request = nil
        receiver = nil
        held.removeAll()
        onFinish?()
        onFinish = nil
        owner?.finished(self)
    }
}

extension ExchangeHead {
    /// Nil without a status.
    init?(_ headers: HPACKHeaders) {
        self.init(status: 0, isEventStream: false)
        for (name, value, _) in headers {
            switch name {
            case ":status": status = Int(value) ?? 0
            case "content-type": isEventStream = value.lowercased().hasPrefix("text/event-stream")
            case LinkName.refusal: refusal = value
            default: break
            }
        }
        guard (100...999).contains(status) else { return nil }
    }
}
