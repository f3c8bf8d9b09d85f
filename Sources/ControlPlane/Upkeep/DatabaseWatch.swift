package import Logging
package import Postgres
import ServiceLifecycle
import Synchronization
package import Telemetry

/// Keeps readiness true to the database: it answers, and its schema is this program's or a later one.
package final class DatabaseWatch: Service {
    private let pool: PostgresPool
    private let migrator: Migrator
    private let patience: Duration
    private let up: GaugeMetric
    private let logger: Logger
    private let tell: @Sendable (String?) -> Void
    /// What is wrong, in fixed words; nil: nothing.
    private let problem = Mutex<String?>("it was not asked yet")

    /// - Parameters:
    ///   - patience: Of one question; a server that is frozen counts as away after it.
    ///   - tell: Hears what is wrong, and nil when all is well again; only when that has changed.
    package init(
        pool: PostgresPool, migrator: Migrator, patience: Duration = .milliseconds(1_500), metrics: MetricRegistry, logger: Logger,
        tell: @escaping @Sendable (String?) -> Void
    ) {
        self.pool = pool
        self.migrator = migrator
        self.patience = patience
        self.logger = logger
        self.tell = tell
        up = metrics.gauge("plimsoll_control_database_up", "1 while PostgreSQL answers and has this program's schema.")
    }

    package func run() async throws {
        await cancelWhenGracefulShutdown {
            while !Task.isCancelled {
                await self.look()
                // Cancellation ends the pause and the loop.
                try? await Task.sleep(for: .seconds(1))
            }
        }
    }

    private func look() async {
        do {
            if problem.withLock({ $0 }) != nil {
                let pending = try await migrator.pending()
                guard pending.isEmpty else { return note("its schema is behind by \(pending.count): run plimsoll-control migrate") }
            }
            if try await answers() { note(nil) }
        } catch {
            guard !Task.isCancelled else { return }
            note((error as? PostgresError)?.message ?? "it could not be asked", code: errorCode(error))
        }
    }

    /// False when the patience ended. That is told at once and not when the question has ended, which takes a frozen server seconds more.
    private func answers() async throws -> Bool {
        try await withThrowingTaskGroup(of: Bool.self) { group in
            group.addTask { try await !self.pool.query("SELECT 1").isEmpty }
            group.addTask {
                try await Task.sleep(for: self.patience)
                self.note("it does not answer", code: PostgresError.Code.timeout.rawValue)
                return false
            }
            defer { group.cancelAll() }
            return try await group.next() ?? false
        }
    }

    private func note(_ found: String?, code: String = "schema") {
        let hasChanged = problem.withLock { problem in
            defer { problem = found }
            return problem != found
        }
        up.set(found == nil ? 1 : 0)
        guard hasChanged else { return }
        if let found {
            logger.error("Database cannot be used", metadata: [LogKeys.code: "\(code)", LogKeys.reason: "\(found)"])
        } else {
            logger.notice("Database can be used")
        }
        tell(found)
    }
}
