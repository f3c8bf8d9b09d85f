import Cryptography
import Exchange
import FoundationEssentials
import NIOCore
import NIOPosix
import Testing

@testable import Link

@Suite("Who may link")
struct LinkHandshakeTests {
    /// What the tunnel is told when its leaf meets the gateway's.
    private func refusal(gateway: TestAuthority.Leaf, agent: TestAuthority.Leaf, expecting id: String? = nil) async throws -> LinkError {
        let fixture = LinkFixture(gateway: gateway, agent: agent)
        let listener = try fixture.listener()
        let port = try await listener.bind()
        let pipeline = LinkPipeline(
            side: .agent(fixture.agent), credentials: try agent.credentials(), admission: fixture.gateways, settings: fixture.settings,
            sessions: LinkSessions())
        let dialler = LinkDialler(pipeline: pipeline, group: fixture.group, logger: fixture.logger)
        let peer = LinkPeer(id: id ?? gateway.identity.idText, address: "127.0.0.1:\(port)")
        let result = Watched<LinkError?>(nil)
        try await running([listener.run]) {
            let error = await dialler.link(peer).lost
            result.change { $0 = error }
        }
        #expect(fixture.recorder.heard.value.opened == 0)
        return try #require(result.value)
    }

    @Test("a certificate with another role is refused, on both sides")
    func wrongRole() async throws {
        let authority = try TestAuthority()
        _ = try await refusal(gateway: try authority.leaf(.gateway), agent: try authority.leaf(.gateway))
        let impostor = try await refusal(gateway: try authority.leaf(.agent), agent: try authority.leaf(.agent))
        #expect(impostor.code == .peerRefused)
    }

    @Test("a gateway that is not the one that was dialled is refused")
    func otherGateway() async throws {
        let authority = try TestAuthority()
        let other = UUID().uuidString.lowercased()
        let error = try await refusal(gateway: try authority.leaf(.gateway), agent: try authority.leaf(.agent), expecting: other)
        #expect(error.code == .peerRefused)
    }

    @Test("certificates of another authority are refused")
    func foreignAuthority() async throws {
        let error = try await refusal(gateway: try TestAuthority().leaf(.gateway), agent: try TestAuthority().leaf(.agent))
        #expect(error.code == .handshakeFailed)
    }

    @Test("expired certificates are refused")
    func expired() async throws {
        let authority = try TestAuthority()
        let old = try authority.leaf(.gateway, validFor: .seconds(60), at: Date(timeIntervalSinceNow: -3600))
        let error = try await refusal(gateway: old, agent: try authority.leaf(.agent))
        #expect(error.code == .handshakeFailed)
    }

    @Test("a name with several addresses is dialled, whichever of them answers")
    func severalAddresses() async throws {
        let fixture = try LinkFixture()
        let (listener, tunnel) = (try fixture.listener(), try fixture.tunnel())
        let port = try await listener.bind()
        // Its other address, where it has one, refuses.
        tunnel.setGateways([LinkPeer(id: fixture.gatewayLeaf.identity.idText, address: "localhost:\(port)")])
        try await running([listener.run, tunnel.run]) {
            let link = try await fixture.recorder.links(2)[0]
            #expect(try await Asking(link, worker: "length").outcome().isEnded)
        }
    }

    @Test("a dial whose peer is silent holds up nobody who ends")
    func silentPeer() async throws {
        let fixture = try LinkFixture()
        let connected = Watched(0)
        let silent = try await ServerBootstrap(group: fixture.group)
            .childChannelInitializer { channel in
                connected.change { $0 += 1 }
                return channel.eventLoop.makeSucceededVoidFuture()
            }
            .bind(host: "127.0.0.1", port: 0).get()
        let tunnel = try fixture.tunnel()
        tunnel.setGateways([LinkPeer(id: fixture.gatewayLeaf.identity.idText, address: "127.0.0.1:\(silent.localAddress?.port ?? 0)")])
        var began = ContinuousClock.now
        try await running([tunnel.run]) {
            try await connected.wait("two dials") { $0 == 2 }
            began = .now
        }
        #expect(began.duration(to: .now) < .seconds(10), "its deadline is 20 s")
        try await silent.close()
    }

    @Test("a denied identity does not get in, and its live links are cut")
    func denied() async throws {
        let fixture = try LinkFixture()
        try await fixture.run {
            let link = try await fixture.recorder.links(2)[0]
            let asking = Asking(link, worker: "head")
            try await asking.answer.wait("the first token") { $0.pieces == 1 }
            fixture.agents.deny([fixture.agentLeaf.identity.description])
            #expect(try await asking.outcome().failure == .lostBeforeEnd)
            try await fixture.recorder.heard.wait("both links cut") { $0.closed == [.peerDenied, .peerDenied] }
            fixture.agents.deny([])
            _ = try await fixture.recorder.links(2)
        }
        #expect(fixture.recorder.heard.value.opened == 4)
    }

    @Test("replaced credentials are used by the next handshake and leave open links alone")
    func renewal() async throws {
        let authority = try TestAuthority()
        let fixture = LinkFixture(gateway: try authority.leaf(.gateway), agent: try authority.leaf(.agent))
        let credentials = try fixture.agentLeaf.credentials()
        let before = credentials.dialling
        let next = try authority.leaf(.agent, id: fixture.agentLeaf.identity.id)
        try credentials.replace(certificateChainPem: next.chainPem, privateKeyPem: next.keyPem, authoritiesPem: next.authoritiesPem)
        #expect(credentials.dialling !== before)
        #expect(throws: LinkError.self) {
            try credentials.replace(certificateChainPem: next.chainPem, privateKeyPem: "nothing", authoritiesPem: next.authoritiesPem)
        }
    }
}
