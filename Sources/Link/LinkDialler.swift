import Logging
import NIOCore
import NIOPosix
import ServiceLifecycle
import Synchronization

/// Keeps a number of links to each wanted peer: dials, waits until a link takes nothing new, dials again. Both dialling sides are made of it.
final class LinkDialler: Sendable {
    private struct Slot: Hashable {
        let peer: LinkPeer
        let index: Int
    }

    private struct State {
        var wanted: Set<LinkPeer> = []
        var running: Set<Slot> = []
        var isEnding = false
    }

    private let pipeline: LinkPipeline
    private let group: any EventLoopGroup
    private let logger: Logger
    private let state = Mutex(State())
    private let changes: AsyncStream<Void>
    private let changed: AsyncStream<Void>.Continuation

    var sessions: LinkSessions { pipeline.sessions }

    init(pipeline: LinkPipeline, group: any EventLoopGroup, logger: Logger) {
        self.pipeline = pipeline
        self.group = group
        self.logger = logger
        (changes, changed) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    /// Links to peers that are not among them are drained.
    func want(_ peers: [LinkPeer]) {
        let ids = Set(peers.map(\.id))
        state.withLock { $0.wanted = Set(peers) }
        for session in sessions.all where !ids.contains(session.peer.idText) { session.drain() }
        changed.yield()
    }

    func drain() async {
        state.withLock { $0.isEnding = true }
        changed.finish()
        await sessions.end(.drain(within: pipeline.settings.drainDeadline))
    }

    /// Dials until cancelled or asked to shut down, then drains.
    func run() async {
        await withGracefulShutdownHandler {
            await keepAll()
        } onGracefulShutdown: {
            self.changed.finish()
        }
    }

    private func keepAll() async {
        await withDiscardingTaskGroup { children in
            changed.yield()
            for await _ in changes {
                for slot in newSlots() { children.addTask { await self.keep(slot) } }
            }
            let wasDrained = state.withLock { state in
                defer { state.isEnding = true }
                return state.isEnding
            }
            let limit = wasDrained ? pipeline.settings.drainDeadline : pipeline.settings.endDeadline
            // Ends dials and the waits between them; waits for a link end with the link.
            children.cancelAll()
            await sessions.end(.drain(within: limit))
        }
    }

    private func newSlots() -> [Slot] {
        let perPeer = pipeline.settings.connectionsPerPeer
        return state.withLock { state in
            guard !state.isEnding else { return [] }
            let all = state.wanted.flatMap { peer in (0..<perPeer).map { Slot(peer: peer, index: $0) } }
            let fresh = all.filter { !state.running.contains($0) }
            state.running.formUnion(fresh)
            return fresh
        }
    }

    /// False: the slot is given up, under the same lock that decides whether it must be started again.
    private func isWanted(_ slot: Slot) -> Bool {
        state.withLock { state in
            if state.wanted.contains(slot.peer), !state.isEnding { return true }
            state.running.remove(slot)
            return false
        }
    }

    private func keep(_ slot: Slot) async {
        var backoff = Backoff(pipeline.settings)
        while !Task.isCancelled, isWanted(slot) {
            let end = await link(slot.peer) { state.withLock { $0.wanted.contains(slot.peer) && !$0.isEnding } }
            let delay = backoff.next(after: end)
            if let lost = end.lost { note(lost, slot.peer, attempt: backoff.attempts) }
            do { try await Task.sleep(for: delay) } catch { break }
        }
    }

    /// One link, until it takes nothing new.
    func link(_ peer: LinkPeer, whileWanted isWanted: () -> Bool = { true }) async -> LinkEnd {
        var opened: ContinuousClock.Instant?
        let lost = await hold(peer) {
            opened = .now
            return isWanted()
        }
        return LinkEnd(lost: lost, lived: opened?.duration(to: .now) ?? .zero)
    }

    /// Nil: it drained; otherwise why there is none.
    private func hold(_ peer: LinkPeer, _ isWantedWhenOpened: () -> Bool) async -> LinkError? {
        do {
            let session = try await dial(peer)
            try await session.whenOpened.get()
            logger.info("link opened", metadata: ["peer.identity": "\(session.peer)", "peer.address": "\(peer.address)"])
            if !isWantedWhenOpened() { session.drain() }
            try await session.whenRetired.get()
            return session.isDraining ? nil : try await session.whenClosed.get()
        } catch let error as LinkError {
            return error
        } catch {
            return LinkError(.connectFailed, "no connection", cause: error)
        }
    }

    private func dial(_ peer: LinkPeer) async throws -> LinkSession {
        guard let address = HostAndPort(peer.address) else { throw LinkError(.badAddress, "\(peer.address) is not host:port") }
        let loop = group.next()
        let dial = LinkDial(on: loop)
        let bootstrap = ClientBootstrap(group: loop)
            .connectTimeout(pipeline.settings.openDeadline)
            .channelOption(LinkSocket.noDelay, value: 1)
            .channelOption(LinkSocket.userTimeout, value: LinkSocket.userTimeoutMilliseconds)
            .channelInitializer { [pipeline] channel in
                channel.eventLoop.makeCompletedFuture {
                    try dial.tries(channel, try pipeline.install(on: channel, as: .dialled(peer.id)))
                }
            }
        return try await dial.session(on: bootstrap.connect(host: address.host, port: address.port))
    }

    /// The first failure is news, those after it are not.
    private func note(_ error: LinkError, _ peer: LinkPeer, attempt: Int) {
        logger.log(
            level: attempt <= 1 ? .warning : .debug, "no link",
            metadata: [
                "peer.address": "\(peer.address)", "error.code": "\(error.code)", "error.reason": "\(error)", "attempt": "\(attempt)",
            ])
    }
}
