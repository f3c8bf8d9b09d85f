import PlimsollWire
import Domain
import Exchange
import HTTPWire
import NIOCore
import OpenAIWire

/// One customer's connection: HTTP/1.1, one request after the other; a pipelined request waits until the one before it is answered.
final class CustomerConnection: ChannelInboundHandler, EdgeConnection {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    enum State {
        case head
        case body(left: Int)
        case chunks
        case serving
        /// The last answer has been given, perhaps before the body was read: what still comes is thrown away, up to a bound.
        case discarding(left: Int)
        case closed
    }

    /// While a request is served, so much of the next one may wait here; then reading stops.
    private static let pipelinedBytes = 64 * 1024

    let loop: GatewayLoop
    /// See `ProtocolGate`.
    let peer: NetworkAddress?
    var position = 0
    var context: ChannelHandlerContext?
    var state = State.head
    var inbound = ByteBuffer()
    var body = ByteBuffer()
    var decoder = ChunkedDecoder()
    var arriving: ArrivingRequest?
    var bodyClock: BodyClock?
    var request: RelayedRequest?
    var out = ByteBuffer()
    /// No TLS stands between this and the socket.
    let isPlain: Bool
    /// Once something has been written, if this is plain.
    var writer: SocketWriter?
    var hasWritten = false
    var finder = HeadFinder()
    var deadline: NIODeadline
    /// Of the request at hand.
    var isHTTP11 = true
    var keepAlive = true
    /// The request at hand must be answered without a body.
    var isHeadRequest = false
    /// Nil while the channel is writable.
    var stall: WriteStall?
    /// Bytes of the last answer are on their way to the client.
    var isWritingLast = false
    var inputClosed = false
    private var readsPaused = false
    private var isProcessing = false

    init(loop: GatewayLoop, peer: NetworkAddress?, isPlain: Bool) {
        self.loop = loop
        self.peer = peer
        self.isPlain = isPlain
        deadline = .now() + .seconds(Int64(loop.settings.headTime))
    }

    // MARK: From the channel

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        loop.add(self)
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var bytes = unwrapInboundIn(data)
        if case .discarding(let left) = state { return discard(bytes.readableBytes, left) }
        if case .closed = state { return }
        if case .body(let left) = state, inbound.readableBytes == 0 {
            take(&bytes, left)
            if bytes.readableBytes == 0 { return process() }
        }
        if inbound.readableBytes == 0 {
            inbound = bytes
        } else {
            inbound.writeBuffer(&bytes)
        }
        process()
        adjustReading()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        guard case ChannelEvent.inputClosed = event else { return context.fireUserInboundEventTriggered(event) }
        inputClosed = true
        guard let request else {
            if !isWritingLast { finishClosing() }
            return
        }
        // Half-closed and gone look the same. A byte towards a client that is gone is answered with a reset, which cancels the request.
        request.probeClient()
    }

    func channelInactive(context: ChannelHandlerContext) {
        state = .closed
        loop.remove(self)
        let request = request
        self.request = nil
        request?.clientGone()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        let isWritable = context.channel.isWritable
        noteWritable(isWritable)
        request?.clientWritable(isWritable)
        guard isWritable else { return }
        adjustReading()
        process()
    }

    // MARK: From the loop

    func tick(_ now: NIODeadline) {
        if isStalled(now) { return closeNow() }
        if let request { return request.tick(now) }
        guard now >= deadline else { return }
        switch state {
        case .head where stall != nil: break
        case .head where inbound.readableBytes > 0: refuse(APIError(.requestTimeout))
        case .body, .chunks: refuse(APIError(.requestTimeout))
        default: closeNow()
        }
    }

    // MARK: Reading

    /// Takes requests off the front of what has arrived, as far as it goes.
    func process() {
        guard !isProcessing else { return }
        isProcessing = true
        defer { isProcessing = false }
        while step() {}
    }

    private func step() -> Bool {
        switch state {
        case .serving, .discarding, .closed: return false
        // A client that does not read its answers gets no more of them.
        case .head: return inbound.readableBytes > 0 && stall == nil && takeHead()
        case .body(let left):
            guard left == 0 || inbound.readableBytes > 0 else { return false }
            var bytes = inbound
            inbound = ByteBuffer()
            take(&bytes, left)
            inbound = bytes
            guard case .body(0) = state else { return false }
            arrived()
            return true
        case .chunks: return takeChunks()
        }
    }

    private func takeHead() -> Bool {
        isHeadRequest = false
        do throws(HTTPFault) {
            guard let length = try inbound.findHead(&finder) else { return false }
            let (outcome, head) = try readHead(length)
            inbound.moveReaderIndex(forwardBy: length)
            return begin(outcome, head)
        } catch {
            refuse(APIError(.malformedRequest), status: error.status)
            return false
        }
    }

    /// Moves up to `left` bytes into the body. A body that came in one piece is not copied.
    private func take(_ bytes: inout ByteBuffer, _ left: Int) {
        let count = min(left, bytes.readableBytes)
        guard count > 0, var slice = bytes.readSlice(length: count) else { return }
        if body.readableBytes == 0, count == left {
            body = slice
        } else {
            body.writeBuffer(&slice)
        }
        state = .body(left: left - count)
        awaitBody()
    }

    private func awaitBody() {
        bodyClock?.received(body.readableBytes, now: .now())
        if let bodyClock { deadline = bodyClock.deadline }
    }

    private func takeChunks() -> Bool {
        do throws(HTTPFault) {
            while inbound.readableBytes > 0 {
                switch try inbound.nextChunk(&decoder) {
                case .data(let range):
                    if var slice = inbound.getSlice(at: inbound.readerIndex + range.lowerBound, length: range.count) { body.writeBuffer(&slice) }
                    inbound.moveReaderIndex(forwardBy: range.upperBound)
                    if let tier = arriving?.key.tier, body.readableBytes > tier.maxBodyBytes {
                        refuse(tier.bodyTooLarge)
                        return false
                    }
                case .needMore: inbound.clear()
                case .end(let offset):
                    inbound.moveReaderIndex(forwardBy: offset)
                    arrived()
                    return true
                }
            }
            awaitBody()
            return false
        } catch {
            refuse(APIError(.malformedRequest))
            return false
        }
    }

    private func discard(_ count: Int, _ left: Int) {
        state = .discarding(left: left - count)
        if count >= left { closeNow() }
    }

    private func adjustReading() {
        pauseReading((request != nil || stall != nil) && inbound.readableBytes > CustomerConnection.pipelinedBytes)
    }

    func pauseReading(_ pause: Bool) {
        guard pause != readsPaused else { return }
        readsPaused = pause
        try? context?.channel.syncOptions?.setOption(.autoRead, value: !pause)
    }

    // MARK: After an answer

    /// The answer has been written whole: on to the next request, or the end of the connection.
    func answered() {
        request = nil
        guard context != nil, case .serving = state else { return }
        guard keepAlive, !inputClosed, !loop.isDraining else { return finishClosing() }
        state = .head
        deadline = .now() + .seconds(Int64(loop.settings.idleTime))
        adjustReading()
        process()
    }
}
