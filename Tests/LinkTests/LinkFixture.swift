import Cryptography
import Logging
import NIOCore
import NIOPosix

@testable import Link

/// A gateway and an agent with real certificates on loopback, linked by tunnel or directly.
struct LinkFixture {
    enum Way {
        case tunnel
        case direct
    }

    let recorder = LinkRecorder()
    let agent = ScriptedAgent()
    let gatewayLeaf: TestAuthority.Leaf
    let agentLeaf: TestAuthority.Leaf
    let agents = LinkAdmission(role: .agent)
    let gateways = LinkAdmission(role: .gateway)
    var settings = LinkSettings()
    let group = MultiThreadedEventLoopGroup.singleton
    let logger = Logger(label: "link tests", factory: { _ in SwiftLogNoOpLogHandler() })

    init() throws {
        let authority = try TestAuthority()
        self.init(gateway: try authority.leaf(.gateway), agent: try authority.leaf(.agent))
    }

    init(gateway: TestAuthority.Leaf, agent: TestAuthority.Leaf) {
        gatewayLeaf = gateway
        agentLeaf = agent
        settings.reconnectMaximum = .milliseconds(400)
        // Machines that run tests are busy; what is about silence sets its own times.
        settings.openDeadline = .seconds(20)
        settings.busyDead = .seconds(20)
        settings.idleDead = .seconds(20)
    }

    func listener() throws -> LinkListener {
        LinkListener(
            group: group, host: "127.0.0.1", port: 0, credentials: try gatewayLeaf.credentials(), admission: agents, delegate: recorder,
            settings: settings, logger: logger)
    }

    func tunnel() throws -> TunnelDialer {
        TunnelDialer(
            group: group, credentials: try agentLeaf.credentials(), admission: gateways, serving: agent, settings: settings, logger: logger)
    }

    func directListener() throws -> DirectListener {
        DirectListener(
            group: group, host: "127.0.0.1", port: 0, credentials: try agentLeaf.credentials(), admission: gateways, serving: agent,
            settings: settings, logger: logger)
    }

    func directDialer() throws -> DirectDialer {
        DirectDialer(
            group: group, credentials: try gatewayLeaf.credentials(), admission: agents, delegate: recorder, settings: settings, logger: logger)
    }

    /// Runs both ends while `body` runs; all is closed when it returns. `through`: a port to dial in place of the listener's.
    func run(
        _ way: Way = .tunnel, through: (Int) async throws -> Int = { $0 }, _ body: () async throws -> Void
    ) async throws {
        switch way {
        case .tunnel:
            let (listener, tunnel) = (try listener(), try tunnel())
            let port = try await through(try await listener.bind())
            tunnel.setGateways([LinkPeer(id: gatewayLeaf.identity.idText, address: "127.0.0.1:\(port)")])
            try await running([listener.run, tunnel.run], body)
        case .direct:
            let (listener, dialer) = (try directListener(), try directDialer())
            let port = try await through(try await listener.bind())
            dialer.setAgents([LinkPeer(id: agentLeaf.identity.idText, address: "127.0.0.1:\(port)")])
            try await running([listener.run, dialer.run], body)
        }
    }
}

/// Runs services while `body` runs, then cancels them and waits for them.
func running(_ services: [@Sendable () async throws -> Void], _ body: () async throws -> Void) async throws {
    try await withThrowingTaskGroup(of: Void.self) { children in
        for service in services {
            children.addTask {
                do { try await service() } catch is CancellationError { return }
            }
        }
        try await body()
        children.cancelAll()
        try await children.waitForAll()
    }
}
