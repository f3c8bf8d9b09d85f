package import FoundationEssentials
package import Postgres

/// What an operator may ask of a host: its intent changes for good, and an operation records how that went.
package enum HostCommand: String, Sendable {
    case drain
    case resume

    private var intent: String { self == .drain ? "drain" : "serve" }

    /// Within the caller's transaction, which also writes the audit row. The operation's id; nil when the host is locked or revoked.
    ///
    /// Operations that have not ended are superseded: the last word counts.
    package func give(to host: UUID, within deadline: Duration, by actor: String, _ connection: PostgresConnection) async throws -> UUID? {
        let changed = try await connection.execute(
            """
            UPDATE serving.hosts SET intent = \(intent), generation = generation + 1, updated_at = now() WHERE id = \(host) AND state = 'active'
            """)
        guard changed == 1 else { return nil }
        try await connection.execute(
            """
            UPDATE serving.operations SET state = 'superseded', updated_at = now()
            WHERE host_id = \(host) AND worker_id IS NULL AND state IN ('queued', 'sent', 'running')
            """)
        let row = try await connection.queryOne(
            """
            INSERT INTO serving.operations (host_id, kind, deadline, requested_by)
            VALUES (\(host), \(rawValue), now() + make_interval(secs => \(deadline.components.seconds)), \(actor)) RETURNING id
            """)
        return try row?.value("id")
    }
}
