import Cryptography
import FoundationEssentials
import HTTPTypes
import Hummingbird
package import Logging
import NIOCore
import NIOSSL
import PlimsollWire
import Postgres
package import Telemetry

/// What agents and gateways may ask of the control plane. Everything but the authority and enrolment needs a certificate of the right role.
package struct PeerAPI: Sendable {
    let authority: Authority
    let enrolment: Enrolment
    let renewal: Renewal
    let doorman: PeerGuard
    let book: HeartbeatBook
    let desired: DesiredStates
    let operations: OperationReports
    let news: Bells<ChangeChannel>
    let board: TableBoard
    let statusPage: StatusBoard
    let usage: UsageIntake
    let minutes: MinuteIntake
    /// A batch has at most 12 MiB as it comes, and a few hundred bytes for each of its counters when it is read.
    let minuteReads = Turnstile(places: 16, line: 1_000, patience: .seconds(20))
    let minuteTurns = Turnstile(places: 64, line: 1_000, patience: .seconds(20))
    let sources: MinuteSources
    let decisions: DecisionIntake
    let probes: ProbeIntake
    let scores: AnswerScoreIntake
    let leases: QuotaLeases
    let rates: RateLoans
    let serving: PostgresPool
    let captures: CaptureStore

    package init(
        databases: ControlDatabases, authority: Authority, news: Bells<ChangeChannel>, board: TableBoard, statusPage: StatusBoard,
        metrics: MetricRegistry, logger: Logger
    ) {
        self.authority = authority
        self.news = news
        self.board = board
        self.statusPage = statusPage
        serving = databases.serving
        captures = CaptureStore(pool: databases.serving, seal: CaptureSeal(authority.tableKey))
        enrolment = Enrolment(pool: databases.serving, authority: authority, metrics: metrics, logger: logger)
        renewal = Renewal(pool: databases.serving, authority: authority, logger: logger)
        doorman = PeerGuard(pool: databases.serving)
        book = HeartbeatBook()
        desired = DesiredStates(pool: databases.serving, trustDomain: authority.trustDomain)
        operations = OperationReports(pool: databases.serving)
        usage = UsageIntake(pool: databases.billing)
        minutes = MinuteIntake(pool: databases.reliability)
        sources = MinuteSources(pool: databases.reliability)
        decisions = DecisionIntake(pool: databases.reliability)
        probes = ProbeIntake(reliability: databases.reliability, serving: databases.serving, metrics: metrics)
        scores = AnswerScoreIntake(pool: databases.reliability)
        leases = QuotaLeases(pool: databases.serving)
        rates = RateLoans(pool: databases.serving)
    }

    func addRoutes(to router: Router<PeerContext>) {
        for path in [AgentPath.authority, GatewayPath.authority] {
            router.get(RouterPath(path)) { _, _ in
                Response(
                    status: .ok, headers: [.contentType: "application/x-pem-file"],
                    body: ResponseBody(byteBuffer: ByteBuffer(string: authority.authoritiesPem)))
            }
        }
        addEnrolment(AgentPath.enrol, .agent, to: router)
        addEnrolment(GatewayPath.enrol, .gateway, to: router)
        addRenewal(AgentPath.renew, .agent, to: router)
        addRenewal(GatewayPath.renew, .gateway, to: router)
        addAgentRoutes(to: router)
        addGatewayRoutes(to: router)
    }

    private func addEnrolment(_ path: String, _ role: EnrolmentTokens.Role, to router: Router<PeerContext>) {
        router.post(RouterPath(path)) { request, context in
            let message = try await PeerMessages.read(EnrolmentRequest.self, request, limit: 1 << 16)
            return try PeerMessages.answer(try await enrolment.enrol(message, role: role, requestId: context.id.shortened))
        }
    }

    private func addRenewal(_ path: String, _ role: PeerIdentity.Role, to router: Router<PeerContext>) {
        router.post(RouterPath(path)) { request, context in
            let peer = try await peer(context, role: role)
            let message = try await PeerMessages.read(RenewalRequest.self, request, limit: 1 << 16)
            return try PeerMessages.answer(
                try await renewal.renew(message, identity: peer.identity, shown: peer.certificate, requestId: context.id.shortened))
        }
    }

    /// Who asks, by the certificate of the connection; TLS has verified its chain.
    func peer(_ context: PeerContext, role: PeerIdentity.Role) async throws -> Peer {
        guard let shown = try await context.channel.nioSSL_peerCertificate().get() else {
            throw PeerRefusal(.certificateRequired, "this path needs a client certificate")
        }
        let certificate = try Certificate(der: shown.toDERBytes())
        // A connection may outlive the certificate that it began with.
        guard certificate.notAfter > Date() else { throw PeerRefusal(.certificateExpired, "the client certificate has expired") }
        guard let identity = certificate.identity, identity.trustDomain == authority.trustDomain else {
            throw PeerRefusal(.unknownIdentity, "the client certificate names no peer of this installation")
        }
        guard identity.role == role else {
            throw PeerRefusal(.wrongRole, "this path is for the role \(role.rawValue), the certificate for \(identity.role.rawValue)")
        }
        return Peer(identity: identity, certificate: certificate.fingerprint)
    }

    /// As `peer`, and the identity is not locked or revoked.
    func admitted(_ context: PeerContext, role: PeerIdentity.Role) async throws -> UUID {
        let peer = try await peer(context, role: role)
        try await doorman.admit(peer)
        return peer.identity.id
    }
}

extension String {
    /// As the audit chain holds request ids.
    fileprivate var shortened: String { String(prefix(64)) }
}
