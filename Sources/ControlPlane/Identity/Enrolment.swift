import Cryptography
import Domain
import FoundationEssentials
package import Logging
package import PlimsollWire
package import Postgres
package import Telemetry

/// Lets hosts and gateways in: a one-use token and a certificate request for an identity.
package struct Enrolment: Sendable {
    private let pool: PostgresPool
    private let authority: Authority
    private let tokens: EnrolmentTokens
    private let metrics: MetricRegistry
    private let logger: Logger

    package init(pool: PostgresPool, authority: Authority, metrics: MetricRegistry = MetricRegistry(), logger: Logger) {
        self.pool = pool
        self.authority = authority
        self.tokens = EnrolmentTokens(pin: authority.pin)
        self.metrics = metrics
        self.logger = logger
    }

    /// Consumes the token, makes the host's or gateway's row and issues its certificate in one transaction. Throws `PeerRefusal`.
    package func enrol(_ request: EnrolmentRequest, role: EnrolmentTokens.Role, requestId: String? = nil) async throws -> EnrolmentResponse {
        do {
            return try await join(request, role: role, requestId: requestId)
        } catch let refusal as PeerRefusal {
            note(refusal)
            throw refusal
        }
    }

    private func join(_ request: EnrolmentRequest, role: EnrolmentTokens.Role, requestId: String?) async throws -> EnrolmentResponse {
        let (token, certificateRequest) = try Self.check(request, role: role, pin: authority.pin)
        let key = try certificateRequest.spkiSHA256()
        let answer: Result<EnrolmentResponse, PeerRefusal> = try await pool.transaction { connection in
            switch try await tokens.consume(connection, token, role: role, key: key) {
            case .failure(let refusal):
                // The refusal is committed with its audit row; nothing else was written.
                try await audit(connection, token, refusal, requestId: requestId)
                return .failure(refusal)
            case .success(let grant):
                return .success(
                    try await admit(connection, request, certificateRequest, Joiner(role: role, token: token.id, grant: grant), requestId))
            }
        }
        return try answer.get()
    }

    private struct Joiner {
        var role: EnrolmentTokens.Role
        var token: UUID
        var grant: EnrolmentTokens.Grant
        var id: UUID { grant.joiner }
    }

    private static func check(
        _ request: EnrolmentRequest, role: EnrolmentTokens.Role, pin: SHA256Digest
    ) throws -> (JoinToken, CertificateRequest) {
        guard let token = JoinToken(request.token) else { throw PeerRefusal(.tokenMalformed, "this is not a join token") }
        guard token.pin == pin.bytes else { throw PeerRefusal(.tokenUnknown, "this join token was made by another control plane") }
        try checkText(request.hostname, "hostname", 1...253)
        try checkText(request.bootId, "boot_id", 1...64)
        try checkText(request.version, "version", 0...64)
        if role == .gateway { try checkAddress(request.advertise, "advertise") }
        if role == .agent, request.link == .direct { try checkAddress(request.linkAddress, "link_address") }
        do {
            return (token, try CertificateRequest(pem: request.certificateRequestPem))
        } catch {
            throw PeerRefusal(.invalidCertificateRequest, error.message)
        }
    }

    /// Counts as the schema does, and keeps out what could steer the terminal of whoever lists hosts.
    private static func checkText(_ text: String, _ name: String, _ length: ClosedRange<Int>) throws {
        guard length.contains(text.unicodeScalars.count), TextForm.isPrintable(text) else {
            throw PeerRefusal(.invalidRequest, "\(name) must be \(length.lowerBound) to \(length.upperBound) printable characters")
        }
    }

    static func checkAddress(_ text: String?, _ name: String) throws {
        guard let text, PeerAddress.isValid(text) else { throw PeerRefusal(.invalidRequest, "\(name) must be host:port") }
    }

    private func admit(
        _ connection: PostgresConnection, _ request: EnrolmentRequest, _ certificateRequest: CertificateRequest, _ joiner: Joiner,
        _ requestId: String?
    ) async throws -> EnrolmentResponse {
        let role: PeerIdentity.Role = joiner.role == .agent ? .agent : .gateway
        let (credentials, certificate) = try authority.issue(certificateRequest, role: role, id: joiner.id, joinState: 0)
        switch joiner.role {
        case _ where joiner.grant.isRepeated: try await replace(connection, role, joiner, certificate, bootId: request.bootId)
        case .agent: try await connection.execute(hostRow(request, joiner, certificate))
        case .gateway: try await addGateway(connection, request, joiner, certificate)
        }
        try await PeerAudit.append(
            connection, actor: "token:\(joiner.token.lowercased)", action: joiner.grant.isRepeated ? "enrol_repeated" : "enrol",
            kind: PeerRecord.kind(of: role), id: joiner.id.lowercased, requestId: requestId,
            change: "{\"certificate_sha256\":\"\(certificate.fingerprint.hex)\",\"region\":\"\(joiner.grant.region)\"}")
        logger.info("Enrolled", metadata: [LogKeys.peerRole: "\(role.rawValue)", LogKeys.peerId: "\(joiner.id.lowercased)"])
        return EnrolmentResponse(
            credentials: credentials, region: joiner.grant.region,
            tableKeyBase64: joiner.role == .gateway ? Base64.encode(authority.tableKey.verifyingKey.rawBytes) : nil)
    }

    private func hostRow(_ request: EnrolmentRequest, _ joiner: Joiner, _ certificate: Certificate) -> SQL {
        """
        INSERT INTO serving.hosts (id, name, pool, region, boot_id, certificate_sha256, certificate_not_after, link, link_address, version)
        VALUES (\(joiner.id), \(request.hostname), \(joiner.grant.pool), \(joiner.grant.region), \(request.bootId),
            \(certificate.fingerprint.bytes), \(certificate.notAfter), \((request.link ?? .tunnel).rawValue), \(request.linkAddress),
            \(request.version))
        """
    }

    private func addGateway(
        _ connection: PostgresConnection, _ request: EnrolmentRequest, _ joiner: Joiner, _ certificate: Certificate
    ) async throws {
        try await connection.execute(
            """
            INSERT INTO serving.gateways (id, name, region, advertise, boot_id, certificate_sha256, certificate_not_after, version)
            VALUES (\(joiner.id), \(request.hostname), \(joiner.grant.region), \(request.advertise), \(request.bootId),
                \(certificate.fingerprint.bytes), \(certificate.notAfter), \(request.version))
            """)
        try await HostGenerations.raise(connection, region: joiner.grant.region)
    }

    /// The certificate whose answer was lost was never shown: the new one takes its place.
    private func replace(
        _ connection: PostgresConnection, _ role: PeerIdentity.Role, _ joiner: Joiner, _ certificate: Certificate, bootId: String
    ) async throws {
        guard let table = PeerRecord.table(of: role) else { throw PeerRefusal(.wrongRole, "this role does not enrol") }
        try await connection.execute(
            """
            UPDATE \(table) SET boot_id = \(bootId), certificate_sha256 = \(certificate.fingerprint.bytes),
                certificate_not_after = \(certificate.notAfter), updated_at = now()
            WHERE id = \(joiner.id)
            """)
    }

    /// Only the holder of a token that was made here can write into the chain: whoever makes one up must not be able to fill it.
    private func audit(_ connection: PostgresConnection, _ token: JoinToken, _ refusal: PeerRefusal, requestId: String?) async throws {
        guard refusal.reason != .tokenUnknown else { return }
        try await PeerAudit.append(
            connection, actor: "enrolment", action: "enrol_refused", kind: "enrolment_token", id: token.id.lowercased, requestId: requestId,
            change: "{\"reason\":\"\(refusal.reason.rawValue)\"}")
    }

    private func note(_ refusal: PeerRefusal) {
        logger.notice("Enrolment refused", metadata: [LogKeys.refusal: "\(refusal.reason.rawValue)"])
        metrics.counter(
            "plimsoll_control_enrolments_refused_total", "Enrolments that were refused.", labels: ["reason": refusal.reason.rawValue]
        ).increment()
    }
}

/// `host:port` as peers tell it to each other.
enum PeerAddress {
    static func isValid(_ text: String) -> Bool {
        guard (3...260).contains(text.utf8.count), let colon = text.lastIndex(of: ":"), colon != text.startIndex,
            let port = Int(text[text.index(after: colon)...]), (1...65_535).contains(port)
        else { return false }
        let host = text[..<colon]
        let bare = host.hasPrefix("[") && host.hasSuffix("]") ? String(host.dropFirst().dropLast()) : String(host)
        return CertificateNames.isDNSName(bare) || CertificateNames.isAddress(bare)
    }
}

/// Raises the desired state's generation, which wakes the agents that wait for it.
enum HostGenerations {
    /// All hosts of a region: their gateways are others now.
    static func raise(_ connection: PostgresConnection, region: String) async throws {
        try await connection.execute(
            "UPDATE serving.hosts SET generation = generation + 1 WHERE region = \(region) AND state = 'active'")
    }
}
