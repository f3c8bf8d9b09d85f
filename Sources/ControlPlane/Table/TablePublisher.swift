import Cryptography
package import FoundationEssentials
package import Logging
package import Postgres
import ServiceLifecycle

/// Makes a new version of the routing table whenever its rows have changed. One replica at a time: the holder of a lease.
package struct TablePublisher: Service {
    private let pool: PostgresPool
    private let authority: Authority
    private let news: Bells<ChangeChannel>
    private let lease: Lease
    private let logger: Logger
    /// Wakes that come together, such as a burst of new keys, make one version.
    private let gathering = Duration.milliseconds(20)
    private let pollInterval = Duration.seconds(2)

    package init(pool: PostgresPool, authority: Authority, news: Bells<ChangeChannel>, holder: UUID, logger: Logger) {
        self.pool = pool
        self.authority = authority
        self.news = news
        lease = Lease("table-publisher", holder: holder)
        self.logger = logger
    }

    package func run() async throws {
        try await cancelWhenGracefulShutdown {
            while !Task.isCancelled {
                await self.turn()
                // Nil after two seconds: then the rows are compared without having been told to.
                var isFirst = true
                _ = try await self.news.wait(for: .table, atMost: self.pollInterval) {
                    defer { isFirst = false }
                    return isFirst ? nil : true
                }
                // Cancellation is seen by the loop's condition.
                try? await Task.sleep(for: self.gathering)
            }
        }
        do {
            try await lease.release(pool)
        } catch {
            logger.debug("Lease was left to expire", metadata: ["error.code": "\(errorCode(error))"])
        }
    }

    private func turn() async {
        do {
            guard let epoch = try await lease.acquire(pool) else { return }
            _ = try await publish(epoch: epoch)
        } catch {
            guard !Task.isCancelled else { return }
            logger.warning("Routing table could not be published", metadata: ["error.code": "\(errorCode(error))"])
        }
    }

    /// Compares rows with the newest version and commits the difference as the next one; its number, or nil when nothing changed.
    package func publish(epoch: Int64) async throws -> Int64? {
        try await pool.transaction(isolation: .repeatableRead, .repeatable) { connection in
            guard try await lease.confirm(connection, epoch: epoch) else { return nil }
            var table = PublishedTable()
            try await table.refresh { try await connection.query($0) }
            let entries = try await TableFacts.read(connection, trustDomain: authority.trustDomain).entries()
            let change = TableChange(from: table.current, to: entries)
            guard !change.isEmpty || table.version == 0 else { return nil }
            try await store(change, entries: entries, version: table.version + 1, connection)
            return table.version + 1
        }
    }

    /// For tests and programs that publish once: takes the lease first.
    package func publishNow() async throws -> Int64? {
        guard let epoch = try await lease.acquire(pool) else { return nil }
        return try await publish(epoch: epoch)
    }

    private func store(_ change: TableChange, entries: [String: String], version: Int64, _ connection: PostgresConnection) async throws {
        let issuedAt = Int64(Date().timeIntervalSince1970)
        let digest = TableDigest.digest(entries)
        let signature = try authority.tableKey.sign(TableDigest.signedBytes(version: version, issuedAtSeconds: issuedAt, digest: digest))
        let keys = Array(change.changed.keys) + change.removed
        let values: [String?] = change.changed.values.map { $0 } + change.removed.map { _ in nil }
        let signer = Hash.sha256(authority.tableKey.verifyingKey.rawBytes).bytes
        _ = try await connection.pipeline([
            """
            INSERT INTO serving.routing_table_version (version, issued_at, digest, signature, signer_sha256, entries, changed, reason)
            VALUES (\(version), to_timestamp(\(issuedAt)::bigint), \(digest.bytes), \(signature), \(signer), \(entries.count), \(change.count),
                \(String(change.summary.prefix(500))))
            """,
            """
            INSERT INTO serving.routing_table_entry (key, value, version)
            SELECT entry.key, entry.value, \(version) FROM unnest(\(keys)::text[], \(values)::text[]) AS entry (key, value)
            ON CONFLICT (key) DO UPDATE SET value = EXCLUDED.value, version = EXCLUDED.version
            """,
        ])
        report(change, version: version)
    }

    private func report(_ change: TableChange, version: Int64) {
        let metadata: Logger.Metadata = ["table.version": "\(version)", "table.reason": "\(change.summary)"]
        logger.info("Routing table published", metadata: metadata)
        guard !change.orphanedModels.isEmpty else { return }
        logger.warning("Models have lost their last worker", metadata: ["models": "\(change.orphanedModels.joined(separator: ","))"])
    }
}
