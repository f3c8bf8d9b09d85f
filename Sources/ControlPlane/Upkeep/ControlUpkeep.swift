package import FoundationEssentials
package import Logging
import Postgres
import ServiceLifecycle
package import Telemetry

/// How long records are kept; nil: for ever. Whole months go, and 60 days always stay.
package struct Retention: Sendable {
    package var usage: Duration?
    package var minutes: Duration?
    package var probes: Duration?

    package init(usage: Duration? = nil, minutes: Duration? = nil, probes: Duration? = nil) {
        self.usage = usage
        self.minutes = minutes
        self.probes = probes
    }
}

/// Work that must be done by the clock, by one replica: partitions ahead of time and by age, commands whose deadline has passed, leftovers.
package struct ControlUpkeep: Service {
    private let pool: PostgresPool
    private let billing: PostgresPool
    private let reliability: PostgresPool
    private let operations: OperationReports
    private let quotas: QuotaUpkeep
    private let lease: Lease
    private let retention: Retention
    private let quarantined: GaugeMetric
    private let logger: Logger

    package init(databases: ControlDatabases, holder: UUID, retention: Retention = Retention(), metrics: MetricRegistry, logger: Logger) {
        pool = databases.serving
        billing = databases.billing
        reliability = databases.reliability
        operations = OperationReports(pool: databases.serving)
        quotas = QuotaUpkeep(serving: databases.serving, billing: databases.billing)
        lease = Lease("upkeep", holder: holder, seconds: 30)
        self.retention = retention
        quarantined = metrics.gauge("plimsoll_control_usage_quarantine_rows", "Usage records that a person must look at.")
        self.logger = logger
    }

    package func run() async throws {
        await cancelWhenGracefulShutdown {
            var (nextSweep, nextCount, nextTrim) = (ContinuousClock.now, ContinuousClock.now, ContinuousClock.now)
            await Turns("Upkeep is delayed", logger: self.logger).take(every: .seconds(2)) {
                // Every replica tells it, whoever is asked.
                if nextCount <= .now {
                    try await self.countQuarantined()
                    nextCount = .now + .seconds(60)
                }
                guard try await self.lease.acquire(self.pool) != nil else { return }
                try await self.operations.expire()
                if try await CaptureStore.expire(self.pool) > 0 { self.logger.info("Captures have expired and are erased") }
                try await self.quotas.endExpired()
                if nextTrim <= .now {
                    try await self.trim()
                    nextTrim = .now + .seconds(60)
                }
                if nextSweep <= .now {
                    try await self.sweep()
                    nextSweep = .now + .seconds(3_600)
                }
            }
        }
    }

    func countQuarantined() async throws {
        let row = try await billing.queryOne("SELECT count(*) AS rows FROM billing.usage_quarantine WHERE \(UsageQuarantineResource.isOpen)")
        quarantined.set(Double(try row?.value("rows", as: Int.self) ?? 0))
    }

    /// Counts of answers are looked at for ten minutes.
    func trim() async throws {
        try await billing.execute("DELETE FROM billing.answer_count WHERE at < now() - interval '1 hour'")
    }

    func sweep() async throws {
        _ = try await pool.query("SELECT upkeep.ensure_partitions(3)")
        _ = try await pool.query("SELECT upkeep.turn_routing_days()")
        try await quotas.correctEnded()
        try await quotas.forget()
        try await MonthInputs(billing: billing, reliability: reliability).keep()
        try await drop("billing.usage_event", olderThan: retention.usage)
        try await drop("reliability.minute", olderThan: retention.minutes)
        try await drop("reliability.minute_told", olderThan: retention.minutes)
        try await drop("reliability.probe", olderThan: retention.probes)
        try await reliability.execute("DELETE FROM reliability.probe_day WHERE day < now() - interval '400 days'")
        try await reliability.execute("DELETE FROM reliability.probe_cost WHERE day < now() - interval '400 days'")
        try await reliability.execute("DELETE FROM reliability.fallback_score WHERE hour_at < now() - interval '400 days'")
        try await reliability.execute("DELETE FROM reliability.fallback_score_source WHERE told_at < now() - interval '30 days'")
        _ = try await pool.query("SELECT upkeep.forget()")
        try await Self.forgetDecisions(reliability)
        try await pool.execute(
            """
            DELETE FROM serving.routing_table_entry WHERE value IS NULL AND version <= (
                SELECT coalesce(max(version), 0) FROM serving.routing_table_version WHERE issued_at < now() - interval '7 days')
            """)
    }

    /// Refusals are many where somebody asks without end, and asked about soon.
    static func forgetDecisions(_ reliability: PostgresPool) async throws {
        try await reliability.execute(
            """
            DELETE FROM reliability.request_decision
            WHERE received_at < now() - CASE WHEN decision->'refusal' IS NULL THEN interval '7 days' ELSE interval '2 days' END
            """)
    }

    private func drop(_ parent: String, olderThan limit: Duration?) async throws {
        guard let limit else { return }
        let row = try await pool.queryOne(
            "SELECT upkeep.drop_partitions(\(parent), make_interval(secs => \(limit.components.seconds))) AS dropped")
        guard let dropped = try row?.value("dropped", as: Int.self), dropped > 0 else { return }
        logger.notice("Months of records were dropped by age", metadata: [LogKeys.count: "\(dropped)", LogKeys.database: "\(parent)"])
    }
}
