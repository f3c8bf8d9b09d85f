package import Cryptography
package import FoundationEssentials
package import Postgres

/// Takes an identity back, and a host's workers with it: refused everywhere as soon as the next table is out, until its last certificate has expired.
package enum Revocation {
    /// Within the caller's transaction, which also writes the audit row. False when there is no such identity or it is revoked already.
    package static func revoke(_ connection: PostgresConnection, role: PeerIdentity.Role, id: UUID, reason: String) async throws -> Bool {
        guard let table = PeerRecord.table(of: role) else { return false }
        let row = try await connection.queryOne(
            """
            UPDATE \(table) SET state = 'revoked', revoked_at = now(), revoke_reason = \(reason), updated_at = now(),
                denied_until = greatest(certificate_not_after, now() + interval '1 minute')
            WHERE id = \(id) AND state <> 'revoked' RETURNING region
            """)
        guard let row else { return false }
        if role == .agent {
            try await connection.execute(
                "UPDATE serving.workers SET retired_at = now(), updated_at = now() WHERE host_id = \(id) AND retired_at IS NULL")
        }
        if role == .gateway { try await HostGenerations.raise(connection, region: row.value("region")) }
        return true
    }
}
