import Cryptography
import Exchange
import FoundationEssentials
import Link
import Logging
import NIOCore
import NIOPosix
import PlimsollWire
import Testing

@testable import Agent

@Suite("Hosts that gateways dial", .timeLimit(.minutes(2)))
struct DirectHostTests {
    private let logger = Logger(label: "agent tests", factory: { _ in SwiftLogNoOpLogHandler() })
    private let server: ScriptedControlPlane
    private let host: HostStatus
    private let bell = ReportBell()

    init() throws {
        server = try ScriptedControlPlane()
        let configuration = RuntimeConfiguration(name: "r", release: "x", dialect: .vllm, address: .unix(path: server.folder.path + "/r.sock"))
        let runtime = RuntimeStatus(configuration: configuration)
        runtime.publish(state: .ready)
        host = HostStatus(runtimes: [runtime])
        host.apply(DesiredState(generation: 1, state: .serve, gateways: [], workers: [AssignedWorker(id: "w", runtime: "r", release: "x")]))
    }

    private func links(_ limits: RelayLimits = RelayLimits()) throws -> (HostLinks, agent: String) {
        let key = try PrivateKey()
        let identity = try HostIdentity(key: key, fresh: try server.credentials(for: key))
        let configuration = AgentConfiguration(
            controlURL: "", stateDirectory: "", direct: .init(listenHost: "127.0.0.1", listenPort: 0, advertised: "127.0.0.1:1"), runtimes: [])
        let links = try HostLinks(
            identity: identity, configuration: configuration, group: MultiThreadedEventLoopGroup.singleton,
            relay: AgentRelay(status: host, limits: limits, bell: bell), logger: logger)
        return (links, identity.credentials.id)
    }

    private func dialer(_ end: GatewayEnd) throws -> DirectDialer {
        let key = try PrivateKey()
        let gateway = try server.credentials(for: key, role: .gateway)
        let credentials = try LinkCredentials(
            certificateChainPem: gateway.certificateChainPem, privateKeyPem: key.pem, authoritiesPem: gateway.authoritiesPem)
        return DirectDialer(
            group: MultiThreadedEventLoopGroup.singleton, credentials: credentials, admission: LinkAdmission(role: .agent), delegate: end,
            logger: logger)
    }

    @Test("a gateway dials, hears the host's report, and gets a request answered")
    func answersOnDialledLink() async throws {
        let answer = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}"
        let runtime = ScriptedRuntime(path: server.folder.path + "/r.sock", .answer(answer))
        let end = GatewayEnd()
        let (links, agent) = try links()
        let listener = try #require(links.services.first as? DirectListener)
        let dialer = try dialer(end)
        dialer.setAgents([LinkPeer(id: agent, address: "127.0.0.1:\(try await listener.bind())")])
        try await runtime.serve {
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try? await listener.run() }
                group.addTask { try? await dialer.run() }
                #expect(await eventually { end.reports.last?.workers.first?.ready == true })
                #expect(links.linkedGateways().count == 1)
                let link = try #require(end.links.first)
                #expect(await Asked(link).outcome().body == "{}")
                await dialer.drain()
                group.cancelAll()
            }
        }
    }

    @Test("an idle host that looks for news once in ten minutes tells them at once when the bell rings")
    func wakesReports() async throws {
        var limits = RelayLimits()
        limits.reportMinimum = .milliseconds(1)
        limits.reportMaximum = .minutes(10)
        let end = GatewayEnd()
        let (links, agent) = try links(limits)
        let listener = try #require(links.services.first as? DirectListener)
        let dialer = try dialer(end)
        dialer.setAgents([LinkPeer(id: agent, address: "127.0.0.1:\(try await listener.bind())")])
        await withTaskGroup(of: Void.self) { group in
            group.addTask { try? await listener.run() }
            group.addTask { try? await dialer.run() }
            #expect(await eventually { end.reports.last?.state == .serving && bell.hasSleepers })
            host.obey(.drain)
            #expect(bell.hasSleepers)
            bell.ring()
            #expect(await eventually { end.reports.last?.state == .drained && bell.hasSleepers })
            await dialer.drain()
            group.cancelAll()
        }
        #expect(!bell.hasSleepers)
    }
}
