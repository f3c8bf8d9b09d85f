package import FoundationEssentials
package import Logging
package import Postgres
import ServiceLifecycle

/// Work that must be done by the clock, by one replica: partitions ahead of time, commands whose deadline has passed, leftovers.
package struct ControlUpkeep: Service {
    private let pool: PostgresPool
    private let operations: OperationReports
    private let lease: Lease
    private let logger: Logger

    package init(pool: PostgresPool, holder: UUID, logger: Logger) {
        self.pool = pool
        operations = OperationReports(pool: pool)
        lease = Lease("upkeep", holder: holder, seconds: 30)
        self.logger = logger
    }

    package func run() async throws {
        await cancelWhenGracefulShutdown {
            var nextSweep = ContinuousClock.now
            while !Task.isCancelled {
                do {
                    if try await self.lease.acquire(self.pool) != nil {
                        try await self.operations.expire()
                        if nextSweep <= .now {
                            try await self.sweep()
                            nextSweep = .now + .seconds(3_600)
                        }
                    }
                } catch {
                    if !Task.isCancelled { self.logger.warning("Upkeep is delayed", metadata: ["error.code": "\(errorCode(error))"]) }
                }
                // Cancellation is seen by the loop's condition.
                try? await Task.sleep(for: .seconds(2))
            }
        }
    }

    private func sweep() async throws {
        _ = try await pool.query("SELECT upkeep.ensure_partitions(3)")
        _ = try await pool.query("SELECT upkeep.forget()")
        try await pool.execute(
            """
            DELETE FROM serving.routing_table_entry WHERE value IS NULL AND version <= (
                SELECT coalesce(max(version), 0) FROM serving.routing_table_version WHERE issued_at < now() - interval '7 days')
            """)
    }
}
