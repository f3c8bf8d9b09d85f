import Domain
package import FoundationEssentials
package import Logging
import Postgres
import ServiceLifecycle
import Synchronization
package import Telemetry

/// Keeps the promise's books by the clock: minutes, the ledger of bad ones, budgets and burn alerts. One replica at a time: the holder of a lease. Whatever it did not do, it does when it is back.
package struct ReliabilityKeeper: Service {
    /// Minutes after which a minute is closed: the longest request, and time for gateways to tell of it (reference, section 2.1).
    package static let settling: Int64 = 15
    /// Minutes that are read again at each turn, because gateways are still telling of them.
    private static let open: Int64 = 3
    /// Minutes that are closed at once.
    private static let step: Int64 = 60

    private let serving: PostgresPool
    private let reliability: PostgresPool
    private let recount: MinuteRecount
    private let lease: Lease
    private let openMinutes = OpenMinutes()
    private let now: @Sendable () -> Date
    private let logger: Logger
    private let metrics: KeeperMetrics

    package init(
        databases: ControlDatabases, holder: UUID, now: @escaping @Sendable () -> Date = { Date() }, metrics: MetricRegistry, logger: Logger
    ) {
        serving = databases.serving
        reliability = databases.reliability
        recount = MinuteRecount(databases)
        lease = Lease("reliability", holder: holder, seconds: 30)
        self.now = now
        self.metrics = KeeperMetrics(metrics)
        self.logger = logger
    }

    package func run() async throws {
        await cancelWhenGracefulShutdown {
            var (judged, attention): (Int64, Attention) = (0, Attention())
            await Turns("The books of the promise are delayed", logger: logger).take(pausing: { Self.pause(after: $0, at: now()) }) {
                var isAttentive = false
                // Also when a turn fails.
                defer { if !isAttentive { attention.lose() } }
                guard try await lease.acquire(serving) != nil else { return }
                let before = judged
                judged = try await turn(after: judged, isEarly: isEarly)
                if attention.holds(at: now()), judged > before { try await findLost() }
                isAttentive = true
            }
        }
    }

    /// What gateways tell is merged within a second or two, and of a great installation the books keep the database busy for a fifth of the time at most.
    /// Gateways have told of a minute one or two seconds after its end, and thousands of counters take as long again to be stored: until the minute is to be
    /// merged it is merged again and again.
    static func pause(after turn: Duration, at moment: Date) -> Duration {
        let past = moment.timeIntervalSince1970.truncatingRemainder(dividingBy: 60)
        let isTelling = past >= told && past < merged
        let pace = isTelling ? max(turn * 2, .milliseconds(500)) : max(turn * 4, .seconds(1))
        let next = past < told ? told : past < merged ? merged : 60 + told
        return min(pace, .seconds(5), .seconds(next - past))
    }

    /// Seconds after a minute's end by which gateways have told of it, and by which it is to be merged.
    private static let (told, merged): (Double, Double) = (1.5, 5)

    /// What is done once a minute waits until the minute before is merged, which must not wait for it.
    private var isEarly: Bool { now().timeIntervalSince1970.truncatingRemainder(dividingBy: 60) < Self.merged }

    /// One turn; what is due once a minute is done when the minute is another than last time. Returns the minute that was judged.
    ///
    /// - Parameters:
    ///   - last: The minute that was judged last.
    ///   - isEarly: Only merges.
    @discardableResult
    package func turn(after last: Int64 = 0, isEarly: Bool = false) async throws -> Int64 {
        let current = Int64(now().timeIntervalSince1970) / 60
        let open = current - Self.open..<current + 1
        openMinutes.note(try await MinuteRoll(pool: reliability).roll(open, since: openMinutes.known))
        guard current > last, !isEarly else { return last }
        let subjects = BudgetSubjects(serving: serving, reliability: reliability)
        try await close(until: current - Self.settling, subjects)
        try await correctLate(subjects)
        let (known, objectives) = (try await subjects.open(), try await objectives())
        try await BudgetStates(pool: reliability).evaluate(known, objectives, closed: current - Self.settling)
        report(try await BurnWatch(pool: reliability).judge(known, objectives, before: current))
        try await measure()
        return current
    }

    private func findLost() async throws {
        let lost = try await MinuteSources(pool: reliability).findLost(recount.served)
        guard lost > 0 else { return }
        metrics.lostCounters.increment(by: lost)
        logger.warning("Gateways fell silent without a last word: their last counters are lost", metadata: [LogKeys.count: "\(lost)"])
    }

    private func objectives() async throws -> [StoredObjective] {
        try await ObjectiveStore.active { try await reliability.query($0) }
    }

    /// Closes minutes in pieces, so that what was done of a long absence stays done.
    private func close(until watermark: Int64, _ subjects: BudgetSubjects) async throws {
        let row = try await reliability.queryOne(
            """
            INSERT INTO reliability.minute_progress AS progress (closed_until) VALUES (\(SQL.minute(watermark - 1)))
            ON CONFLICT (single) DO UPDATE SET closed_until = progress.closed_until
            RETURNING extract(epoch FROM closed_until)::bigint / 60 AS minute
            """)
        guard var first = try row?.value("minute", as: Int64.self) else { return }
        while first < watermark {
            let piece = first..<min(first + Self.step, watermark)
            try await MinuteRoll(pool: reliability).roll(piece)
            try await subjects.discover(piece)
            try await settle(piece, subjects)
            let days = DayTotals(pool: reliability)
            try await days.sum(piece.lowerBound / 1_440..<piece.upperBound / 1_440)
            try await reliability.execute(
                "UPDATE reliability.minute_progress SET closed_until = greatest(closed_until, \(SQL.minute(piece.upperBound)))")
            first = piece.upperBound
        }
    }

    private func settle(_ range: MinuteRange, _ subjects: BudgetSubjects) async throws {
        let objectives = try await objectives()
        let kept = try await subjects.kept(in: range)
        let contracts = try await ContractRules.read(range, reliability)
        let judged = kept.compactMap { subject -> (subject: BudgetSubject, rule: Int64?)? in
            objectives.holding(.availability, for: subject.scope).map {
                (subject, contracts.badAbovePpm(of: subject.minutes, objective: $0.objective.badAbovePpm))
            }
        }
        let history = try await ChangeHistory.read(range, serving)
        let ledger = BudgetLedger(pool: reliability)
        _ = try await ledger.settle(judged, range, history)
        let counted = kept.flatMap { subject in
            ObjectiveKind.allCases.filter { $0 != .availability }.compactMap { kind in
                objectives.holding(kind, for: subject.scope).map {
                    BudgetLedger.EventBudget(subject: subject, kind: kind, threshold: $0.objective.thresholdMicroseconds ?? 0)
                }
            }
        }
        _ = try await ledger.settle(counted, range, history)
    }

    /// Minutes of which something came after they were closed: merged, judged and summed again.
    private func correctLate(_ subjects: BudgetSubjects) async throws {
        let notes = try await LateNotes.read(reliability)
        guard let first = notes.minutes.first, let last = notes.minutes.last else { return }
        let days = DayTotals(pool: reliability)
        for range in MinuteGaps.merged(notes.minutes.map { $0..<$0 + 1 }, within: first..<last + 1) {
            try await MinuteRoll(pool: reliability).roll(range)
            try await settle(range, subjects)
        }
        for day in Set(notes.minutes.map { $0 / 1_440 }) { try await days.sum(day..<day + 1) }
        try await PublicLatency(pool: reliability).note(lateHours: Set(notes.minutes.map { $0 / 60 }))
        try await notes.remove(reliability)
    }

    private func measure() async throws {
        let row = try await reliability.queryOne(
            """
            SELECT (SELECT count(*) FROM reliability.budget_state WHERE freeze_state = 'frozen') AS frozen,
                (SELECT count(*) FROM reliability.burn_alert WHERE closed_at IS NULL AND severity = 'page') AS pages,
                (SELECT count(*) FROM reliability.burn_alert WHERE closed_at IS NULL AND severity = 'ticket') AS tickets,
                (SELECT extract(epoch FROM closed_until)::bigint FROM reliability.minute_progress) AS closed
            """)
        guard let row else { return }
        metrics.frozen.set(Double(try row.value("frozen", as: Int.self)))
        metrics.openPages.set(Double(try row.value("pages", as: Int.self)))
        metrics.openTickets.set(Double(try row.value("tickets", as: Int.self)))
        metrics.closedUntil.set(Double(try row.value("closed", as: Int64?.self) ?? 0))
    }

    private func report(_ changes: [BurnWatch.Change]) {
        for change in changes {
            if change.isOpened { metrics.opened(change.severity).increment() }
            logger.log(
                level: change.isOpened && change.severity == .page ? .error : .notice,
                change.isOpened ? "A budget is spent too fast" : "A budget is no longer spent too fast",
                metadata: [
                    LogKeys.reason: "\(change.kind.rawValue)", LogKeys.model: "\(change.subject.model)",
                    LogKeys.region: "\(change.subject.region)", LogKeys.limit: "\(change.longSeconds)",
                ])
        }
    }
}

