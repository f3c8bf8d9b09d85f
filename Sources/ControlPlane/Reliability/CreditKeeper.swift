package import FoundationEssentials
package import Logging
import Postgres
import ServiceLifecycle
package import Telemetry

/// Computes credits by the clock: months that are over, and those of which something was found, approved or withdrawn since. One replica at a time: the
/// holder of a lease. Minutes do not wait for it.
package struct CreditKeeper: Service {
    private let serving: PostgresPool
    private let credits: CreditLedger
    private let lease: Lease
    private let now: @Sendable () -> Date
    private let waiting: GaugeMetric
    private let logger: Logger

    package init(
        databases: ControlDatabases, holder: UUID, now: @escaping @Sendable () -> Date = { Date() }, metrics: MetricRegistry, logger: Logger
    ) {
        serving = databases.serving
        credits = CreditLedger(databases)
        lease = Lease("credits", holder: holder, seconds: 60)
        self.now = now
        waiting = metrics.gauge(
            "plimsoll_control_credits_waiting", "Months of agreements whose credit is to be computed, again or for the first time.")
        self.logger = logger
    }

    package func run() async throws {
        await cancelWhenGracefulShutdown {
            var nextSearch = ContinuousClock.now
            while !Task.isCancelled {
                do {
                    if try await lease.acquire(serving) != nil {
                        // All months of all agreements are looked at, which a day of the month does not hurry.
                        if nextSearch <= .now {
                            try await credits.noteDue(at: now())
                            nextSearch = .now + .seconds(600)
                        }
                        waiting.set(Double(try await credits.waiting()))
                        // In pieces, so that the lease is kept while months of a great installation are computed.
                        try await credits.computeNoted { try await lease.acquire(serving) != nil }
                    }
                } catch {
                    if !Task.isCancelled { logger.error("A credit could not be computed", metadata: [LogKeys.code: "\(errorCode(error))"]) }
                }
                // Cancellation is seen by the loop's condition.
                try? await Task.sleep(for: .seconds(10))
            }
        }
    }
}
