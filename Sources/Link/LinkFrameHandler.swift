import Cryptography
package import NIOCore
import NIOHTTP2

/// The one handler behind the frame layer: sends each frame to its stream, keeps the connection's window open, watches the peer's pulse,
/// drains by GOAWAY and closes the connection on any error of it. swift-nio-http2 itself leaves a broken connection open.
final class LinkFrameHandler<Streams: LinkStreams>: ChannelInboundHandler {
    typealias InboundIn = HTTP2Frame
    typealias OutboundOut = HTTP2Frame

    private let streams: Streams
    private let writer: LinkWriter
    private let settings: LinkSettings
    private let watch: FrameWatch
    private let session: LinkSession
    private var pulse: LinkPulse
    private var pulseTimer: Scheduled<Void>?
    private var pulseDue = NIODeadline.distantFuture
    private var openTimer: Scheduled<Void>?
    private var drainTimer: Scheduled<Void>?
    private var drainDue = NIODeadline.distantFuture
    private var drain = DrainPhase.none
    private var isOpen = false
    private var isClosed = false
    private var isReading = false

    private enum DrainPhase {
        case none
        /// We said GOAWAY and wait for the answer to a PING, behind which no stream can come that the peer began before it heard us.
        case announced
        case settled
    }

    init(streams: Streams, writer: LinkWriter, settings: LinkSettings, watch: FrameWatch, session: LinkSession, deadline: NIODeadline) {
        self.streams = streams
        self.writer = writer
        self.settings = settings
        self.watch = watch
        self.session = session
        pulse = LinkPulse(settings, now: .now())
        openDeadline = deadline
    }

    private let openDeadline: NIODeadline

    func handlerAdded(context: ChannelHandlerContext) {
        writer.attach(context)
        writer.gather = { [streams] in streams.gather() }
        writer.busyChanged = { [weak self] in self?.busyChanged($0, context) }
        writer.close = { [weak self] in self?.close(context, $0) }
        watch.onReset = { [streams, writer] id in
            if !writer.isOwnReset(id) { streams.brokenStream(id) }
        }
        writer.giveWindow(.rootStream, settings.connectionWindow - 65_535)
        openTimer = context.eventLoop.assumeIsolated().scheduleTask(deadline: openDeadline) { [weak self] in
            self?.close(context, LinkError(.handshakeFailed, "the peer sent no HTTP/2 preface in time"))
        }
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        finish(LinkError(.closed, "the link was closed"))
        writer.detach()
        watch.onReset = { _ in }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if !isReading {
            isReading = true
            heard(context)
        }
        guard !isClosed else { return }
        let frame = unwrapInboundIn(data)
        switch frame.payload {
        case .data(let payload):
            guard case .byteBuffer(let bytes) = payload.data else { return }
            let padding = payload.paddingBytes.map { $0 + 1 } ?? 0
            streams.data(frame.streamID, bytes, size: bytes.readableBytes + padding, isEnd: payload.endStream)
        case .headers(let payload):
            streams.headers(frame.streamID, payload.headers, isEnd: payload.endStream)
        case .rstStream(let code):
            streams.peerReset(frame.streamID, code)
        case .goAway(let lastStreamID, let code, _):
            peerSaidGoodbye(context, lastStreamID, code)
        case .ping(let data, let isAnswer):
            if isAnswer, data == .drained { settle(context) }
        case .settings, .windowUpdate, .priority, .alternativeService, .origin, .pushPromise:
            break
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        isReading = false
        if !isClosed { streams.readComplete() }
        closeIfDrained(context)
        context.fireChannelReadComplete()
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if !isClosed { streams.writabilityChanged() }
        context.fireChannelWritabilityChanged()
    }

    func channelInactive(context: ChannelHandlerContext) {
        finish(LinkError(.closed, "the peer closed the connection"))
        context.fireChannelInactive()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if let update = event as? NIOHTTP2WindowUpdatedEvent {
            connectionWindow(update)
        } else if let order = event as? LinkOrder {
            obey(order, context)
        } else {
            context.fireUserInboundEventTriggered(event)
        }
    }

    /// Errors of a single stream come here too; they end that stream only, and the frame layer bounds how many of them a peer may cause.
    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard watch.isConnectionGivenUp || !error.isOfOneStream else { return }
        let code: LinkError.Code = error is any NIOHTTP2Error ? .protocolViolation : .closed
        close(context, LinkError(code, "the connection failed", cause: error))
    }

    // MARK: Windows

    /// The connection's window never waits for a stream: bytes that a stream holds back are bounded by the stream's own window.
    private func connectionWindow(_ update: NIOHTTP2WindowUpdatedEvent) {
        guard update.streamID == .rootStream, !isClosed, let size = update.inboundWindowSize else { return }
        let missing = settings.connectionWindow - size
        guard missing >= settings.connectionWindow / 16 else { return }
        writer.giveWindow(.rootStream, missing)
    }

