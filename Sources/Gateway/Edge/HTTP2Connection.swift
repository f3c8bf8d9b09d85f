import Domain
import Telemetry
import Link
import NIOCore
import NIOHPACK
import NIOHTTP2

/// A customer's HTTP/2 connection: the one handler behind the frame layer. It sends each frame to its stream, keeps the connection's window open,
/// drains by GOAWAY and closes on any error of the connection, which the frame layer itself leaves open.
final class HTTP2Connection: ChannelInboundHandler {
    typealias InboundIn = HTTP2Frame
    typealias OutboundOut = HTTP2Frame

    private enum Drain {
        case none
        /// We said GOAWAY and wait for the answer to a PING, behind which no stream can come that the client began before it heard us.
        case announced(NIODeadline)
        case settled
    }

    /// For a client to answer the PING of a drain.
    private static let settleTime = TimeAmount.seconds(1)
    /// Stream ids end at 2^31-1.
    private static let lastStreamId = 1 << 30

    let loop: GatewayLoop
    /// See `CustomerConnection`.
    let peer: NetworkAddress?
    var position = 0
    private let watch: FrameWatch
    private let gate: FrameGate
    private var context: ChannelHandlerContext?
    private var streams: [HTTP2StreamID: HTTP2Stream] = [:]
    private var newest = HTTP2StreamID.rootStream
    /// Of the preface, and then of the next request while there is none.
    private var deadline: NIODeadline
    private var drainPhase = Drain.none
    private var isFlushScheduled = false
    private var isOpen = false
    private var isClosed = false

    init(loop: GatewayLoop, peer: NetworkAddress?, watch: FrameWatch, gate: FrameGate, deadline: NIODeadline) {
        self.loop = loop
        self.peer = peer
        self.watch = watch
        self.gate = gate
        self.deadline = deadline
    }

    // MARK: From the channel

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        loop.add(self)
        watch.onReset = { [weak self] id in self?.streams[id]?.lost() }
        giveWindow(.rootStream, HTTP2Connection.connectionWindow - 65_535)
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        end()
        self.context = nil
        watch.onReset = { _ in }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !isClosed else { return }
        let frame = unwrapInboundIn(data)
        switch frame.payload {
        case .data(let payload):
            guard case .byteBuffer(let bytes) = payload.data else { return }
            let padding = payload.paddingBytes.map { $0 + 1 } ?? 0
            streams[frame.streamID]?.received(bytes, size: bytes.readableBytes + padding, isEnd: payload.endStream)
        case .headers(let payload): headers(frame.streamID, payload.headers, isEnd: payload.endStream)
        case .rstStream: streams[frame.streamID]?.lost()
        case .goAway: startDrain()
        case .ping(let data, let isAnswer):
            if isAnswer, data == .settle { settle() }
        case .settings: opened()
        case .windowUpdate, .priority, .alternativeService, .origin, .pushPromise: break
        }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        switch event {
        case let update as NIOHTTP2WindowUpdatedEvent: connectionWindow(update)
        // Nobody can answer on half of an HTTP/2 connection (RFC 9113, section 9.1): its settings need both.
        case ChannelEvent.inputClosed: closeNow()
        default: context.fireUserInboundEventTriggered(event)
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        end()
        context.fireChannelInactive()
    }

