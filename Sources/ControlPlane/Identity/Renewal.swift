package import Cryptography
import FoundationEssentials
package import Logging
package import PlimsollWire
package import Postgres

/// Issues the next certificate of a host or gateway, and notices when two machines use one identity.
package struct Renewal: Sendable {
    private let pool: PostgresPool
    private let authority: Authority
    private let logger: Logger

    package init(pool: PostgresPool, authority: Authority, logger: Logger) {
        self.pool = pool
        self.authority = authority
        self.logger = logger
    }

    /// - Parameters:
    ///   - identity: As the connection's certificate says.
    ///   - shown: SHA-256 of that certificate.
    package func renew(
        _ request: RenewalRequest, identity: PeerIdentity, shown: SHA256Digest, requestId: String? = nil
    ) async throws -> Credentials {
        let certificateRequest = try Self.check(request, role: identity.role)
        let answer: Result<Credentials, PeerRefusal> = try await pool.transaction { connection in
            guard let record = try await PeerRecord.lock(connection, role: identity.role, id: identity.id) else {
                return .failure(PeerRefusal(.unknownIdentity, "this identity is not known here"))
            }
            if let refusal = PeerRecord.refusal(for: record.state) { return .failure(refusal) }
            guard Self.isGenuine(record, joinState: request.joinState, shown: shown.bytes) else {
                return .failure(try await lockClones(connection, record, requestId: requestId))
            }
            return .success(try await issue(connection, record, request, certificateRequest, shown: shown))
        }
        return try answer.get()
    }

    private static func check(_ request: RenewalRequest, role: PeerIdentity.Role) throws -> CertificateRequest {
        guard (1...64).contains(request.bootId.count) else { throw PeerRefusal(.invalidRequest, "boot_id is missing or too long") }
        if let advertise = request.advertise, role == .gateway { try Enrolment.checkAddress(advertise, "advertise") }
        do {
            return try CertificateRequest(pem: request.certificateRequestPem)
        } catch {
            throw PeerRefusal(.invalidCertificateRequest, error.message)
        }
    }

    /// The counter must be the present one, shown with the newest certificate or, on a connection that is still open, the one before. The
    /// counter before is accepted as long as nobody has shown the newest certificate: then its answer was lost on the way, and whoever asks
    /// again still shows the certificate before it.
    static func isGenuine(_ record: PeerRecord, joinState: Int, shown: [UInt8]) -> Bool {
        if joinState == record.joinState { return shown == record.certificate || shown == record.previousCertificate }
        return joinState == record.joinState - 1 && !record.isSeen && shown == record.previousCertificate
    }

    private func issue(
        _ connection: PostgresConnection, _ record: PeerRecord, _ request: RenewalRequest, _ certificateRequest: CertificateRequest,
        shown: SHA256Digest
    ) async throws -> Credentials {
        // A repeat gets the same number: however many answers are lost, the asker is never more than one behind.
        let isRepeat = request.joinState == record.joinState - 1
        let next = isRepeat ? record.joinState : record.joinState + 1
        let (credentials, certificate) = try authority.issue(certificateRequest, role: record.role, id: record.id, joinState: next)
        guard let table = PeerRecord.table(of: record.role) else { throw PeerRefusal(.wrongRole, "this role is not renewed") }
        try await connection.execute(
            """
            UPDATE \(table) SET join_state = \(next), boot_id = \(request.bootId), certificate_sha256 = \(certificate.fingerprint.bytes),
                certificate_not_after = \(certificate.notAfter), previous_certificate_sha256 = \(shown.bytes), certificate_seen_at = NULL,
                updated_at = now()
            WHERE id = \(record.id)
            """)
        if record.role == .gateway, let advertise = request.advertise {
            try await move(connection, record, to: advertise)
        }
        return credentials
    }

    private func move(_ connection: PostgresConnection, _ gateway: PeerRecord, to advertise: String) async throws {
        let moved = try await connection.execute(
            "UPDATE serving.gateways SET advertise = \(advertise) WHERE id = \(gateway.id) AND advertise IS DISTINCT FROM \(advertise)")
        if moved > 0 { try await HostGenerations.raise(connection, region: gateway.region) }
    }

    /// Nobody can tell which of the two is the original, so neither goes on.
    private func lockClones(_ connection: PostgresConnection, _ record: PeerRecord, requestId: String?) async throws -> PeerRefusal {
        guard let table = PeerRecord.table(of: record.role) else { return PeerRefusal(.wrongRole, "this role is not renewed") }
        try await connection.execute(
            """
            UPDATE \(table) SET state = 'locked', locked_at = now(), lock_reason = 'clone detected at renewal', updated_at = now(),
                denied_until = coalesce(certificate_not_after, now() + interval '1 day')
            WHERE id = \(record.id)
            """)
        if record.role == .gateway { try await HostGenerations.raise(connection, region: record.region) }
        try await PeerAudit.append(
            connection, actor: "renewal", action: "clone_detected", kind: PeerRecord.kind(of: record.role), id: record.id.lowercased,
            requestId: requestId, change: "{\"state\":\"locked\"}")
        logger.error("Two machines use one identity; both are locked", metadata: ["peer.id": "\(record.id.lowercased)"])
        return PeerRefusal(.cloneDetected, "another machine has used this identity; both are locked. Enrol again with a new token")
    }
}
