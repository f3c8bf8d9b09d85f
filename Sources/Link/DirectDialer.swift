package import Logging
package import NIOCore
import ServiceLifecycle

/// A gateway's links to agents that it must dial.
package final class DirectDialer: Service, Sendable {
    private let dialler: LinkDialler

    package init(
        group: any EventLoopGroup, credentials: LinkCredentials, admission: LinkAdmission, delegate: any LinkDelegate,
        settings: LinkSettings = LinkSettings(), logger: Logger
    ) {
        let pipeline = LinkPipeline(
            side: .gateway(delegate), credentials: credentials, admission: admission, settings: settings, sessions: LinkSessions())
        dialler = LinkDialler(pipeline: pipeline, group: group, logger: logger)
    }

    /// The agents that should be linked from now on; links to others are drained.
    package func setAgents(_ agents: [LinkPeer]) { dialler.want(agents) }

    /// Says GOAWAY on every link, finishes what runs (at most `drainDeadline`) and dials no more. Returns when all links are closed.
    package func drain() async { await dialler.drain() }

    /// Dials until cancelled or asked to shut down, then drains, for `endDeadline` at most.
    package func run() async throws { await dialler.run() }
}
