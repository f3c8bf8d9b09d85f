import Cryptography
import FoundationEssentials
import Link
package import Logging
package import NIOCore
import Outbound
import PlimsollWire
package import ServiceLifecycle
package import Telemetry

/// One host's agent, put together: it has joined, and its services are ready to run.
package struct HostAgent: Sendable {
    /// In the order in which they must live: what others rest on comes first, and ends last.
    package let services: [any Service]
    package let host: HostStatus
    private let keeper: IdentityKeeper
    private let linkedGateways: @Sendable () -> [String]

    /// Joins when this host has not joined yet, which waits for the control plane; throws what waiting cannot change.
    ///
    /// - Parameters:
    ///   - group: the loop of all links. One is enough: a host's streams are few and small.
    ///   - version: of the program, for reports.
    package init(
        _ configuration: AgentConfiguration, version: String, group: any EventLoopGroup, metrics: MetricRegistry, logger: Logger
    ) async throws {
        let state = try StateDirectory(path: configuration.stateDirectory)
        let lock = try StateLock(state)
        let http = OutboundClient()
        let client = ControlPlaneClient(url: configuration.controlURL, http: http)
        let identity = try await Enrolment(client: client, state: state, logger: logger).identity(
            token: configuration.joinToken?.exposed, version: version, link: configuration.linkClass, linkAddress: configuration.direct?.advertised)
        Self.announce(identity, logger: logger)
        let bell = ReportBell()
        let changed = Wake { bell.ring() }
        let host = HostStatus(runtimes: configuration.runtimes.map { RuntimeStatus(configuration: $0, changed: changed) })
        let relay = AgentRelay(status: host, bell: bell)
        let links = try HostLinks(identity: identity, configuration: configuration, group: group, relay: relay, logger: logger)
        let keeper = IdentityKeeper(identity: identity, client: client, state: state, credentials: links.credentials, logger: logger)
        let operations = try OperationLoop(state: state, host: host, relay: relay, identity: keeper, changed: changed, logger: logger)
        let inventory = InventoryKeeper(
            inventory: HostInventory(diskPath: configuration.stateDirectory, acceleratorLibrary: configuration.acceleratorLibrary))
        // Of their own: a name that does not resolve, or a slow handshake, must not make a runtime look dead.
        let local = OutboundClient()
        let supervisors = host.runtimes.map {
            RuntimeSupervisor(
                status: $0, state: state, http: local, keepsRuntime: configuration.keepsRuntimes, redact: configuration.redact, logger: logger)
        }
        let weights = WeightsKeeper(runtimes: host.runtimes, cache: state.weights, logger: logger)
        let desired = DesiredStateLoop(
            host: host, identity: keeper, operations: operations, admission: links.admission, dialer: links.dialer, changed: changed,
            logger: logger)
        let heartbeats = HeartbeatLoop(
            host: host, identity: keeper, inventory: inventory, linkedGateways: links.linkedGateways, linkAddress: configuration.direct?.advertised,
            version: version, changed: changed, logger: logger)
        self.host = host
        self.keeper = keeper
        linkedGateways = links.linkedGateways
        services =
            [lock] + supervisors + [inventory, weights, keeper] + links.services + [heartbeats, operations, desired]
            + [DrainAtEnd(host: host, relay: relay, limit: configuration.drainLimit, logger: logger, changed: changed)]
        AgentMetrics(host: host, keeper: keeper, linkedGateways: links.linkedGateways).register(in: metrics)
    }

    /// Names of what is still missing before this host can serve; empty: it can.
    package var missing: Set<String> {
        var missing: Set<String> = []
        if !host.runtimes.contains(where: \.isReady) { missing.insert("runtime") }
        if linkedGateways().isEmpty { missing.insert("link") }
        if keeper.current.isExpired { missing.insert("certificate") }
        return missing
    }

    private static func announce(_ identity: HostIdentity, logger: Logger) {
        let facts: Logger.Metadata = [
            "host.id": "\(identity.credentials.id)", "peer.identity": "\(identity.credentials.identity)",
            "certificate.not_after": "\(identity.credentials.notAfter.ISO8601Format())",
        ]
        logger.info("this host's identity", metadata: facts)
        guard identity.isExpired else { return }
        logger.error("the certificate of this host has expired; trying to renew it", metadata: facts)
    }
}
