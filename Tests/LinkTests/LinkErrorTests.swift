import Cryptography
import FoundationEssentials
import NIOCore
import NIOEmbedded
import NIOPosix
import NIOSSL
import Testing

@testable import Link

@Suite("Errors of a stream and of its connection")
struct LinkErrorTests {
    private let brokenConnection = RawPeer.frame(type: 0, stream: 0, payload: [1, 2, 3])
    /// Trailers that do not end the stream.
    private let brokenStream = RawPeer.frame(type: 1, flags: 4, stream: 1, payload: [0x82])

    @Test("a reset of ours that waits for the socket hides no error of the connection")
    func ownReset() throws {
        let link = try EmbeddedLink()
        link.setWritable(false)
        try #require(link.requests.streams.first).reset()
        link.channel.embeddedEventLoop.run()
        link.setWritable(true)
        try link.receive(brokenConnection)
        #expect(!link.channel.isActive)
        try link.end()
    }

    @Test("a broken stream costs no connection while the socket takes nothing")
    func brokenWhileUnwritable() throws {
        let link = try EmbeddedLink()
        link.setWritable(false)
        try link.receive(brokenStream)
        #expect(link.channel.isActive)
        link.setWritable(true)
        #expect(link.requests.resets == 1)
        #expect(link.channel.isActive)
        try link.end()
    }

    @Test("after a broken stream, a broken connection still closes")
    func brokenBoth() throws {
        let link = try EmbeddedLink()
        try link.receive(brokenStream)
        #expect(link.requests.resets == 1)
        try link.receive(brokenConnection)
        #expect(!link.channel.isActive)
        try link.end()
    }

    @Test("a link whose handlers find no place leaves nothing behind")
    func noPlace() throws {
        let link = try EmbeddedLink()
        try link.end()
        #expect(throws: LinkError.self) {
            try link.pipeline().begin(on: link.channel, PeerIdentity(role: .gateway, id: UUID()), .now())
        }
        #expect(link.sessions.all.isEmpty)
    }

    @Test("a gate whose link cannot begin says why")
    func cannotBegin() async throws {
        let fixture = try LinkFixture()
        let credentials = try fixture.agentLeaf.credentials()
        let refused = Watched<LinkError?>(nil)
        let server = try await ServerBootstrap(group: fixture.group)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let gate = LinkGate(
                        admission: fixture.gateways, expectedId: nil, deadline: .now() + .seconds(20),
                        admit: { _ in throw LinkError(.closed, "no room") }, refused: { error in refused.change { $0 = error } })
                    let tls = NIOSSLServerHandler(context: credentials.listening)
                    try channel.pipeline.syncOperations.addHandlers([tls, gate] as [any ChannelHandler])
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        let port = try #require(server.localAddress?.port)
        await #expect(throws: (any Error).self) { try await RawPeer.connect(port: port, as: try fixture.gatewayLeaf.credentials()) }
        #expect(try await refused.wait("a refusal") { $0 != nil }?.message == "no room")
        try await server.close()
    }
}
