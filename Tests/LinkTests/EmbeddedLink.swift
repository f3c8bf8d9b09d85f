import Cryptography
import FoundationEssentials
import NIOCore
import NIOEmbedded
import Synchronization

@testable import Link

/// An agent's side of a link without socket and TLS. The test says what a gateway sends and when the channel takes bytes.
struct EmbeddedLink {
    let channel = EmbeddedChannel()
    let requests = KeptRequests()
    let sessions = LinkSessions()

    init() throws {
        let address = try SocketAddress(ipAddress: "127.0.0.1", port: 1)
        try channel.connect(to: address).wait()
        _ = try pipeline().begin(on: channel, PeerIdentity(role: .gateway, id: UUID()), .now() + .seconds(60))
        var preface = ByteBuffer(string: "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
        preface.writeImmutableBuffer(RawPeer.frame(type: 4, stream: 0))
        try receive(preface)
        try receive(RawPeer.frame(type: 1, flags: 4, stream: 1, payload: RawPeer.requestHead))
    }

    func pipeline() throws -> LinkPipeline {
        LinkPipeline(
            side: .agent(requests), credentials: try TestAuthority().leaf(.agent).credentials(), admission: LinkAdmission(role: .gateway),
            settings: LinkSettings(), sessions: sessions)
    }

    func receive(_ bytes: ByteBuffer) throws {
        try channel.writeInbound(bytes)
        channel.embeddedEventLoop.run()
    }

    func setWritable(_ on: Bool) {
        channel.isWritable = on
        channel.pipeline.fireChannelWritabilityChanged()
        channel.embeddedEventLoop.run()
    }

    func end() throws {
        _ = try channel.finish(acceptAlreadyClosed: true)
        channel.embeddedEventLoop.run()
    }
}

/// Keeps requests open.
final class KeptRequests: LinkServing {
    private let kept = Mutex<[NIOLoopBound<LinkServerStream>]>([])
    private let resetCount = Atomic(0)

    var streams: [LinkServerStream] { kept.withLock { $0 }.map(\.value) }
    var resets: Int { resetCount.load(ordering: .relaxed) }

    func serve(_ request: LinkRequest, on stream: LinkServerStream) -> any LinkStreamReceiver {
        let bound = NIOLoopBound(stream, eventLoop: stream.eventLoop)
        kept.withLock { $0.append(bound) }
        return Kept(self)
    }

    private final class Kept: LinkStreamReceiver {
        private let owner: KeptRequests

        init(_ owner: KeptRequests) { self.owner = owner }

        func streamBody(_ bytes: ByteBuffer) {}
        func streamEnd() {}
        func streamWritable() {}
        func streamReset() { owner.resetCount.add(1, ordering: .relaxed) }
        func streamOver() {}
    }
}
