import Domain
package import FoundationEssentials
package import Logging
import Postgres
import ServiceLifecycle
package import Telemetry

/// Ends drills whose time is over and writes down what they have shown. One replica at a time: the holder of a lease.
package struct DrillKeeper: Service {
    /// Seconds after its end at which what gateways count and ship has come.
    static let settling = 15.0
    /// Seconds after the end of one that takes the control plane away for which its report waits until every gateway has told what it counted.
    static let hearing = 90.0
    /// Seconds, times compression, for which a report waits for mitigations to be taken back.
    static let patience = 900.0

    private let databases: ControlDatabases
    private let lease: Lease
    private let running: GaugeMetric
    private let held: CounterMetric
    private let failed: CounterMetric
    private let unproven: CounterMetric
    private let logger: Logger

    package init(databases: ControlDatabases, holder: UUID, metrics: MetricRegistry, logger: Logger) {
        self.databases = databases
        lease = Lease("drills", holder: holder, seconds: 30)
        running = metrics.gauge("plimsoll_control_drill_running", "1 while a drill breaks something on purpose.")
        let help = "Drills that were reported, by whether the promise held."
        held = metrics.counter("plimsoll_control_drills_total", help, labels: ["result": "held"])
        failed = metrics.counter("plimsoll_control_drills_total", help, labels: ["result": "failed"])
        unproven = metrics.counter("plimsoll_control_drills_total", help, labels: ["result": "unproven"])
        self.logger = logger
    }

    package func run() async throws {
        await Turns("Drills could not be looked after", logger: logger).run(every: .seconds(1), under: lease, databases.serving) {
            try await turn(at: Date())
        }
    }

    func turn(at now: Date) async throws {
        try await databases.serving.execute(
            "UPDATE reliability.drill SET ended_at = until_at, end_reason = 'over' WHERE ended_at IS NULL AND until_at <= \(now)")
        let rows = try await databases.serving.query("SELECT \(Drill.columns) FROM reliability.drill AS r WHERE reported_at IS NULL")
        let drills = try rows.map(Drill.init)
        running.set(drills.contains { $0.endedAt == nil } ? 1 : 0)
        for drill in drills {
            guard let end = drill.endedAt, now.timeIntervalSince(end) >= Self.settling else { continue }
            let silent = try await drill.silentGateways(since: end, databases.reliability)
            guard silent == 0 || now.timeIntervalSince(drill.until) >= Self.hearing else { continue }
            let mayWait = now.timeIntervalSince(end) < Self.patience / Double(drill.compression)
            // A report looks through the records of all requests: not each second while it is known that it waits.
            if mayWait, try await DrillReport.isPending(drill, until: end, databases.serving) { continue }
            let report = try await DrillReport.make(of: drill, until: end, silent: silent, databases)
            if mayWait && report.isPending { continue }
            try await store(report, of: drill, at: now)
        }
    }

    private func store(_ report: DrillReport, of drill: Drill, at now: Date) async throws {
        let changed = try await databases.serving.execute(
            """
            UPDATE reliability.drill SET report = \(report.document)::jsonb, held = \(report.verdict == .held), reported_at = \(now)
            WHERE id = \(drill.id) AND reported_at IS NULL
            """)
        guard changed == 1 else { return }
        let (counter, words) =
            switch report.verdict {
            case .held: (held, "A drill is over, and the promise held")
            case .failed: (failed, "A drill is over, and the promise did not hold")
            case .unproven: (unproven, "A drill is over, and whether the promise held is not proven")
            }
        counter.increment()
        logger.notice("\(words)", metadata: [LogKeys.reason: "\(drill.kind.rawValue)"])
    }
}