/// What has been merged of the minutes that gateways are still telling of. Another holder of the lease begins anew; what it merged is merged again.
private final class OpenMinutes: Sendable {
    private let merged = Mutex<MinuteRoll.Merged?>(nil)

    var known: MinuteRoll.Merged? { merged.withLock { $0 } }

    func note(_ found: MinuteRoll.Merged?) { merged.withLock { $0 = found } }
}

/// What an operator watches of it.
private struct KeeperMetrics: Sendable {
    let frozen: GaugeMetric
    let openPages: GaugeMetric
    let openTickets: GaugeMetric
    let closedUntil: GaugeMetric
    let lostCounters: CounterMetric
    private let pages: CounterMetric
    private let tickets: CounterMetric

    init(_ registry: MetricRegistry) {
        frozen = registry.gauge("plimsoll_control_budgets_frozen", "Budgets that hold changes up.")
        openPages = registry.gauge("plimsoll_control_burn_alerts", "Budgets spent too fast now.", labels: ["severity": "page"])
        openTickets = registry.gauge("plimsoll_control_burn_alerts", "Budgets spent too fast now.", labels: ["severity": "ticket"])
        closedUntil = registry.gauge("plimsoll_control_closed_until_seconds", "Minutes before this instant are closed.")
        lostCounters = registry.counter(
            "plimsoll_control_minute_counters_lost_total", "Starts of gateways that fell silent without telling what they counted last.")
        pages = registry.counter("plimsoll_control_burn_alerts_total", "Alerts of a budget spent too fast.", labels: ["severity": "page"])
        tickets = registry.counter("plimsoll_control_burn_alerts_total", "Alerts of a budget spent too fast.", labels: ["severity": "ticket"])
    }

    func opened(_ severity: BurnRule.Severity) -> CounterMetric { severity == .page ? pages : tickets }
}
