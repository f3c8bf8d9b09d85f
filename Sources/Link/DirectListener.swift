package import Logging
package import NIOCore
import ServiceLifecycle

/// An agent's own port for gateways that dial it.
package final class DirectListener: Service, Sendable {
    private let acceptor: LinkAcceptor

    package init(
        group: any EventLoopGroup, host: String, port: Int, credentials: LinkCredentials, admission: LinkAdmission, serving: any LinkServing,
        settings: LinkSettings = LinkSettings(), logger: Logger
    ) {
        let pipeline = LinkPipeline(
            side: .agent(serving), credentials: credentials, admission: admission, settings: settings, sessions: LinkSessions())
        acceptor = LinkAcceptor(pipeline: pipeline, group: group, host: host, port: port, logger: logger)
    }

    /// Ids of gateways with an open link that is not draining.
    package var linkedGateways: [String] { acceptor.sessions.openPeers }

    /// Binds; returns the port (useful with port 0). `run` binds by itself when this was not called.
    package func bind() async throws -> Int { try await acceptor.bind() }

    /// Closes the port, says GOAWAY on every link and returns when all are closed (at most `drainDeadline`).
    package func drain() async { await acceptor.drain() }

    /// Listens until cancelled or asked to shut down, then drains, for `endDeadline` at most.
    package func run() async throws { try await acceptor.run() }
}
