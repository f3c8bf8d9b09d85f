import Glibc
import Logging
import Reactor
import Telemetry

/// Of a listening socket: accepts nothing while there is no room for it. What waits in the kernel meanwhile is neither lost nor refused, and the
/// connections that are open go on.
final class AcceptGate {
    private let listening: ListeningSocket
    private let loop: GatewayLoop
    private let book: ConnectionBook
    private let logger: Logger
    private var paused: EdgeMetrics.PauseReason?

    init(_ listening: ListeningSocket, loop: GatewayLoop, book: ConnectionBook, logger: Logger) {
        self.listening = listening
        self.loop = loop
        self.book = book
        self.logger = logger
        listening.failed = { [unowned self] _ in pause(.descriptors) }
    }

    func accepted() {
        if book.isFull { pause(.connections) }
    }

    /// Looks again for room.
    func tick() {
        if loop.memory.isShort { return pause(.memory) }
        if paused == .connections, book.isFull { loop.closeIdlest() }
        guard paused != nil, !book.isFull else { return }
        paused = nil
        listening.setAccepting(true)
    }

    private func pause(_ reason: EdgeMetrics.PauseReason) {
        guard paused == nil else { return }
        paused = reason
        loop.metrics.edge.countPause(reason)
        logger.warning("no connections are accepted for a while", metadata: [LogKeys.reason: "\(reason.rawValue)"])
        listening.setAccepting(false)
    }
}
