package import Domain
import FoundationEssentials
package import Cryptography
package import Postgres

/// One-use tokens with which hosts and gateways join.
package struct EnrolmentTokens: Sendable {
    package enum Role: String, Sendable, CaseIterable {
        case agent
        case gateway
    }

    /// SHA-256 of the root's public key, which every token carries.
    private let pin: SHA256Digest

    package init(pin: SHA256Digest) {
        self.pin = pin
    }

    /// Stores a new token within the caller's transaction. Its text is in the answer and nowhere else.
    ///
    /// - Parameters:
    ///   - region: Where the joiner will be; an agent's region is its pool's.
    ///   - pool: Agents only.
    ///   - life: Up to a day.
    package func create(
        _ connection: PostgresConnection, role: Role, region: String, pool: String?, life: Duration = .seconds(900), createdBy: String
    ) async throws -> JoinToken {
        let token = JoinToken(id: UUID(), secret: SecureRandom.bytes(32), pin: pin.bytes)
        try await connection.execute(
            """
            INSERT INTO serving.enrolment_tokens (id, role, secret_sha256, region, pool, created_by, expires_at)
            VALUES (\(token.id), \(role.rawValue), \(Hash.sha256(token.secret).bytes), \(region), \(pool), \(createdBy),
                now() + make_interval(secs => \(life.components.seconds)))
            """)
        return token
    }

    /// What a consumed token was made for.
    struct Grant: Sendable {
        /// Host or gateway that joins with it.
        var joiner: UUID
        var region: String
        var pool: String?
        /// The joiner has its row: the answer that told it so was lost.
        var isRepeated = false
    }

    /// Uses a token up for a joiner with that key, or says why not. One statement decides, so that of two at once one wins.
    ///
    /// Whoever asks again with the same key is granted the same again, as long as the joiner has not been seen.
    ///
    /// - Parameter key: SHA-256 of the joiner's public key.
    func consume(
        _ connection: PostgresConnection, _ token: JoinToken, role: Role, key: SHA256Digest
    ) async throws -> Result<Grant, PeerRefusal> {
        let digest = Hash.sha256(token.secret).bytes
        let joiner = UUID()
        let row = try await connection.queryOne(
            """
            UPDATE serving.enrolment_tokens SET uses_left = 0, consumed_at = now(), consumed_by = \(joiner), consumed_key_sha256 = \(key.bytes)
            WHERE id = \(token.id) AND secret_sha256 = \(digest) AND role = \(role.rawValue) AND uses_left > 0 AND expires_at > now()
                AND revoked_at IS NULL
            RETURNING region, pool
            """)
        if let row { return .success(Grant(joiner: joiner, region: try row.value("region"), pool: try row.value("pool"))) }
        if let grant = try await repeated(connection, token, digest: digest, role: role, key: key) { return .success(grant) }
        return .failure(try await refusal(connection, token, digest: digest, role: role))
    }

    private func repeated(
        _ connection: PostgresConnection, _ token: JoinToken, digest: [UInt8], role: Role, key: SHA256Digest
    ) async throws -> Grant? {
        let row = try await connection.queryOne(
            """
            SELECT consumed_by, region, pool FROM serving.enrolment_tokens
            WHERE id = \(token.id) AND secret_sha256 = \(digest) AND role = \(role.rawValue) AND uses_left = 0 AND expires_at > now()
                AND revoked_at IS NULL AND consumed_by IS NOT NULL AND consumed_key_sha256 = \(key.bytes)
            """)
        guard let row else { return nil }
        let joiner: UUID = try row.value("consumed_by")
        let record = try await PeerRecord.lock(connection, role: role == .agent ? .agent : .gateway, id: joiner)
        guard let record, record.state == .active, record.joinState == 0, !record.isSeen else { return nil }
        return Grant(joiner: joiner, region: try row.value("region"), pool: try row.value("pool"), isRepeated: true)
    }

    private func refusal(_ connection: PostgresConnection, _ token: JoinToken, digest: [UInt8], role: Role) async throws -> PeerRefusal {
        let row = try await connection.queryOne(
            """
            SELECT secret_sha256 = \(digest) AS genuine, role = \(role.rawValue) AS fits, uses_left > 0 AS unused, revoked_at IS NOT NULL AS revoked
            FROM serving.enrolment_tokens WHERE id = \(token.id)
            """)
        // One answer for a token that never was and for a wrong secret, so that ids cannot be tried out.
        guard let row, try row.value("genuine", as: Bool.self) else {
            return PeerRefusal(.tokenUnknown, "this join token is not known here")
        }
        if try row.value("revoked") { return PeerRefusal(.tokenRevoked, "this join token was revoked") }
        if try !row.value("fits", as: Bool.self) { return PeerRefusal(.tokenWrongRole, "this join token is not for the role \(role.rawValue)") }
        if try !row.value("unused", as: Bool.self) { return PeerRefusal(.tokenUsed, "this join token has been used already") }
        return PeerRefusal(.tokenExpired, "this join token has expired; make a new one")
    }
}
