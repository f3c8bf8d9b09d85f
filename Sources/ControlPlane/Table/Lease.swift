package import FoundationEssentials
package import Postgres

/// Leadership of a background loop: a row that one replica holds for a while, judged by the server's clock.
package struct Lease: Sendable {
    package let name: String
    package let holder: UUID
    /// Seconds after which others may take it when the holder does not renew it.
    private let seconds: Int

    package init(_ name: String, holder: UUID, seconds: Int = 10) {
        self.name = name
        self.holder = holder
        self.seconds = seconds
    }

    /// Takes or renews it; nil when somebody else holds it. The epoch rises with each new holder.
    package func acquire(_ pool: PostgresPool) async throws -> Int64? {
        let row = try await pool.queryOne(
            """
            INSERT INTO serving.leases AS lease (name, holder, expires_at)
            VALUES (\(name), \(holder), now() + make_interval(secs => \(seconds)))
            ON CONFLICT (name) DO UPDATE SET
                holder = EXCLUDED.holder, expires_at = EXCLUDED.expires_at,
                epoch = CASE WHEN lease.holder = EXCLUDED.holder THEN lease.epoch ELSE lease.epoch + 1 END
            WHERE lease.holder = EXCLUDED.holder OR lease.expires_at < now()
            RETURNING epoch
            """)
        return try row?.value("epoch")
    }

    /// True while nobody else has taken the lease; keeps everybody else from taking it until the transaction ends. Who was too slow to renew it is its
    /// holder until then: on a slow machine a turn that is longer than the lease still gets something done.
    package func confirm(_ connection: PostgresConnection, epoch: Int64) async throws -> Bool {
        let row = try await connection.queryOne(
            """
            SELECT 1 AS held FROM serving.leases
            WHERE name = \(name) AND holder = \(holder) AND epoch = \(epoch) FOR UPDATE
            """)
        return row != nil
    }

    /// Lets the next one have it at once.
    package func release(_ pool: PostgresPool) async throws {
        try await pool.execute("UPDATE serving.leases SET expires_at = now() - interval '1 second' WHERE name = \(name) AND holder = \(holder)")
    }
}
