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
    private let failing: GaugeMetric
    private let late: GaugeMetric
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
        failing = metrics.gauge(
            "plimsoll_control_credits_failing", "Of them those that could not be computed when it was last tried; credits waiting list says why.")
        late = metrics.gauge(
            "plimsoll_control_credits_late", "Months of agreements that have been over for five days and have no final credit.")
        self.logger = logger
    }

    package func run() async throws {
        await cancelWhenGracefulShutdown {
            var nextSearch = ContinuousClock.now
            await Turns("A credit could not be computed", level: .error, logger: logger).take(every: .seconds(10)) {
                do {
                    try await turn(&nextSearch)
                } catch {
                    // Whatever it is, the months that are noted are not computed.
                    failing.set(Double(max(1, (try? await credits.backlog().failing) ?? 1)))
                    throw error
                }
            }
        }
    }

    private func turn(_ nextSearch: inout ContinuousClock.Instant) async throws {
        guard try await lease.acquire(serving) != nil else {
            // Whoever holds the lease tells them.
            return [waiting, failing, late].forEach { $0.set(0) }
        }
        // All months of all agreements are looked at, which a day of the month does not hurry.
        if nextSearch <= .now {
            try await credits.noteDue(at: now(), settling: .seconds(60))
            late.set(Double(try await credits.late(at: now())))
            nextSearch = .now + .seconds(600)
        }
        let backlog = try await credits.backlog()
        waiting.set(Double(backlog.waiting))
        failing.set(Double(backlog.failing))
        // In pieces, so that the lease is kept while months of a great installation are computed.
        try await credits.computeNoted { try await lease.acquire(serving) != nil }
    }
}
