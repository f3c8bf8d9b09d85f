package import Postgres

/// Rows that this program's own decisions about hosts and gateways leave in the audit chain, in the transaction of the decision.
package enum PeerAudit {
    package static func append(
        _ connection: PostgresConnection, actor: String, action: String, kind: String, id: String, requestId: String? = nil, change: String = "{}"
    ) async throws {
        _ = try await connection.query(
            "SELECT audit.append(\(actor), \(action), \(kind), \(id), \(requestId), \(String(change.prefix(16_384))))")
    }
}
