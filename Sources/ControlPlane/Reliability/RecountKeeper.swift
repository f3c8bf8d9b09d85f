package import FoundationEssentials
package import Logging
import Postgres
import ServiceLifecycle
package import Telemetry

/// Completes minutes of gateways that were killed, once their usage records have come, and counts those that could not be counted when they were told. One
/// replica at a time: the holder of a lease. Minutes do not wait for it.
package struct RecountKeeper: Service {
    private let serving: PostgresPool
    private let recount: MinuteRecount
    private let lease: Lease
    private let completed: CounterMetric
    private let aside: MinuteAside
    private let waiting: GaugeMetric
    private let start = Date()
    private let logger: Logger

    package init(databases: ControlDatabases, holder: UUID, metrics: MetricRegistry, logger: Logger) {
        serving = databases.serving
        recount = MinuteRecount(databases)
        lease = Lease("recounts", holder: holder, seconds: 60)
        completed = metrics.counter(
            "plimsoll_control_minute_counters_completed_total",
            "Requests added to minutes from usage records, which a gateway was killed before it told.")
        aside = MinuteAside(pool: databases.reliability)
        waiting = metrics.gauge(
            "plimsoll_control_reports_set_aside", "Minutes that gateways told and this release cannot count: one is newer, or its clock is ahead.")
        self.logger = logger
    }

    package func run() async throws {
        await Turns("Minutes could not be completed", logger: logger).run(every: .seconds(2)) { try await turn() }
    }

    func turn() async throws {
        // Whoever holds the lease tells how many there are.
        guard try await lease.acquire(serving) != nil else { return waiting.set(0) }
        let counted = try await aside.retry(since: start, now: Date())
        if counted > 0 { logger.notice("Minutes that were set aside are counted", metadata: [LogKeys.count: "\(counted)"]) }
        waiting.set(Double(try await aside.count()))
        for start in try await recount.ended() {
            let added = try await recount.complete(start)
            completed.increment(by: Int(added))
            logger.notice(
                "Minutes of a gateway's earlier start are complete", metadata: [LogKeys.gateway: "\(start.gateway)", LogKeys.count: "\(added)"])
            guard try await lease.acquire(serving) != nil else { return }
        }
    }
}
