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
    private let billing: PostgresPool
    /// With an endpoint that is probed from outside.
    private let outsideRegions: Set<String>
    private let lease: Lease
    private let metrics: IncidentMetrics
    private let logger: Logger
    private let interval: Duration
    private var minutes: MinuteReader
    private var listeningSince: Date?
    private var watch: Watch?
    /// Epoch of the lease while a mitigation may come into force at any moment.
    private var reaching: Int64?
    private var news = News()
    /// A provider or worker must be down in two looks: one may fall between a restart and its report.
    private var downBefore: Set<IncidentKey> = []

    /// What others write every few seconds or seldom; to ask for it more often tells nothing new. Workers are looked at each time.
    private struct News {
        var readAt: Date?
        var services: [ServiceName: [Int64: ServiceMinute]] = [:]
        /// Of the last half minute, as gateways tell it.
        var firstTokens: [ServiceName: LatencyCounter] = [:]
        var objectives: [Objective] = []
        var offer = FleetReader.Offer()
        /// Signs that other loops wrote down.
        var told: [IncidentTrigger] = []
        /// Burns of which the news is not in minutes of requests.
        var spending: Set<IncidentKey> = []
        var alarms: [TenantAlarms.Alarm] = []
        var demand = Demand()
        var demandAt: Date?
        /// Of models with an incident that customers feel.
        var culprits: [String: CulpritReader.Findings] = [:]
        var culpritsAt: Date?
        var tidiedAt: Date?
    }

    private static let newsPause: TimeInterval = 5
    private static let demandPause: TimeInterval = 30
    private static let culpritsPause: TimeInterval = 15
    private static let tidyPause: TimeInterval = 60
    /// Of a pause.
    private static let glances = 5
    /// Each takes several queries, and nothing is done before they are there: of many incidents at once, the others' are made in the next turns.
    static let snapshotsAtOnce = 8

    /// - Parameter outsideRegions: Those with an endpoint that is probed from outside.
    package init(databases: ControlDatabases, outsideRegions: Set<String> = [], holder: UUID, metrics: MetricRegistry, logger: Logger) {
        self.init(
            serving: databases.serving, reliability: databases.reliability, billing: databases.billing, outsideRegions: outsideRegions,
            holder: holder, metrics: metrics, logger: logger)
    }

    init(
        serving: PostgresPool, reliability: PostgresPool, billing: PostgresPool, outsideRegions: Set<String> = [], holder: UUID = UUID(),
        metrics: MetricRegistry = MetricRegistry(),
        interval: Duration = .seconds(1), logger: Logger
    ) {
        self.serving = serving
        self.reliability = reliability
        self.billing = billing
        self.outsideRegions = outsideRegions
        lease = Lease("incidents", holder: holder)
        self.metrics = IncidentMetrics(metrics)
        self.interval = interval
        self.logger = logger
        minutes = MinuteReader(pool: reliability)
    }

    package func run() async throws {
        let turns = Turns("Incidents could not be looked after", logger: logger)
        await cancelWhenGracefulShutdown {
            while !Task.isCancelled {
                await turns.once { try await self.turn(at: Date()) }
                await self.pause()
            }
        }
    }

    /// Until the next look. Gateways that take up a mitigation are seen sooner: that is what time to mitigate is measured by.
    private func pause() async {
        for _ in 0..<Self.glances {
            // Cancellation is seen by the condition of the loop around it.
            try? await Task.sleep(for: interval / Self.glances)
            guard !Task.isCancelled, let epoch = reaching else { continue }
            do {
                try await follow(epoch: epoch, at: Date())
            } catch {
                // The look itself says so where it cannot either.
                reaching = nil
            }
        }
    }

    private func follow(epoch: Int64, at now: Date) async throws {
        let isExpected = try await serving.transaction(.repeatable) { [lease] connection in
            guard try await lease.confirm(connection, epoch: epoch) else { return false }
            return try await MitigationReach(connection: connection, now: now).follow()
        }
        reaching = isExpected ? epoch : nil
    }

    /// One look, and all that follows from it.
    func turn(at now: Date) async throws {
        guard let epoch = try await lease.acquire(serving) else {
            (listeningSince, watch) = (nil, nil)
            news = News()
            return
        }
        var watch = self.watch ?? Watch(now)
        watch.look(at: now)
        self.watch = watch
        let watchedSince = watch.since
        let since = listeningSince ?? now
        listeningSince = since
        let hasNews = Self.isDue(news.readAt, Self.newsPause, now)
        if hasNews { try await readNews(since: since, now: now) }
        var picture = try await FleetReader(listeningSince: since, now: now).read(news.offer) { try await self.serving.pipeline($0) }
        try await remember(picture.risen)
        let (open, pages, bare) = try await openKeys()
        let triggers = triggers(picture, open: open, pages: pages, now: now)
        let isTidying = hasNews && Self.isDue(news.tidiedAt, Self.tidyPause, now)
        if hasNews || !triggers.isEmpty || !open.isEmpty {
            if !triggers.isEmpty || !open.isEmpty { picture.view.demand = try await demand(now) }
            let (fleet, causes) = (picture.view, IncidentCauses(alarms: news.alarms, culprits: try await culprits(triggers, now)))
            let new = triggers.filter { open[$0.key.text] == nil }.map { ($0.key.text, $0.key) }.sorted { $0.1.signal.isFelt && !$1.1.signal.isFelt }
            let snapshots = try await snapshots((new + bare).prefix(Self.snapshotsAtOnce), now: now)
            let (opened, isExpected) = try await serving.transaction(.repeatable) { [lease] connection in
                guard try await lease.confirm(connection, epoch: epoch) else { return ([IncidentTrigger](), false) }
                return try await self.record(
                    triggers, snapshots, fleet, causes, connection, watchedSince: watchedSince, now: now, isTidying: isTidying)
            }
            reaching = isExpected ? epoch : nil
            for trigger in opened { report(trigger) }
        }
        guard hasNews else { return }
        if open.values.contains(where: \.isJudgedByMinutes) { try await FeltMinutes(pool: reliability, now: now).note() }
        try await close(epoch: epoch, watchedSince: watchedSince, now: now)
        if isTidying { try await tidy(epoch: epoch, now: now) }
        try await metrics.show(serving, now: now)
    }

    /// What is asked for while something is wrong, for the price of what is taken.
    private func demand(_ now: Date) async throws -> Demand {
        guard Self.isDue(news.demandAt, Self.demandPause, now) else { return news.demand }
        news.demand = try await DemandReader(serving: serving, billing: billing, reliability: reliability, now: now).read()
        news.demandAt = now
        return news.demand
    }

    /// Who is worse than others, of models of which customers feel something now.
    private func culprits(_ triggers: [IncidentTrigger], _ now: Date) async throws -> [String: CulpritReader.Findings] {
        let models = Set(triggers.filter { $0.key.signal.isFelt && !$0.isDrill && !$0.key.model.isEmpty }.map(\.key.model))
        guard !models.isEmpty else { return [:] }
        if !models.isSubset(of: news.culprits.keys) || Self.isDue(news.culpritsAt, Self.culpritsPause, now) {
            let reader = CulpritReader(serving: serving, billing: billing, reliability: reliability, now: now)
            news.culprits = try await reader.read(models)
            news.culpritsAt = now
        }
        return news.culprits
    }

    private static func isDue(_ last: Date?, _ pause: TimeInterval, _ now: Date) -> Bool {
        last.map { abs(now.timeIntervalSince($0)) >= pause } ?? true
    }

    private func readNews(since: Date, now: Date) async throws {
        var reader = minutes
        news.services = try await reader.read(now: now.wholeSeconds)
        minutes = reader
        news.firstTokens = try await MinuteSources(pool: reliability).firstTokens()
        news.objectives = try await ObjectiveStore.active { try await self.reliability.query($0) }.map(\.objective)
        news.offer = try await FleetReader.offer { try await self.serving.pipeline($0) }
        let tables = SignalTables(serving: serving, reliability: reliability, now: now)
        (news.told, news.spending) = try await tables.triggers()
        // Nobody could be heard while nobody listened.
        let listened = now.timeIntervalSince(since) / 60
        if listened >= Double(IncidentRules.silentMinutes) {
            news.told += try await tables.unmeasured(news.offer.terms, promised: news.offer.promised.map(\.terms))
        }
        if listened >= Double(IncidentRules.outsideSilentMinutes) {
            news.told += try await tables.outsideLost(news.offer.terms.filter { outsideRegions.contains($0.region) })
        }
        news.alarms = try await TenantAlarms(serving: serving, reliability: reliability, now: now).read()
        news.readAt = now
    }

    /// What is due once a minute: drafts whose budgets are in the ledger by now, and limits that a person may raise.
    private func tidy(epoch: Int64, now: Date) async throws {
        news.tidiedAt = now
        var drafts: [(UUID, PostmortemDraft.Made)] = []
        for id in try await PostmortemDesk.unsettled(serving, reliability) {
            drafts.append((id, try await PostmortemDraft(reliability: reliability).make(id, until: now)))
        }
        let findings = try await LimitWatch(serving: serving, reliability: reliability, now: now).findings()
        guard !drafts.isEmpty || !findings.isEmpty else { return }
        try await serving.transaction(.repeatable) { [lease, drafts] connection in
            guard try await lease.confirm(connection, epoch: epoch) else { return }
            for (id, draft) in drafts { try await PostmortemDesk(connection: connection, now: now).renew(id, draft) }
            let desk = MitigationDesk(connection: connection, now: now)
            guard try await desk.terms().mode != .off else { return }
            for finding in findings {
                try await desk.propose(MitigationTarget(.raiseLimit, tenant: finding.tenant.lowercased), cause: finding.cause)
            }
        }
    }

    private func report(_ trigger: IncidentTrigger) {
        metrics.opened(trigger.key.signal)
        logger.warning(
            "An incident has opened",
            metadata: [
                LogKeys.reason: "\(trigger.key.signal.rawValue)", LogKeys.model: "\(trigger.key.model)", LogKeys.region: "\(trigger.key.region)",
            ])
    }

    /// Signals of open incidents, by key, those of them that woke people, and those of which nothing was looked at yet.
    private func openKeys() async throws -> (open: [String: IncidentSignal], pages: Set<String>, bare: [(String, IncidentKey)]) {
        let rows = try await serving.query(
            """
            SELECT key, rule, severity = 'page' AS is_page, tier, model, region, provider, coalesce(worker_id::text, '') AS worker, coalesce(tenant_id::text, '') AS tenant,
                snapshot = '{}' AS is_bare
            FROM reliability.incident WHERE resolved_at IS NULL ORDER BY opened_at, id
            """)
        var (open, pages, bare): ([String: IncidentSignal], Set<String>, [(String, IncidentKey)]) = ([:], [], [])
        for row in rows {
            guard let signal = IncidentSignal(rawValue: try row.value("rule")) else { continue }
            let text: String = try row.value("key")
            open[text] = signal
            if try row.value("is_page") { pages.insert(text) }
            guard try row.value("is_bare") else { continue }
            let key = IncidentKey(
                signal, tier: try row.value("tier"), model: try row.value("model"), region: try row.value("region"),
                provider: try row.value("provider"),
                subject: try row.value("worker"), tenant: try row.value("tenant"))
            bare.append((text, key))
        }
        return (open, pages, bare)
    }

    /// - Parameters:
    ///   - open: Signals of open incidents, by key.
    ///   - pages: Keys of those that woke people.
    private func triggers(_ picture: FleetReader.Picture, open: [String: IncidentSignal], pages: Set<String>, now: Date) -> [IncidentTrigger] {
        let told = news.told.filter { trigger in
            switch trigger.key.signal {
            case .burn, .budgetEnding: news.spending.contains(trigger.key) || (trigger.key.tenant.isEmpty && isSpending(trigger.key, now: now))
            default: true
            }
        }
        .filter { !Self.isAfterglow($0, pages: pages) }
        let (known, waking) = (Set(told.map(\.key.text)).union(open.keys), Set(told.filter(\.isPage).map(\.key.text)).union(pages))
        return ownTriggers(picture, open: open, now: now) + told.filter { !Self.isPart($0, known: known, pages: waking) }
    }

    /// An alert looks back for hours: it is a trouble, and reason for another step, only while more is being spent.
    private func isSpending(_ key: IncidentKey, now: Date) -> Bool {
        let minute = now.wholeSeconds / 60
        return news.services.contains { name, minutes in
            !name.isDrill && (key.tier.isEmpty || key.tier == name.tier) && (key.model.isEmpty || key.model == name.model)
                && (key.region.isEmpty || key.region == name.region)
                && (minute - 1...minute).contains { minutes[$0].map { $0.bad > 0 || $0.firstTokens.over > 0 } ?? false }
        }
    }

    private func ownTriggers(_ picture: FleetReader.Picture, open: [String: IncidentSignal], now: Date) -> [IncidentTrigger] {
        let names = Set(news.services.keys).union(news.firstTokens.keys)
        var found = names.flatMap { name -> [IncidentTrigger] in
            func key(_ signal: IncidentSignal) -> IncidentKey {
                IncidentKey(signal, tier: name.tier, model: name.model, region: name.region, subject: name.isDrill ? "drill" : "")
            }
            let going = Set(IncidentSignal.allCases.filter { open[key($0).text] != nil })
            let rules = SignalRules(
                news.services[name] ?? [:], BreachObjectives(news.objectives, for: name), now: now.wholeSeconds, newest: news.firstTokens[name])
            let isSlowed = picture.drills.contains { $0.slows(name) }
            return rules.findings(open: going).map { finding in
                IncidentTrigger(
                    key: key(finding.signal), beganAt: Date(timeIntervalSince1970: Double(finding.beganAt)), text: finding.signal.title,
                    isDrill: name.isDrill || (isSlowed && finding.signal == .firstTokenLate))
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
        return found
            + picture.thin.map { thin in
                let key = IncidentKey(.redundancy, tier: thin.terms.tier, model: thin.terms.model, region: thin.terms.region)
                return IncidentTrigger(key: key, beganAt: now, text: Self.words(thin), isDrill: picture.drills.contains { $0.covers(key) })
            }
    }

    /// What stands behind a SKU now can be lost from now on.
    private func remember(_ risen: [(sku: String, aspect: Redundancy.Aspect)]) async throws {
        guard !risen.isEmpty else { return }
        try await serving.execute(
            """
            INSERT INTO reliability.sku_standing (sku, aspect)
            SELECT * FROM unnest(\(risen.map(\.sku))::text[], \(risen.map(\.aspect.rawValue))::text[]) ON CONFLICT DO NOTHING
            """)
    }

    /// By the key of the incident's row.
    private func snapshots(_ keys: some Sequence<(String, IncidentKey)>, now: Date) async throws -> [String: String] {
        var snapshots: [String: String] = [:]
        for (text, key) in keys {
            var reader = DiagnosisReader(serving: serving, reliability: reliability, now: now)
            if key.signal.isFelt { reader.culprits = news.culprits }
            snapshots[text] = try await reader.read(key)
        }
        return snapshots
    }

    /// Opens and goes on with incidents, and does what the policy says; those that were opened, and whether a mitigation is on its way to gateways.
    private nonisolated func record(
        _ triggers: [IncidentTrigger], _ snapshots: [String: String], _ fleet: FleetView, _ causes: IncidentCauses,
        _ connection: PostgresConnection, watchedSince: Date, now: Date, isTidying: Bool
    ) async throws -> (opened: [IncidentTrigger], isExpected: Bool) {
        let (book, desk) = (IncidentBook(connection: connection, now: now), MitigationDesk(connection: connection, now: now))
        // Before any incident is held, as people's hands take them: else each could wait for the other.
        try await desk.takeTurn()
        let known = Dictionary(try await book.open().map { ($0.key, $0) }, uniquingKeysWith: { first, _ in first })
        var (signs, opened) = (OpenIncidents(known.mapValues { $0.lastSignalAt.timeIntervalSince1970 }), [IncidentTrigger]())
        for trigger in triggers {
            let sign = signs.trigger(trigger.key.text, at: now.timeIntervalSince1970)
            if sign == .opens {
                _ = try await book.add(trigger, snapshot: snapshots[trigger.key.text])
                opened.append(trigger)
            } else if let incident = known[trigger.key.text] {
                try await book.seenAgain(incident, trigger, isNew: sign == .recurs)
            }
        }
        for (key, snapshot) in snapshots where known[key] != nil { try await book.complete(key, snapshot: snapshot) }
        try await desk.expire()
        let unexplained = try await book.open()
        try await causes.note(unexplained, book)
        let open = causes.laid(to: unexplained)
        let terms = try await desk.terms()
        if terms.mode != .dryRun { try await desk.endRehearsals() }
        if terms.mode != .off {
            let situation = try await desk.situation(open.map(\.trouble), fleet, terms)
            let touched = try await desk.carryOut(terms.policy.decide(situation), terms)
            for incident in open where touched.contains(incident.id) && incident.step == .detected {
                try await book.move(incident.id, to: .stabilizing)
            }
        }
        let isExpected = try await MitigationReach(connection: connection, now: now).follow()
        for incident in open { try await calm(incident, book, watchedSince: watchedSince, now: now) }
        if isTidying { try await PostmortemDesk(connection: connection, now: now).remind() }
        return (opened, isExpected)
    }

    /// A minute that was looked at, without a sign of it: what was done helps, or it went away.
    private nonisolated func calm(_ incident: OpenIncident, _ book: IncidentBook, watchedSince: Date, now: Date) async throws {
        let silence = now.timeIntervalSince(max(incident.lastSignalAt, watchedSince)) * Double(incident.haste)
        guard silence >= 60, incident.step != .mitigated else { return }
        try await book.move(incident.id, to: .mitigated)
    }

    /// Ends incidents of which enough minutes were clean. Each with a draft of its write-up.
    private func close(epoch: Int64, watchedSince: Date, now: Date) async throws {
        let closer = IncidentCloser(
            serving: serving, reliability: reliability, services: news.services, objectives: news.objectives, watchedSince: watchedSince, now: now)
        for ending in try await closer.endings() {
            let draft = try await PostmortemDraft(reliability: reliability).make(ending.id, until: now)
            try await serving.transaction(.repeatable) { [lease] connection in
                guard try await lease.confirm(connection, epoch: epoch), try await closer.isDue(ending, connection) else { return }
                try await IncidentBook(connection: connection, now: now).resolve(
                    ending.id, draft: draft, actor: "policy", end: .cleanMinutes, reason: ending.words)
            }
        }
    }
}
