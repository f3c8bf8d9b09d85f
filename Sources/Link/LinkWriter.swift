import NIOCore
import NIOHPACK
import NIOHTTP2

/// How the streams of one connection write frames. What is written in one turn of the loop is flushed once, at the turn's end.
final class LinkWriter {
    let eventLoop: any EventLoop
    let settings: LinkSettings
    /// Called before a flush: streams write what they have gathered in this turn.
    var gather: () -> Void = {}
    /// Called when requests are open on an idle link, and when none is left.
    var busyChanged: (Bool) -> Void = { _ in }
    /// Closes the connection; the reason reaches whoever hears of the link.
    var close: (LinkError) -> Void = { _ in }
    /// Streams whose reset by us is on its way: the frame layer keeps resets back while the channel is not writable.
    private var resetting: Set<HTTP2StreamID> = []
    private var context: ChannelHandlerContext?
    private var isFlushScheduled = false

    init(eventLoop: any EventLoop, settings: LinkSettings) {
        self.eventLoop = eventLoop
        self.settings = settings
    }

    func attach(_ context: ChannelHandlerContext) {
        self.context = context
    }

    func detach() {
        context = nil
        gather = {}
        busyChanged = { _ in }
        close = { _ in }
    }

    var isChannelWritable: Bool { context?.channel.isWritable ?? false }

    func write(_ id: HTTP2StreamID, _ payload: HTTP2Frame.FramePayload, promise: EventLoopPromise<Void>? = nil) {
        guard let context else {
            promise?.fail(ChannelError.ioOnClosedChannel)
            return
        }
        context.write(NIOAny(HTTP2Frame(streamID: id, payload: payload)), promise: promise)
        scheduleFlush()
    }

    func reset(_ id: HTTP2StreamID, _ code: HTTP2ErrorCode) {
        resetting.insert(id)
        let sent = eventLoop.makePromise(of: Void.self)
        // In whatever way it ends, so that the set is no larger than what the frame layer keeps back.
        sent.futureResult.assumeIsolated().whenComplete { _ in self.resetting.remove(id) }
        write(id, .rstStream(code), promise: sent)
    }

    /// Whether a reset that goes out now is ours and not the frame layer's.
    func isOwnReset(_ id: HTTP2StreamID) -> Bool { resetting.contains(id) }

    func giveWindow(_ id: HTTP2StreamID, _ bytes: Int) {
        write(id, .windowUpdate(windowSizeIncrement: bytes))
    }

    func scheduleFlush() {
        guard !isFlushScheduled, context != nil else { return }
        isFlushScheduled = true
        // Runs after the events of this turn: what other connections of the loop write to this link meanwhile goes out with it.
        eventLoop.assumeIsolatedUnsafeUnchecked().execute { self.flush() }
    }

    func later(_ work: @escaping () -> Void) {
        eventLoop.assumeIsolatedUnsafeUnchecked().execute(work)
    }

    func after(_ delay: TimeAmount, _ work: @escaping () -> Void) {
        eventLoop.assumeIsolatedUnsafeUnchecked().scheduleTask(in: delay, work)
    }

    private func flush() {
        gather()
        isFlushScheduled = false
        context?.flush()
    }
}
