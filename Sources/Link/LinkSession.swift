import Cryptography
import NIOCore
import Synchronization

/// One link as it is seen from outside its loop.
final class LinkSession: Sendable {
    let peer: PeerIdentity
    let channel: any Channel
    private let drainDeadline: TimeAmount
    private let isOpenNow = Atomic(false)
    private let isDrainingNow = Atomic(false)
    private let heardAt: Atomic<UInt64>
    private let opening: EventLoopPromise<Void>
    private let retiring: EventLoopPromise<Void>
    private let ending: EventLoopPromise<LinkError>
    private let onClosed: @Sendable (LinkSession) -> Void

    /// - Parameter drainDeadline: how long `drain` lets requests run.
    init(peer: PeerIdentity, channel: any Channel, drainDeadline: TimeAmount, onClosed: @escaping @Sendable (LinkSession) -> Void) {
        self.peer = peer
        self.channel = channel
        self.drainDeadline = drainDeadline
        self.onClosed = onClosed
        heardAt = Atomic(NIODeadline.now().uptimeNanoseconds)
        opening = channel.eventLoop.makePromise()
        retiring = channel.eventLoop.makePromise()
        ending = channel.eventLoop.makePromise()
    }

    var eventLoop: any EventLoop { channel.eventLoop }
    /// The peer has answered and the connection lives.
    var isOpen: Bool { isOpenNow.load(ordering: .acquiring) }
    /// One of the two said GOAWAY.
    var isDraining: Bool { isDrainingNow.load(ordering: .acquiring) }
    var lastHeard: NIODeadline { .uptimeNanoseconds(heardAt.load(ordering: .relaxed)) }
    /// Fails when the link was lost before the peer's first frame.
    var whenOpened: EventLoopFuture<Void> { opening.futureResult }
    /// The link takes nothing new: it drains or is closed.
    var whenRetired: EventLoopFuture<Void> { retiring.futureResult }
    var whenClosed: EventLoopFuture<LinkError> { ending.futureResult }

    /// From any thread.
    func order(_ order: LinkOrder) {
        channel.pipeline.fireUserInboundEventTriggered(order)
    }

    /// From any thread.
    func drain() { order(.drain(within: drainDeadline)) }

    func opened() {
        isOpenNow.store(true, ordering: .releasing)
        opening.succeed()
    }

    func heard(at now: NIODeadline) {
        heardAt.store(now.uptimeNanoseconds, ordering: .relaxed)
    }

    func draining() {
        isDrainingNow.store(true, ordering: .releasing)
        retiring.succeed()
    }

    func closed(_ reason: LinkError) {
        isOpenNow.store(false, ordering: .releasing)
        onClosed(self)
        opening.fail(reason)
        retiring.succeed()
        ending.succeed(reason)
    }
}

/// The live links of one listener or dialler.
final class LinkSessions: Sendable {
    private struct State {
        var live: [ObjectIdentifier: LinkSession] = [:]
        var waiting: [CheckedContinuation<Void, Never>] = []
        var ending: LinkOrder?
    }

    private let state = Mutex(State())

    var all: [LinkSession] { state.withLock { Array($0.live.values) } }

    var openPeers: [String] { Set(all.filter { $0.isOpen && !$0.isDraining }.map(\.peer.idText)).sorted() }

    /// A link that gets through its handshake while all are being ended is ended too, when its handlers are in place.
    func add(_ session: LinkSession) {
        let ending = state.withLock { state in
            state.live[ObjectIdentifier(session)] = session
            return state.ending
        }
        guard let ending else { return }
        session.eventLoop.execute { session.order(ending) }
    }

    func remove(_ session: LinkSession) {
        let waiting = state.withLock { state -> [CheckedContinuation<Void, Never>] in
            state.live[ObjectIdentifier(session)] = nil
            guard state.live.isEmpty else { return [] }
            defer { state.waiting = [] }
            return state.waiting
        }
        for continuation in waiting { continuation.resume() }
    }

    /// Drains or cuts all links, those to come as well. Returns when none is left: at the drain's deadline, and soon after a cancellation, which
    /// cuts what a drain has left.
    func end(_ order: LinkOrder) async {
        give(order)
        await withTaskCancellationHandler {
            await whenEmpty()
        } onCancel: {
            give(.cut(LinkError(.closed, "shutting down")))
        }
    }

    private func give(_ order: LinkOrder) {
        state.withLock { $0.ending = order }
        for session in all { session.order(order) }
    }

    private func whenEmpty() async {
        await withCheckedContinuation { continuation in
            let isEmpty = state.withLock { state in
                guard !state.live.isEmpty else { return true }
                state.waiting.append(continuation)
                return false
            }
            if isEmpty { continuation.resume() }
        }
    }
}
