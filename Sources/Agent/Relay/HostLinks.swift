import Cryptography
import Link
import Logging
import NIOCore
import PlimsollWire
import ServiceLifecycle

/// The links of this host, dialled or listened for, and what they are proven with.
struct HostLinks {
    let credentials: LinkCredentials
    let admission: LinkAdmission
    let dialer: TunnelDialer?
    let services: [any Service]
    /// Ids of gateways with at least one open link.
    let linkedGateways: @Sendable () -> [String]

    init(
        identity: HostIdentity, configuration: AgentConfiguration, group: any EventLoopGroup, relay: AgentRelay, logger: Logger
    ) throws(AgentError) {
        do throws(LinkError) {
            credentials = try LinkCredentials(
                certificateChainPem: identity.credentials.certificateChainPem, privateKeyPem: identity.key.pem,
                authoritiesPem: identity.credentials.authoritiesPem)
        } catch {
            throw AgentError(.untrusted, "this host's certificate cannot be used: \(error.message)", cause: error)
        }
        admission = LinkAdmission(role: .gateway, trustDomain: identity.trustDomain)
        guard let direct = configuration.direct else {
            let dialer = TunnelDialer(group: group, credentials: credentials, admission: admission, serving: relay, logger: logger)
            self.dialer = dialer
            services = [dialer]
            linkedGateways = { dialer.linkedGateways }
            return
        }
        dialer = nil
        let listener = DirectListener(
            group: group, host: direct.listenHost, port: direct.listenPort, credentials: credentials, admission: admission, serving: relay,
            logger: logger)
        services = [listener]
        linkedGateways = { listener.linkedGateways }
    }
}
