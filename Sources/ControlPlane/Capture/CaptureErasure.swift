import FoundationEssentials
import Postgres

/// How a capture ends: by its tenant, by an operator, with its key or tenant, or with its time.
enum CaptureErasure {
    /// The key goes, and the records: what is left of them in the database's files cannot be read from there. A backup or an archived log of an earlier time has both
    /// still, and whoever has it and the authorities' folder can read the capture until it expires.
    ///
    /// - Parameter condition: On rows `r` of captures.
    /// - Returns: Those that were not erased before.
    static func erase(where condition: SQL, _ connection: PostgresConnection) async throws -> [UUID] {
        let rows = try await connection.query(
            """
            UPDATE serving.captures AS r SET sealed_key = NULL, erased_at = now() WHERE r.erased_at IS NULL AND \(condition) RETURNING r.id
            """)
        let ids = try rows.map { try $0.value("id", as: UUID.self) }
        guard !ids.isEmpty else { return [] }
        try await connection.execute("DELETE FROM serving.capture_records WHERE capture_id = ANY(\(ids)::uuid[])")
        return ids
    }

    /// The audit chain says of each who ended it.
    ///
    /// - Returns: How many there were.
    @discardableResult
    static func end(where condition: SQL, by actor: String, requestId: String? = nil, _ connection: PostgresConnection) async throws -> Int {
        let ids = try await erase(where: condition, connection)
        for id in ids {
            try await connection.execute("SELECT audit.append(\(actor), 'erase', 'capture', \(id.lowercased), \(requestId), '{}')")
        }
        return ids.count
    }
}