    // MARK: Pulse

    private func heard(_ context: ChannelHandlerContext) {
        let now = NIODeadline.now()
        pulse.heard(at: now)
        session.heard(at: now)
        guard !isOpen, !isClosed else { return }
        isOpen = true
        openTimer?.cancel()
        schedulePulse(context)
        session.opened()
        streams.linkOpened()
    }

    private func busyChanged(_ isBusy: Bool, _ context: ChannelHandlerContext) {
        guard isBusy else {
            pulse.becameIdle()
            closeIfDrained(context)
            return
        }
        pulse.becameBusy(at: .now())
        // After a busy moment the timer stays short until it fires, so that this is rare.
        if isOpen, pulse.due < pulseDue { schedulePulse(context) }
    }

    private func schedulePulse(_ context: ChannelHandlerContext) {
        pulseTimer?.cancel()
        pulseDue = pulse.due
        pulseTimer = context.eventLoop.assumeIsolated().scheduleTask(deadline: pulseDue) { [weak self] in
            self?.beat(context)
        }
    }

    private func beat(_ context: ChannelHandlerContext) {
        guard !isClosed else { return }
        switch pulse.tick(at: .now()) {
        case .wait: break
        case .ping: writer.write(.rootStream, .ping(.pulse, ack: false))
        case .dead:
            close(context, LinkError(.silent, "the peer has been silent for too long"))
            return
        }
        schedulePulse(context)
    }

    // MARK: Drain and close

    private func obey(_ order: LinkOrder, _ context: ChannelHandlerContext) {
        switch order {
        case .cut(let reason): close(context, reason)
        case .drain(let limit):
            startDrain(context)
            limitDrain(context, limit)
        }
    }

    /// The first GOAWAY names the highest id there is (RFC 9113, 6.8), so that streams which crossed it on the wire are served. It does not go
    /// through the frame layer, which would refuse such streams.
    private func startDrain(_ context: ChannelHandlerContext) {
        guard drain == .none, !isClosed else { return }
        drain = .announced
        session.draining()
        context.channel.pipeline.triggerUserOutboundEvent(WriteCoalescer.Raw(bytes: GoAwayFrame.graceful), promise: nil)
        streams.draining()
        writer.write(.rootStream, .ping(.drained, ack: false))
    }

    private func settle(_ context: ChannelHandlerContext) {
        guard drain == .announced else { return }
        drain = .settled
        closeIfDrained(context)
    }

    private func peerSaidGoodbye(_ context: ChannelHandlerContext, _ lastStreamID: HTTP2StreamID, _ code: HTTP2ErrorCode) {
        guard code == .noError else {
            close(context, LinkError(.protocolViolation, "the peer gave the connection up with code \(code.networkCode)"))
            return
        }
        session.draining()
        streams.peerDraining(lastStreamID: lastStreamID)
        limitDrain(context, settings.drainDeadline)
    }

    private func limitDrain(_ context: ChannelHandlerContext, _ limit: TimeAmount) {
        let due = NIODeadline.now() + limit
        guard due < drainDue, !isClosed else { return }
        drainDue = due
        drainTimer?.cancel()
        drainTimer = context.eventLoop.assumeIsolated().scheduleTask(deadline: due) { [weak self] in
            self?.close(context, LinkError(.closed, "requests were still running at the end of the drain"))
        }
    }

    private func closeIfDrained(_ context: ChannelHandlerContext) {
        guard drain == .settled, !isClosed, streams.isDrained else { return }
        // What the last stream wrote is on its way down the pipeline in this turn; closing comes after it.
        writer.later { [weak self] in
            guard let self, streams.isDrained else { return }
            close(context, LinkError(.closed, "drained"))
        }
    }

    private func close(_ context: ChannelHandlerContext, _ reason: LinkError) {
        finish(reason)
        context.close(promise: nil)
    }

    private func finish(_ reason: LinkError) {
        guard !isClosed else { return }
        isClosed = true
        for timer in [pulseTimer, openTimer, drainTimer] { timer?.cancel() }
        streams.closed(reason)
        session.closed(reason)
    }
}

extension HTTP2PingData {
    static let pulse = HTTP2PingData(withInteger: 0x706c_6d73_6f6c_6c01)
    static let drained = HTTP2PingData(withInteger: 0x706c_6d73_6f6c_6c02)
}

/// GOAWAY as bytes: length 8, type 7, no flags, stream 0; last stream 2^31-1, code NO_ERROR.
package enum GoAwayFrame {
    package static let graceful = ByteBuffer(bytes: [0, 0, 8, 7, 0, 0, 0, 0, 0, 0x7f, 0xff, 0xff, 0xff, 0, 0, 0, 0])
}
