import Cryptography
import Logging
import NIOCore
import NIOHTTP2
import NIOSSL

/// Builds the handlers of one connection: TLS, the gate, and behind it the coalescer, the frame layer and our frame handler. Which side speaks
/// first in HTTP/2 depends on what we are, not on who dialled.
struct LinkPipeline: Sendable {
    enum Side: Sendable {
        case gateway(any LinkDelegate)
        case agent(any LinkServing)
    }

    enum Origin: Sendable {
        case accepted
        /// Id that the peer's certificate must carry.
        case dialled(String)
    }

    let side: Side
    let credentials: LinkCredentials
    let admission: LinkAdmission
    let settings: LinkSettings
    let sessions: LinkSessions

    /// On the channel's loop. The future fails with the reason when the peer is refused.
    func install(on channel: any Channel, as origin: Origin) throws -> EventLoopFuture<LinkSession> {
        let admitted = channel.eventLoop.makePromise(of: LinkSession.self)
        let deadline = NIODeadline.now() + settings.openDeadline
        let pipeline = channel.pipeline.syncOperations
        var expectedId: String?
        switch origin {
        case .accepted: try pipeline.addHandler(NIOSSLServerHandler(context: credentials.listening))
        case .dialled(let id):
            expectedId = id
            try pipeline.addHandler(NIOSSLClientHandler(context: credentials.dialling, serverHostname: nil))
        }
        let gate = LinkGate(
            admission: admission, expectedId: expectedId, deadline: deadline,
            admit: { admitted.succeed(try begin(on: channel, $0, deadline)) }, refused: { admitted.fail($0) })
        try pipeline.addHandler(gate)
        return admitted.futureResult
    }

    /// Puts the link's handlers in place. What it has entered anywhere is undone when it throws.
    func begin(on channel: any Channel, _ peer: PeerIdentity, _ deadline: NIODeadline) throws -> LinkSession {
        guard admission.enter(peer, channel) else { throw LinkError(.peerDenied, "\(peer) is on the deny list") }
        let session = LinkSession(peer: peer, channel: channel, drainDeadline: settings.drainDeadline) { [admission, sessions] session in
            admission.leave(session.channel)
            sessions.remove(session)
        }
        sessions.add(session)
        let writer = LinkWriter(eventLoop: channel.eventLoop, settings: settings)
        switch side {
        case .gateway(let delegate):
            let streams = GatewayStreams(writer: writer, delegate: delegate)
            streams.attach(LinkConnection(session: session, streams: streams, maximumStreams: settings.maximumStreams))
            try addOrEnd(streams, to: channel, .client, writer, session, deadline)
        case .agent(let serving):
            let streams = AgentStreams(peer: peer, serving: serving, writer: writer)
            try addOrEnd(streams, to: channel, .server, writer, session, deadline)
        }
        return session
    }

    private func addOrEnd<Streams: LinkStreams>(
        _ streams: Streams, to channel: any Channel, _ mode: NIOHTTP2Handler.ParserMode, _ writer: LinkWriter, _ session: LinkSession,
        _ deadline: NIODeadline
    ) throws {
        do {
            try add(streams, to: channel, mode, writer, session, deadline)
        } catch {
            let reason = LinkError(.closed, "the link could not begin", cause: error)
            streams.closed(reason)
            session.closed(reason)
            throw reason
        }
    }

    private func add<Streams: LinkStreams>(
        _ streams: Streams, to channel: any Channel, _ mode: NIOHTTP2Handler.ParserMode, _ writer: LinkWriter, _ session: LinkSession,
        _ deadline: NIODeadline
    ) throws {
        let watch = FrameWatch()
        let pipeline = channel.pipeline.syncOperations
        try pipeline.addHandler(WriteCoalescer())
        try pipeline.addHandler(
            NIOHTTP2Handler(
                mode: mode, frameDelegate: watch, connectionConfiguration: connectionConfiguration(mode),
                streamConfiguration: streamConfiguration))
        try pipeline.addHandler(
            LinkFrameHandler(
                streams: streams, writer: writer, settings: settings, watch: watch, session: session, deadline: deadline))
    }

    private func connectionConfiguration(_ mode: NIOHTTP2Handler.ParserMode) -> NIOHTTP2Handler.ConnectionConfiguration {
        var configuration = NIOHTTP2Handler.ConnectionConfiguration()
        let window = mode == .client ? settings.answerWindow : settings.promptWindow
        configuration.initialSettings = [
            // Room for the report stream, and for requests that follow on resets which are still on the wire.
            HTTP2Setting(parameter: .maxConcurrentStreams, value: settings.maximumStreams + 16),
            HTTP2Setting(parameter: .initialWindowSize, value: window),
            HTTP2Setting(parameter: .maxHeaderListSize, value: 16 * 1024),
            HTTP2Setting(parameter: .enablePush, value: 0),
        ]
        configuration.maximumRecentlyResetStreams = settings.rememberedResets
        // Our own peers make what looks like glitches whenever a wave of customers leaves.
        configuration.maximumConnectionGlitches = .max
        return configuration
    }

    private var streamConfiguration: NIOHTTP2Handler.StreamConfiguration {
        var configuration = NIOHTTP2Handler.StreamConfiguration()
        configuration.streamResetFrameRateLimit.maximumCount = settings.maximumResets
        configuration.streamResetFrameRateLimit.windowLength = settings.rateWindow
        configuration.streamErrorRateLimit.maximumCount = settings.maximumResets
        configuration.streamErrorRateLimit.windowLength = settings.rateWindow
        return configuration
    }
}
