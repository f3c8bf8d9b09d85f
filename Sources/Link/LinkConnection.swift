package import Cryptography
package import Exchange
package import NIOCore
import Synchronization

/// Hears of a gateway's links. All calls come on the link's loop.
package protocol LinkDelegate: AnyObject, Sendable {
    /// The agent answered the HTTP/2 preface; requests may be started.
    func linkOpened(_ link: LinkConnection)
    /// The agent said GOAWAY, or we did: no new requests, those that run finish.
    func linkDraining(_ link: LinkConnection)
    /// After all requests of the link have failed or ended. Only for links that were opened.
    func linkClosed(_ link: LinkConnection, reason: LinkError)
    /// One line of the agent's report stream, without its line feed, at most 64 KiB.
    func linkReport(_ link: LinkConnection, line: ByteBuffer)
}

/// One connection from a gateway to an agent. Properties may be read anywhere; `start` is called on its loop.
package final class LinkConnection: Sendable {
    private let session: LinkSession
    private let streams: NIOLoopBound<GatewayStreams>
    private let open = Atomic(0)
    /// Requests that may be open at once.
    package let maximumStreams: Int

    init(session: LinkSession, streams: GatewayStreams, maximumStreams: Int) {
        self.session = session
        self.streams = NIOLoopBound(streams, eventLoop: session.eventLoop)
        self.maximumStreams = maximumStreams
    }

    package var peer: PeerIdentity { session.peer }
    package var eventLoop: any EventLoop { session.eventLoop }
    /// Id in the agent's certificate: the host's id.
    package var agentId: String { session.peer.idText }
    /// Requests that are not over.
    package var openStreams: Int { open.load(ordering: .relaxed) }
    package var isDraining: Bool { session.isDraining }
    package var isOpen: Bool { session.isOpen }
    /// Open, not draining, and below its number of streams.
    package var takesRequests: Bool { isOpen && !isDraining && openStreams < maximumStreams }
    /// When any byte of the agent last arrived.
    package var lastHeard: NIODeadline { session.lastHeard }

    /// Starts a request. On the link's loop only. A link that cannot take it fails the exchange with `connectFailed` in a later turn.
    /// `onFinish` is called once, on the loop, when the exchange is over in whatever way, before the receiver hears of it.
    package func start(
        _ request: ExchangeRequest, receiver: any ExchangeReceiver, onFinish: (@Sendable () -> Void)? = nil
    ) -> any RunningExchange {
        streams.value.start(request, receiver: receiver, onFinish: onFinish)
    }

    /// Says GOAWAY: what runs finishes, nothing new is taken, then the connection closes. From any thread.
    package func drain() { session.drain() }

    func count(open count: Int) {
        open.store(count, ordering: .relaxed)
    }
}
