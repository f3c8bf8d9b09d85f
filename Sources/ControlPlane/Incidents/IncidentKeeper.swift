import Domain
package import FoundationEssentials
package import Logging
import Postgres
import ServiceLifecycle
package import Telemetry

/// Looks every second at what is measured, opens incidents, has done about them what the policy says, and closes them. One replica at a time: the
/// holder of a lease.
package actor IncidentKeeper: Service {
    private let serving: PostgresPool
    private let reliability: PostgresPool
    private let lease: Lease
    private let metrics: IncidentMetrics
    private let logger: Logger
    private let interval: Duration
    private var minutes: MinuteReader
    private var listeningSince: Date?
    private var minutesReadAt: Date?
    private var services: [ServiceName: [Int64: ServiceMinute]] = [:]
    private var objectives: [Objective] = []
    /// A provider or worker must be down in two looks: one may fall between a restart and its report.
    private var downBefore: Set<IncidentKey> = []

    /// Minutes are told every five seconds; to ask more often tells nothing new.
    private static let minuteReading: TimeInterval = 5

    package init(databases: ControlDatabases, holder: UUID, metrics: MetricRegistry, logger: Logger) {
        self.init(serving: databases.serving, reliability: databases.reliability, holder: holder, metrics: metrics, logger: logger)
    }

    init(
        serving: PostgresPool, reliability: PostgresPool, holder: UUID = UUID(), metrics: MetricRegistry = MetricRegistry(),
        interval: Duration = .seconds(1), logger: Logger
    ) {
        self.serving = serving
        self.reliability = reliability
        lease = Lease("incidents", holder: holder)
        self.metrics = IncidentMetrics(metrics)
        self.interval = interval
        self.logger = logger
        minutes = MinuteReader(pool: reliability)
    }

    package func run() async throws {
        await cancelWhenGracefulShutdown {
            while !Task.isCancelled {
                do {
                    try await self.turn(at: Date())
                } catch {
                    if !Task.isCancelled {
                        self.logger.warning("Incidents could not be looked after", metadata: [LogKeys.code: "\(errorCode(error))"])
                    }
                }
                // Cancellation is seen by the loop's condition.
                try? await Task.sleep(for: self.interval)
            }
        }
    }

    /// One look, and all that follows from it.
    func turn(at now: Date) async throws {
        guard let epoch = try await lease.acquire(serving) else {
            listeningSince = nil
            return
        }
        let since = listeningSince ?? now
        listeningSince = since
        let picture = try await FleetReader(listeningSince: since, now: now).read { try await self.serving.pipeline($0) }
        if minutesReadAt.map({ abs(now.timeIntervalSince($0)) >= Self.minuteReading }) ?? true {
            var reader = minutes
            services = try await reader.read(now: now.wholeSeconds)
            minutes = reader
            objectives = try await ObjectiveStore.active { try await self.reliability.query($0) }.map(\.objective)
            minutesReadAt = now
        }
        let open = try await openKeys()
        let triggers = try await triggers(picture, open: open, now: now)
        let snapshots = try await snapshots(triggers.filter { open[$0.key.text] == nil }, now: now)
        let opened = try await serving.transaction(.repeatable) { [lease] connection in
            guard try await lease.confirm(connection, epoch: epoch) else { return [IncidentTrigger]() }
            return try await self.record(triggers, snapshots, picture.view, connection, now: now)
        }
        for trigger in opened { report(trigger) }
        try await close(epoch: epoch, now: now)
        try await metrics.show(serving, now: now)
    }

    private func report(_ trigger: IncidentTrigger) {
        metrics.opened(trigger.key.signal)
        logger.warning(
            "An incident has opened",
            metadata: [
                LogKeys.reason: "\(trigger.key.signal.rawValue)", LogKeys.model: "\(trigger.key.model)", LogKeys.region: "\(trigger.key.region)",
            ])
    }

    /// Signals of open incidents, by key.
    private func openKeys() async throws -> [String: IncidentSignal] {
        let rows = try await serving.query("SELECT key, rule FROM reliability.incident WHERE resolved_at IS NULL")
        return try rows.reduce(into: [:]) { $0[try $1.value("key")] = IncidentSignal(rawValue: try $1.value("rule")) }
    }

    private func triggers(_ picture: FleetReader.Picture, open: [String: IncidentSignal], now: Date) async throws -> [IncidentTrigger] {
        let own = ownTriggers(picture, open: open, now: now)
        let told = try await SignalTables(serving: serving, reliability: reliability, now: now).triggers()
        return own + told.filter { $0.key.signal != .burn || isSpending($0.key, now: now) }
    }

    /// An alert looks back for hours: it is a trouble, and reason for another step, only while more is being spent.
    private func isSpending(_ key: IncidentKey, now: Date) -> Bool {
        let minute = now.wholeSeconds / 60
        return services.contains { name, minutes in
            !name.isDrill && (key.tier.isEmpty || key.tier == name.tier) && (key.model.isEmpty || key.model == name.model)
                && (key.region.isEmpty || key.region == name.region)
                && (minute - 1...minute).contains { minutes[$0].map { $0.bad > 0 || $0.firstTokens.over > 0 } ?? false }
        }
    }

    private func ownTriggers(_ picture: FleetReader.Picture, open: [String: IncidentSignal], now: Date) -> [IncidentTrigger] {
        var found = services.flatMap { name, minutes -> [IncidentTrigger] in
            func key(_ signal: IncidentSignal) -> IncidentKey {
                IncidentKey(signal, tier: name.tier, model: name.model, region: name.region, subject: name.isDrill ? "drill" : "")
            }
            let going = Set(IncidentSignal.allCases.filter { open[key($0).text] != nil })
            return SignalRules(minutes, BreachObjectives(objectives, for: name), now: now.wholeSeconds).findings(open: going).map { finding in
                IncidentTrigger(
                    key: key(finding.signal), beganAt: Date(timeIntervalSince1970: Double(finding.beganAt)), text: finding.signal.title,
                    isDrill: name.isDrill)
            }
        }
        let fleet = FleetRules(picture.conditions)
        let down =
            fleet.providers.map {
                (IncidentKey(.providerHealth, region: $0.region, provider: $0.provider), "provider \($0.provider) in \($0.region)")
            }
            + fleet.workers.map { worker in
                let key = IncidentKey(.workerHealth, model: worker.model, region: worker.region, provider: worker.provider, subject: worker.worker)
                return (key, "worker \(worker.worker) of \(worker.provider)")
            }
        let keys = Set(down.map(\.0))
        for (key, words) in down where downBefore.contains(key) || open[key.text] != nil {
            found.append(
                IncidentTrigger(
                    key: key, beganAt: now, text: "\(key.signal.title): \(words)", isDrill: picture.drills.contains { $0.covers(key) }))
        }
        downBefore = keys
        for terms in picture.thin {
            let key = IncidentKey(.redundancy, tier: terms.tier, model: terms.model, region: terms.region)
            found.append(IncidentTrigger(key: key, beganAt: now, text: "fewer than two providers serve \(terms.model)"))
        }
        return found
    }

    private func snapshots(_ triggers: [IncidentTrigger], now: Date) async throws -> [String: String] {
        var snapshots: [String: String] = [:]
        for trigger in triggers {
            snapshots[trigger.key.text] = try await DiagnosisReader(serving: serving, reliability: reliability, now: now).read(trigger.key)
        }
        return snapshots
    }

    /// Opens and goes on with incidents, and does what the policy says; those that were opened.
    private nonisolated func record(
        _ triggers: [IncidentTrigger], _ snapshots: [String: String], _ fleet: FleetView, _ connection: PostgresConnection, now: Date
    ) async throws -> [IncidentTrigger] {
        let book = IncidentBook(connection: connection, now: now)
        let known = Dictionary(try await book.open().map { ($0.key, $0) }, uniquingKeysWith: { first, _ in first })
        var opened: [IncidentTrigger] = []
        for trigger in triggers {
            if let incident = known[trigger.key.text] {
                try await book.seenAgain(incident, trigger)
            } else {
                _ = try await book.add(trigger, snapshot: snapshots[trigger.key.text] ?? "{}")
                opened.append(trigger)
            }
        }
        let desk = MitigationDesk(connection: connection, now: now)
        try await desk.expire()
        let open = try await book.open()
        let terms = try await desk.terms()
        if terms.mode != .off {
            let situation = try await desk.situation(open.map(\.trouble), fleet, terms)
            let touched = try await desk.carryOut(terms.policy.decide(situation), terms)
            for incident in open where touched.contains(incident.id) && incident.step == .detected {
                try await book.move(incident.id, to: .stabilizing)
            }
        }
        for incident in open { try await calm(incident, book, now: now) }
        try await PostmortemDesk(connection: connection, now: now).remind()
        return opened
    }

    /// A minute without a sign of it: what was done helps, or it went away.
    private nonisolated func calm(_ incident: OpenIncident, _ book: IncidentBook, now: Date) async throws {
        guard now.timeIntervalSince(incident.lastSignalAt) * Double(incident.haste) >= 60, incident.step != .mitigated else { return }
        try await book.move(incident.id, to: .mitigated)
    }

    /// Ends incidents of which ten minutes were clean. Each with a draft of its write-up.
    private func close(epoch: Int64, now: Date) async throws {
        let clean: SQL = """
            last_signal_at <= \(now)::timestamptz - make_interval(mins => \(IncidentRules.cleanMinutes)::integer)
                / (\(OpenIncident.haste(drill: "drill", openedAt: "opened_at")))
            """
        let rows = try await serving.query("SELECT id FROM reliability.incident WHERE resolved_at IS NULL AND \(clean)")
        for row in rows {
            let id: UUID = try row.value("id")
            let draft = try await PostmortemDraft(reliability: reliability).make(id, until: now)
            try await serving.transaction(.repeatable) { [lease] connection in
                guard try await lease.confirm(connection, epoch: epoch) else { return }
                let still = try await connection.queryOne(
                    "SELECT 1 AS yes FROM reliability.incident WHERE id = \(id) AND resolved_at IS NULL AND \(clean) FOR UPDATE")
                guard still != nil else { return }
                try await IncidentBook(connection: connection, now: now).resolve(
                    id, draft: draft, actor: "policy", reason: "\(IncidentRules.cleanMinutes) clean minutes")
            }
        }
    }
}