    /// Errors of a single stream come here too; the frame layer resets that stream, and bounds how many of them a client may cause.
    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if error is FrameGate.Flood { return endFlood() }
        guard watch.isConnectionGivenUp || !error.isOfOneStream else { return }
        if watch.isConnectionGivenUp { loop.metrics.edge.brokenConnections.increment() }
        closeNow()
    }

    /// The client's first frame: from now on it may take as long as between requests.
    private func opened() {
        guard !isOpen else { return }
        isOpen = true
        deadline = .now() + .seconds(Int64(loop.settings.idleTime))
    }

    // MARK: Streams

    private func headers(_ id: HTTP2StreamID, _ fields: HPACKHeaders, isEnd: Bool) {
        if let stream = streams[id] { return stream.received(fields, isEnd: isEnd) }
        // Of a stream that is over.
        guard id > newest else { return }
        newest = id
        // Also of a client that has not heard of our bound yet.
        guard streams.count < HTTP2Connection.mostStreams else { return refuse(id) }
        let stream = HTTP2Stream(id: id, loop: loop, connection: self)
        streams[id] = stream
        stream.received(fields, isEnd: isEnd)
        if Int(id) >= HTTP2Connection.lastStreamId { startDrain() }
    }

    /// RFC 9113, sections 5.1.2 and 8.7: nothing was done for it, so the client may ask again at once. It may not go on like that.
    private func refuse(_ id: HTTP2StreamID) {
        guard gate.takesRefusal() else { return endFlood() }
        reset(id, .refusedStream)
    }

    func finished(_ stream: HTTP2Stream) {
        guard streams[stream.id] === stream else { return }
        streams[stream.id] = nil
        guard streams.isEmpty else { return }
        deadline = .now() + .seconds(Int64(loop.settings.idleTime))
        closeIfDrained()
    }

    func write(_ id: HTTP2StreamID, _ payload: HTTP2Frame.FramePayload, promise: EventLoopPromise<Void>? = nil) {
        guard let context, !isClosed else {
            promise?.fail(ChannelError.ioOnClosedChannel)
            return
        }
        context.write(NIOAny(HTTP2Frame(streamID: id, payload: payload)), promise: promise)
        scheduleFlush()
    }

    /// The stream must have left, so that the frame layer's report of this reset finds nobody.
    func reset(_ id: HTTP2StreamID, _ code: HTTP2ErrorCode) {
        write(id, .rstStream(code))
    }

    func giveWindow(_ id: HTTP2StreamID, _ bytes: Int) {
        write(id, .windowUpdate(windowSizeIncrement: bytes))
    }

    /// Runs after the events of this turn: what several streams write in it goes out together.
    private func scheduleFlush() {
        guard !isFlushScheduled else { return }
        isFlushScheduled = true
        loop.eventLoop.assumeIsolatedUnsafeUnchecked().execute { [self] in
            isFlushScheduled = false
            context?.flush()
        }
    }

    /// The connection's window never waits for a stream: what a stream holds is bounded by its own.
    private func connectionWindow(_ update: NIOHTTP2WindowUpdatedEvent) {
        guard update.streamID == .rootStream, !isClosed, let size = update.inboundWindowSize else { return }
        let missing = HTTP2Connection.connectionWindow - size
        if missing >= HTTP2Connection.connectionWindow / 16 { giveWindow(.rootStream, missing) }
    }

    // MARK: Drain and close

    /// The first GOAWAY names the highest id there is (RFC 9113, section 6.8), so that streams which crossed it on the wire are answered. It does
    /// not go through the frame layer, which would refuse such streams.
    private func startDrain() {
        guard case .none = drainPhase, let context, !isClosed else { return }
        drainPhase = .announced(.now() + HTTP2Connection.settleTime)
        context.channel.pipeline.triggerUserOutboundEvent(WriteCoalescer.Raw(bytes: GoAwayFrame.graceful), promise: nil)
        write(.rootStream, .ping(.settle, ack: false))
    }

    private func settle() {
        guard case .announced = drainPhase else { return }
        drainPhase = .settled
        write(.rootStream, .goAway(lastStreamID: newest, errorCode: .noError, opaqueData: nil))
        closeIfDrained()
    }

    private func closeIfDrained() {
        guard case .settled = drainPhase, streams.isEmpty, !isClosed else { return }
        // What was written in this turn goes out in front of the end.
        loop.eventLoop.assumeIsolatedUnsafeUnchecked().execute { [self] in
            context?.flush()
            closeNow()
        }
    }

    private func endFlood() {
        guard !isClosed else { return }
        loop.metrics.edge.brokenConnections.increment()
        write(.rootStream, .goAway(lastStreamID: newest, errorCode: .enhanceYourCalm, opaqueData: nil))
        context?.flush()
        closeNow()
    }

    /// As long as the head of a request over HTTP/1.1 may take. No other frame may come in between (RFC 9113, section 6.10), so no stream can be reset for it.
    private func isHeadLate(_ now: NIODeadline) -> Bool {
        gate.fieldsBegan.map { now >= $0 + .seconds(Int64(loop.settings.headTime)) } ?? false
    }

    private func end() {
        guard !isClosed else { return }
        isClosed = true
        loop.remove(self)
        for stream in streams.values { stream.lost() }
        streams.removeAll()
    }
}

extension HTTP2Connection: EdgeConnection {
    var isBusy: Bool {
        if case .announced = drainPhase { return !isClosed }
        return !streams.isEmpty
    }

    var isUnanswered: Bool { !streams.isEmpty }

    func tick(_ now: NIODeadline) {
        for stream in streams.values { stream.tick(now) }
        if isHeadLate(now) { return endFlood() }
        if case .announced(let end) = drainPhase, now >= end { settle() }
        guard streams.isEmpty, now >= deadline, !isClosed else { return }
        // The preface never came, or the client has nothing to ask.
        if isOpen { startDrain() } else { closeNow() }
    }

    func drain() {
        startDrain()
        for stream in streams.values { stream.drain() }
    }

    func cut() {
        for stream in streams.values { stream.cut() }
    }

    func closeNow() {
        let context = context
        end()
        context?.close(promise: nil)
    }
}

extension HTTP2PingData {
    fileprivate static let settle = HTTP2PingData(withInteger: 0x706c_6d73_6f6c_6d02)
}
