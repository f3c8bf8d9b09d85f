import Cryptography
import FoundationEssentials
import Link
import Logging
import NIOPosix
import PlimsollWire
import Testing

@testable import Agent

@Suite("Certificates are renewed on time", .timeLimit(.minutes(2)))
struct RenewalTests {
    private let logger = Logger(label: "agent tests", factory: { _ in SwiftLogNoOpLogHandler() })

    private func linkCredentials(_ credentials: Credentials, _ key: PrivateKey) throws -> LinkCredentials {
        try LinkCredentials(
            certificateChainPem: credentials.certificateChainPem, privateKeyPem: key.pem, authoritiesPem: credentials.authoritiesPem)
    }

    /// The id of the agent that a gateway sees when a host with these credentials dials it.
    private func dial(_ credentials: LinkCredentials, _ server: ScriptedControlPlane) async throws -> String? {
        let key = try PrivateKey()
        let gateway = try server.credentials(for: key, role: .gateway)
        let end = GatewayEnd()
        let listener = LinkListener(
            group: MultiThreadedEventLoopGroup.singleton, host: "127.0.0.1", port: 0, credentials: try linkCredentials(gateway, key),
            admission: LinkAdmission(role: .agent), delegate: end, logger: logger)
        let dialer = TunnelDialer(
            group: MultiThreadedEventLoopGroup.singleton, credentials: credentials, admission: LinkAdmission(role: .gateway),
            serving: AgentRelay(status: HostStatus(runtimes: [])), logger: logger)
        dialer.setGateways([LinkPeer(id: gateway.id, address: "127.0.0.1:\(try await listener.bind())")])
        return await withTaskGroup(of: Void.self) { group in
            group.addTask { try? await listener.run() }
            group.addTask { try? await dialer.run() }
            _ = await eventually { !end.links.isEmpty }
            await dialer.drain()
            group.cancelAll()
            return end.links.first?.agentId
        }
    }

    @Test("an hour passes: the host has another certificate, keeps it, and proves itself with it on the next link")
    func renews() async throws {
        let server = try ScriptedControlPlane()
        let key = try HostIdentity.keyForEnrolment(in: server.state)
        let clock = JumpingClock(end: .seconds(5_000))
        let old = try HostIdentity(key: key, fresh: try server.credentials(for: key), at: clock.date)
        let fresh = try server.credentials(for: key, joinState: 2)
        try server.answer(AgentPath.renew, String(decoding: try WireCoder.encode(fresh), as: UTF8.self))
        let credentials = try linkCredentials(old.credentials, key)
        try await server.serve { url in
            let keeper = IdentityKeeper(
                identity: old, client: ControlPlaneClient(url: url), state: server.state, credentials: credentials, clock: clock,
                date: { clock.date }, logger: logger)
            await withTaskGroup(of: Void.self) { group in
                // Ends by cancellation.
                group.addTask { try? await keeper.run() }
                #expect(await eventually { keeper.current.credentials.id == fresh.id })
                group.cancelAll()
            }
        }
        #expect(clock.now.elapsed >= .seconds(3_600))
        #expect(try HostIdentity.load(from: server.state)?.credentials.id == fresh.id)
        #expect(server.seen.components(separatedBy: AgentPath.renew).count == 2)
        #expect(try await dial(credentials, server) == fresh.id)
    }
}
