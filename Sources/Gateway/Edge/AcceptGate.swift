import Glibc
import Logging
import NIOCore
import Telemetry

/// On a listening socket: accepts nothing while there is no room for it. What waits in the kernel meanwhile is neither lost nor refused, and the
/// connections that are open go on.
final class AcceptGate: ChannelInboundHandler {
    typealias InboundIn = Channel

    private let loop: GatewayLoop
    private let book: ConnectionBook
    private let logger: Logger
    private var context: ChannelHandlerContext?
    private var paused: EdgeMetrics.PauseReason?

    init(loop: GatewayLoop, book: ConnectionBook, logger: Logger) {
        self.loop = loop
        self.book = book
        self.logger = logger
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        loop.gate = self
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
        loop.gate = nil
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        context.fireChannelRead(data)
        if book.isFull { pause(.connections) }
    }

    /// What is wanting is as a rule a descriptor; a client that left before it was accepted is no reason to wait.
    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard let error = error as? IOError, [EMFILE, ENFILE, ENOBUFS, ENOMEM].contains(error.errnoCode) else { return }
        pause(.descriptors)
    }

    /// Looks again for room.
    func tick() {
        if loop.memory.isShort { return pause(.memory) }
        guard paused != nil, !book.isFull else { return }
        paused = nil
        setReading(true)
    }

    private func pause(_ reason: EdgeMetrics.PauseReason) {
        guard paused == nil else { return }
        paused = reason
        loop.metrics.edge.countPause(reason)
        logger.warning("no connections are accepted for a while", metadata: [LogKeys.reason: "\(reason.rawValue)"])
        setReading(false)
    }

    private func setReading(_ on: Bool) {
        // A listener that is closed accepts nothing anyway.
        try? context?.channel.syncOptions?.setOption(.autoRead, value: on)
    }
}
