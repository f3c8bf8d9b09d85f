import Cryptography
import Exchange
import FoundationEssentials
import Link
import Logging
import NIOCore
import NIOPosix
import PlimsollWire
import ServiceLifecycle
import Synchronization
import Testing

@testable import Agent

/// A gateway's listener and this agent's relay on a real tunnel, with one runtime behind it.
final class LinkedHost: LinkDelegate {
    let host: HostStatus
    let relay: AgentRelay
    let status: RuntimeStatus
    private let listener: LinkListener
    /// The agent's services that matter at its end, in the order of the program.
    private let program: ServiceGroup
    private let dialer: TunnelDialer
    private let hasEnded = Mutex(false)
    private let gateway: PeerIdentity
    private let heard = Mutex((links: [LinkConnection](), reports: [LinkReport]()))

    private final class Ends: LinkDelegate {
        let target = Mutex<LinkedHost?>(nil)
        func linkOpened(_ link: LinkConnection) { target.withLock { $0 }?.linkOpened(link) }
        func linkDraining(_ link: LinkConnection) {}
        func linkClosed(_ link: LinkConnection, reason: LinkError) {}
        func linkReport(_ link: LinkConnection, line: ByteBuffer) { target.withLock { $0 }?.linkReport(link, line: line) }
    }

    private let ends = Ends()

    init(runtime path: String, limits: RelayLimits = RelayLimits(), drainLimit: Duration = .zero) throws {
        status = RuntimeStatus(configuration: RuntimeConfiguration(name: "r", release: "x", dialect: .vllm, address: .unix(path: path)))
        host = HostStatus(runtimes: [status])
        relay = AgentRelay(status: host, limits: limits)
        status.publish(state: .ready)
        host.apply(DesiredState(generation: 1, state: .serve, gateways: [], workers: [AssignedWorker(id: "w", runtime: "r", release: "x")]))
        let authority = try CertificateAuthority.makeRoot()
        let quiet = Logger(label: "agent tests", factory: { _ in SwiftLogNoOpLogHandler() })
        gateway = PeerIdentity(role: .gateway, id: UUID())
        var settings = LinkSettings()
        // Machines that run tests are busy; silence is tested elsewhere.
        settings.busyDead = .seconds(20)
        listener = LinkListener(
            group: MultiThreadedEventLoopGroup.singleton, host: "127.0.0.1", port: 0, credentials: try Self.credentials(authority, gateway),
            admission: LinkAdmission(role: .agent), delegate: ends, settings: settings, logger: quiet)
        dialer = TunnelDialer(
            group: MultiThreadedEventLoopGroup.singleton,
            credentials: try Self.credentials(authority, PeerIdentity(role: .agent, id: UUID())), admission: LinkAdmission(role: .gateway),
            serving: relay, settings: settings, logger: quiet)
        let last = DrainAtEnd(host: host, relay: relay, limit: drainLimit, logger: quiet)
        program = ServiceGroup(services: [dialer, last], logger: quiet)
    }

    private static func credentials(_ authority: CertificateAuthority, _ identity: PeerIdentity) throws -> LinkCredentials {
        let key = try PrivateKey()
        let leaf = try authority.issue(CertificateRequest(key: key), identity: identity)
        return try LinkCredentials(certificateChainPem: leaf.pem, privateKeyPem: key.pem, authoritiesPem: authority.certificate.pem)
    }

    func run(_ body: (LinkConnection) async throws -> Void) async throws {
        ends.target.withLock { $0 = self }
        defer { ends.target.withLock { $0 = nil } }
        let port = try await listener.bind()
        dialer.setGateways([LinkPeer(id: gateway.id.uuidString.lowercased(), address: "127.0.0.1:\(port)")])
        try await withThrowingTaskGroup(of: Void.self) { group in
            // Both end by cancellation, which is how this test stops them.
            group.addTask { try? await self.listener.run() }
            group.addTask {
                try? await self.program.run()
                self.hasEnded.withLock { $0 = true }
            }
            _ = await eventually { !self.links.isEmpty }
            do {
                guard let link = links.first else { throw AgentError(.unreachable, "no link came up") }
                try await body(link)
            } catch {
                await end()
                group.cancelAll()
                throw error
            }
            // A link that is in its handshake at this moment ends, too.
            await end()
            group.cancelAll()
        }
    }

    /// What the first SIGTERM does; returns when the agent has ended.
    func end() async {
        await program.triggerGracefulShutdown()
        #expect(await eventually(within: .seconds(60)) { self.hasEnded.withLock { $0 } })
    }

    var links: [LinkConnection] { heard.withLock { $0.links } }
    var reports: [LinkReport] { heard.withLock { $0.reports } }

    func linkOpened(_ link: LinkConnection) { heard.withLock { $0.links.append(link) } }
    func linkDraining(_ link: LinkConnection) {}
    func linkClosed(_ link: LinkConnection, reason: LinkError) {}

    func linkReport(_ link: LinkConnection, line: ByteBuffer) {
        guard let report = try? WireCoder.decode(LinkReport.self, from: line.readableBytesView) else { return }
        heard.withLock { $0.reports.append(report) }
    }
}

/// One request of a gateway, and what came of it.
final class Asked: ExchangeReceiver, Sendable {
    struct Answer: Sendable {
        var head: ExchangeHead?
        var body = ""
        var isEnded = false
        var failure: ExchangeFailure?
    }

    private let answer = Mutex(Answer())
    private let running = Mutex<NIOLoopBound<any RunningExchange>?>(nil)
    private let link: LinkConnection
    private let rests: Bool

    /// - Parameter rests: stops reading after each piece until the next turn of the loop.
    init(
        _ link: LinkConnection, path: String = LinkPath.chatCompletions, worker: String = "w", body: String = "{}", window: Int = 0,
        reading: Bool = true, rests: Bool = false
    ) {
        self.link = link
        self.rests = rests
        link.eventLoop.execute { [self] in
            let request = ExchangeRequest(
                path: path, requestId: "request-1", worker: worker, batchWindow: window, body: ByteBuffer(string: body))
            let exchange = NIOLoopBound(link.start(request, receiver: self), eventLoop: link.eventLoop)
            if !reading { exchange.value.setReading(false) }
            running.withLock { $0 = exchange }
        }
    }

    var now: Answer { answer.withLock { $0 } }

    /// Waits for the end, whichever it is.
    func outcome() async -> Answer {
        _ = await eventually { self.now.isEnded || self.now.failure != nil }
        return now
    }

    func cancel() {
        link.eventLoop.execute { self.running.withLock { $0 }?.value.cancel() }
    }

    /// On the link's loop.
    private func setReading(_ on: Bool) {
        running.withLock { $0 }?.value.setReading(on)
    }

    func exchangeHead(_ head: ExchangeHead) { answer.withLock { $0.head = head } }
    func exchangeBody(_ bytes: ByteBuffer) {
        answer.withLock { $0.body += String(buffer: bytes) }
        guard rests else { return }
        setReading(false)
        link.eventLoop.execute { self.setReading(true) }
    }
    func exchangeReadComplete() {}
    func exchangeEnd() { answer.withLock { $0.isEnded = true } }
    func exchangeFailed(_ failure: ExchangeFailure) { answer.withLock { $0.failure = failure } }
}
