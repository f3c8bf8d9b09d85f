package import Logging
package import NIOCore
import ServiceLifecycle

/// A gateway's port for agents that dial in.
package final class LinkListener: Service, Sendable {
    private let acceptor: LinkAcceptor

    package init(
        group: any EventLoopGroup, host: String, port: Int, credentials: LinkCredentials, admission: LinkAdmission, delegate: any LinkDelegate,
        settings: LinkSettings = LinkSettings(), logger: Logger
    ) {
        let pipeline = LinkPipeline(
            side: .gateway(delegate), credentials: credentials, admission: admission, settings: settings, sessions: LinkSessions())
        acceptor = LinkAcceptor(pipeline: pipeline, group: group, host: host, port: port, logger: logger)
    }

    /// Binds; returns the port (useful with port 0). `run` binds by itself when this was not called.
    package func bind() async throws -> Int { try await acceptor.bind() }

    /// Closes the port, says GOAWAY on every link and returns when all are closed (at most `drainDeadline`).
    package func drain() async { await acceptor.drain() }

    /// Listens until cancelled or asked to shut down, then drains, for `endDeadline` at most.
    package func run() async throws { try await acceptor.run() }
}
