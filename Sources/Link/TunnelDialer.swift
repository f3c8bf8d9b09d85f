package import Logging
package import NIOCore
import ServiceLifecycle

/// An agent's tunnels: keeps connections to every wanted gateway and serves requests on them.
package final class TunnelDialer: Service, Sendable {
    private let dialler: LinkDialler

    package init(
        group: any EventLoopGroup, credentials: LinkCredentials, admission: LinkAdmission, serving: any LinkServing,
        settings: LinkSettings = LinkSettings(), logger: Logger
    ) {
        let pipeline = LinkPipeline(
            side: .agent(serving), credentials: credentials, admission: admission, settings: settings, sessions: LinkSessions())
        dialler = LinkDialler(pipeline: pipeline, group: group, logger: logger)
    }

    /// The gateways that should be linked from now on; links to others are drained.
    package func setGateways(_ gateways: [LinkPeer]) { dialler.want(gateways) }

    /// Ids of gateways with an open link that is not draining.
    package var linkedGateways: [String] { dialler.sessions.openPeers }

    /// Says GOAWAY on every link, finishes what runs (at most `drainDeadline`) and dials no more. Returns when all links are closed.
    package func drain() async { await dialler.drain() }

    /// Dials until cancelled or asked to shut down, then drains, for `endDeadline` at most.
    package func run() async throws { await dialler.run() }
}
