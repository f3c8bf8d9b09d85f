import Cryptography
import Logging
import Outbound
import PlimsollWire
import Postgres
import ServiceLifecycle
import Telemetry
import Testing

@testable import ControlPlane

/// The whole control plane but its admin port, behind mutual TLS on a free port.
struct PeerFixture: Sendable {
    let world: PeerWorld
    let client: OutboundClient
    let origin: String
    let shutDown: @Sendable () async -> Void

    /// Runs it for the time of `body`; the end is a graceful shutdown, unless something was thrown.
    static func run(_ body: (PeerFixture) async throws -> Void) async throws {
        try await PeerWorld.with { world in
            let plane = ControlPlaneServices(
                configuration: world.pool.configuration, authority: world.authority, metrics: MetricRegistry(), logger: world.logger)
            let (ports, sink) = AsyncStream.makeStream(of: Int.self)
            let server = try PeerServer(
                api: plane.peers, host: "127.0.0.1", port: 0, names: ["127.0.0.1"], logger: world.logger, onRunning: { sink.yield($0) })
            let group = ServiceGroup(services: plane.services() + [server], logger: world.logger)
            let client = OutboundClient()
            defer { client.shutdown() }
            try await withThrowingTaskGroup(of: Void.self) { tasks in
                tasks.addTask { try await group.run() }
                let port = try #require(await ports.first { _ in true })
                try await body(
                    PeerFixture(
                        world: world, client: client, origin: "https://127.0.0.1:\(port)", shutDown: { await group.triggerGracefulShutdown() }))
                await group.triggerGracefulShutdown()
                try await tasks.waitForAll()
            }
        }
    }

    /// A member with what it needs to show its certificate.
    func join(_ role: EnrolmentTokens.Role) async throws -> (member: Member, identity: OutboundIdentity) {
        let key = try PrivateKey()
        var request = try world.request(await world.token(role), advertise: "127.0.0.1:7802")
        request.certificateRequestPem = try CertificateRequest(key: key).pem
        let credentials = try await world.enrolment.enrol(request, role: role).credentials
        return (try Member(credentials), OutboundIdentity(certificateChainPem: credentials.certificateChainPem, privateKeyPem: key.pem))
    }

    func get(_ path: String, as identity: OutboundIdentity? = nil) async throws -> OutboundResponse {
        try await send("GET", path, as: identity)
    }

    /// With a body that no path takes, when it is a `POST`.
    func send(_ method: String, _ path: String, as identity: OutboundIdentity? = nil) async throws -> OutboundResponse {
        try await client.send(
            OutboundRequest(
                method: method, url: origin + path, body: method == "POST" ? .bytes(Array("{}".utf8)) : .none,
                deadlines: OutboundDeadlines(total: .seconds(50)), trust: .authorities(pem: world.authority.authoritiesPem), identity: identity))
    }
}

extension OutboundResponse {
    func header(_ name: String) -> String? { head.headers.first { $0.name.lowercased() == name }?.value }
}
