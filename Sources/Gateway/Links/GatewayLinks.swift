import Cryptography
import FoundationEssentials
package import Link
package import Logging
package import NIOCore
package import PlimsollWire
import ServiceLifecycle

/// A gateway's links as one service: the port that agents dial, the dialling of direct agents, the deny list, and the registry of what is open.
package final class GatewayLinks: Service, Sendable {
    package let registry: LinkRegistry
    private let admission: LinkAdmission
    private let listener: LinkListener
    private let dialer: DirectDialer

    package init(
        group: any EventLoopGroup, host: String, port: Int, credentials: LinkCredentials,
        trustDomain: String = PeerIdentity.defaultTrustDomain, registry: LinkRegistry = LinkRegistry(), settings: LinkSettings = LinkSettings(),
        logger: Logger
    ) {
        self.registry = registry
        admission = LinkAdmission(role: .agent, trustDomain: trustDomain)
        listener = LinkListener(
            group: group, host: host, port: port, credentials: credentials, admission: admission, delegate: registry, settings: settings,
            logger: logger)
        dialer = DirectDialer(
            group: group, credentials: credentials, admission: admission, delegate: registry, settings: settings, logger: logger)
    }

    /// Binds the port for agents; returns it (useful with port 0). `run` binds by itself when this was not called.
    package func bind() async throws -> Int { try await listener.bind() }

    /// Takes over what a new routing table says: denied identities are cut, direct agents are dialled, workers get their hosts.
    package func apply(workers: [WorkerEntry], denied: [DeniedEntry]) {
        let now = Int64(Date().timeIntervalSince1970)
        admission.deny(Set(denied.filter { $0.untilSeconds > now }.map(\.identity)))
        registry.assign(workers)
        let direct = workers.compactMap { worker in
            worker.link == .direct ? worker.address.map { LinkPeer(id: worker.host, address: $0) } : nil
        }
        dialer.setAgents(Array(Set(direct)))
    }

    /// Says GOAWAY on every link and returns when all are closed.
    package func drain() async {
        async let listening: Void = listener.drain()
        async let dialling: Void = dialer.drain()
        _ = await (listening, dialling)
    }

    /// Until cancelled or asked to shut down, then drains.
    package func run() async throws {
        try await withThrowingTaskGroup(of: Void.self) { children in
            children.addTask { try await self.listener.run() }
            children.addTask { try await self.dialer.run() }
            try await children.waitForAll()
        }
    }
}
