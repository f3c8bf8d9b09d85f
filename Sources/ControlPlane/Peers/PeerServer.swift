import Hummingbird
import HummingbirdTLS
package import Logging
import NIOCore
import ServiceLifecycle

/// The control plane's port for agents and gateways: TLS 1.3, client certificates by route.
package struct PeerServer: Service {
    private let application: Application<RouterResponder<PeerContext>>

    /// - Parameters:
    ///   - names: DNS names and addresses by which peers reach this port; they stand in its certificate.
    ///   - port: 0 takes a free one, which `onRunning` tells.
    package init(
        api: PeerAPI, host: String, port: Int, names: [String], logger: Logger, onRunning: @escaping @Sendable (Int) -> Void = { _ in }
    ) throws {
        let router = Router(context: PeerContext.self)
        router.add(middleware: PeerErrors())
        api.addRoutes(to: router)
        let identity = try ServerIdentity(authority: api.authority, names: names, logger: logger)
        application = Application(
            router: router, server: try .tls(.http1(configuration: .init(idleTimeout: .seconds(90))), tlsConfiguration: identity.configuration()),
            configuration: ApplicationConfiguration(address: .hostname(host, port: port), serverName: nil),
            onServerRunning: { channel in onRunning(channel.localAddress?.port ?? 0) }, logger: logger)
    }

    package func run() async throws {
        try await application.run()
    }
}
