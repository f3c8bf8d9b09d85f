import Cryptography
package import FoundationEssentials
package import Logging
package import Postgres
import ServiceLifecycle
import Synchronization
import Telemetry

/// Makes a new version of the routing table whenever its rows have changed. One replica at a time: the holder of a lease.
package final class TablePublisher: Service {
    /// A gateway that claims a version further ahead than this is wrong or lies.
    private static let greatestLead: Int64 = 1_000_000

    private let pool: PostgresPool
    private let authority: Authority
    private let news: Bells<ChangeChannel>
    private let lease: Lease
    private let logger: Logger
    /// Wakes that come together, such as a burst of new keys, make one version.
    private let gathering = Duration.milliseconds(20)
    private let pollInterval: Duration
    /// As it was published last, so that a turn reads only what is newer.
    private let known = Mutex(PublishedTable())

    /// - Parameter pollInterval: After so long the rows are compared without having been told to; also how often the lease is renewed.
    package init(
        pool: PostgresPool, authority: Authority, news: Bells<ChangeChannel>, holder: UUID, pollInterval: Duration = .seconds(2), logger: Logger
    ) {
        self.pool = pool
        self.authority = authority
        self.news = news
        self.pollInterval = pollInterval
        lease = Lease("table-publisher", holder: holder)
        self.logger = logger
    }

    package func run() async throws {
        try await cancelWhenGracefulShutdown {
            while !Task.isCancelled {
                // It listens before it looks: a ring in the middle of a turn makes another one.
                _ = try await self.news.wait(for: .table, atMost: self.pollInterval) { () -> Bool? in
                    // Cancellation is seen by the loop's condition.
                    try? await Task.sleep(for: self.gathering)
                    await self.turn()
                    return nil
                }
            }
        }
        await release()
    }

    /// Nobody waits long for it: without this the lease ends by itself.
    private func release() async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask {
                do {
                    try await self.lease.release(self.pool)
                } catch {
                    self.logger.debug("Lease was left to expire", metadata: [LogKeys.code: "\(errorCode(error))"])
                }
            }
            // Cancelled when the release is done.
            group.addTask { try? await Task.sleep(for: .seconds(1)) }
            await group.next()
            group.cancelAll()
        }
    }

    private func turn() async {
        await Turns("Routing table could not be published", logger: logger).once {
            guard !Task.isCancelled else { return }
            _ = try await publishNow()
        }
    }

    /// Compares rows with the newest version and commits the difference as the next one; its number, or nil when nothing changed.
    ///
    /// A database that was restored is behind what gateways hold, and they take nothing older: then the next version is above theirs.
    package func publish(epoch: Int64) async throws -> Int64? {
        let known = self.known.withLock { $0 }
        let (table, version) = try await pool.transaction(isolation: .repeatableRead, .repeatable) { connection in
            guard try await lease.confirm(connection, epoch: epoch) else { return (known, Int64?.none) }
            var table = known
            try await table.refresh { try await connection.query($0) }
            let entries = try await TableFacts.read(connection, trustDomain: authority.trustDomain).entries()
            let change = TableChange(from: table.current, to: entries)
            let held = try await newestHeld(above: table.version, connection)
            guard !change.isEmpty || table.version == 0 || held > table.version else { return (table, nil) }
            let next = max(table.version, held) + 1
            try await store(change, entries: entries, version: next, follows: table.version, connection)
            return (table, next)
        }
        self.known.withLock { $0 = table }
        return version
    }

    /// Takes the lease first; nil also where somebody else holds it.
    package func publishNow() async throws -> Int64? {
        guard let epoch = try await lease.acquire(pool) else { return nil }
        return try await publish(epoch: epoch)
    }

    private func newestHeld(above version: Int64, _ connection: PostgresConnection) async throws -> Int64 {
        let row = try await connection.queryOne(
            """
            SELECT coalesce(max(table_version), 0) AS version FROM serving.gateways
            WHERE state = 'active' AND table_version <= \(version + Self.greatestLead)
            """)
        return try row?.value("version") ?? 0
    }

    private func store(
        _ change: TableChange, entries: [String: String], version: Int64, follows: Int64, _ connection: PostgresConnection
    ) async throws {
        let issuedAt = Int64(Date().timeIntervalSince1970)
        let digest = TableDigest.digest(entries)
        let signature = try authority.tableKey.sign(TableDigest.signedBytes(version: version, issuedAtSeconds: issuedAt, digest: digest))
        let keys = Array(change.changed.keys) + change.removed
        let values: [String?] = change.changed.values.map { $0 } + change.removed.map { _ in nil }
        let signer = Hash.sha256(authority.tableKey.verifyingKey.rawBytes).bytes
        let reason = version > follows + 1 ? "above what gateways hold: \(change.summary)" : change.summary
        _ = try await connection.pipeline([
            """
            INSERT INTO serving.routing_table_version (version, follows, issued_at, digest, signature, signer_sha256, entries, changed, reason)
            VALUES (\(version), \(follows), to_timestamp(\(issuedAt)::bigint), \(digest.bytes), \(signature), \(signer), \(entries.count),
                \(change.count), \(String(reason.prefix(500))))
            """,
            """
            INSERT INTO serving.routing_table_entry (key, value, version)
            SELECT entry.key, entry.value, \(version) FROM unnest(\(keys)::text[], \(values)::text[]) AS entry (key, value)
            ON CONFLICT (key) DO UPDATE SET value = EXCLUDED.value, version = EXCLUDED.version
            """,
        ])
        report(change, version: version, reason: reason)
    }

    private func report(_ change: TableChange, version: Int64, reason: String) {
        logger.info("Routing table published", metadata: [LogKeys.tableVersion: "\(version)", LogKeys.tableReason: "\(reason)"])
        guard !change.orphanedModels.isEmpty else { return }
        logger.warning("Models have lost their last worker", metadata: [LogKeys.models: "\(change.orphanedModels.joined(separator: ","))"])
    }
}
