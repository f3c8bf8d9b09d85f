import Domain
package import FoundationEssentials
package import Logging
package import PlimsollWire
import Postgres
import ServiceLifecycle
import Synchronization
package import Telemetry

/// Makes the public snapshot every 30 seconds and at news. One replica at a time: the holder of a lease.
package final class StatusMaker: Service {
    private struct Memory {
        var days: [StatusEvidence.Key: PublicCounts] = [:]
        var daysUntil: Int64 = 0
        var work: [AnnouncedWork] = []
        var hoursDone: Int64 = 0
        var latencyAt: Int64 = 0
        var since: [StatusPlace: Int64] = [:]
    }

    private let serving: PostgresPool
    private let reliability: PostgresPool
    private let news: Bells<ChangeChannel>
    private let lease: Lease
    private let desk: PublicationDesk
    private let unmeasured: GaugeMetric
    private let logger: Logger
    private let memory = Mutex(Memory())
    private static let interval = Duration.seconds(30)
    /// Seconds after a minute's end at which gateways have told most of it.
    private static let settling: Int64 = 15
    /// Minutes without a request after which a place that nothing sells or serves any more leaves the page: an outage is not over because its last worker
    /// was taken away.
    private static let askedMinutes: Int64 = 1_440
    /// Minutes that history is kept in memory before it is read again, and latency is merged again.
    private static let historyMinutes: Int64 = 15
    private static let latencyMinutes: Int64 = 5
    /// Before the present one, that a new holder merges: the page waits for them, so no more than its charts of hours need.
    private static let unmergedHours: Int64 = 26
    /// That are merged again in one turn because something of them came late.
    private static let lateHours = 12

    package init(databases: ControlDatabases, news: Bells<ChangeChannel>, holder: UUID, metrics: MetricRegistry, logger: Logger) {
        serving = databases.serving
        reliability = databases.reliability
        self.news = news
        lease = Lease("status-page", holder: holder, seconds: 60)
        desk = PublicationDesk(serving: databases.serving, reliability: databases.reliability)
        unmeasured = metrics.gauge("plimsoll_control_status_unmeasured_components", "Components of the status page of which nothing is known now.")
        self.logger = logger
    }

    package func run() async throws {
        try await cancelWhenGracefulShutdown {
            while !Task.isCancelled {
                // It listens before it looks: news in the middle of a turn makes another one.
                _ = try await self.news.wait(for: .statusNews, atMost: Self.interval) { () -> Bool? in
                    await self.turn()
                    return nil
                }
            }
        }
    }

    private func turn() async {
        await Turns("Status page could not be made", logger: logger).once {
            guard !Task.isCancelled, try await lease.acquire(serving) != nil else { return }
            try await make()
        }
    }

    /// - Parameter moment: In place of the database's clock, for tests.
    @discardableResult
    package func make(at moment: Date? = nil) async throws -> StatusSnapshot {
        let now = if let moment { moment } else { try await clock() }
        try await desk.tend(at: now)
        let until = (Int64(now.timeIntervalSince1970) - Self.settling) / 60
        try await refreshLatency(until: until)
        let settings = try await StatusSettings.read(reliability)
        let asked = try await StatusEvidence(pool: reliability).shown(askedSince: until - Self.askedMinutes)
        let places = try await StatusPlaces(pool: serving).read(and: asked)
        let posts = try await StatusPosts(pool: reliability).read(places.map(\.place))
        var snapshot = StatusSnapshot(
            version: 0, generatedAt: now, page: settings.page, incidents: posts.incidents, maintenances: posts.maintenances)
        snapshot.components = try await components(places, settings, posts, until: until)
        snapshot.evidenceUntil = try await evidenceUntil(until)
        unmeasured.set(Double(snapshot.components.count { $0.status == .unmeasured }))
        return try await store(snapshot)
    }

    private func clock() async throws -> Date {
        guard let row = try await reliability.queryOne("SELECT now() AS moment") else { throw PostgresError(.decoding, "no time came back") }
        return try row.value("moment")
    }

    private func components(
        _ places: [(place: StatusPlace, modelName: String)], _ settings: StatusSettings,
        _ posts: (incidents: [StatusIncident], maintenances: [StatusMaintenance]), until: Int64
    ) async throws -> [StatusComponent] {
        let evidence = StatusEvidence(pool: reliability)
        let work = try await evidence.work(within: StatusHistory.range(.day, count: StatusHistory.days, until: until), at: places.map(\.place))
        let (days, hours, since) = try await histories(evidence, without: work, until: until)
        var components: [StatusComponent] = []
        for (place, modelName) in places {
            let id = place.componentId
            let present = PresentState(place: place, until: until, work: work, incidents: posts.incidents, maintenances: posts.maintenances)
            let state = present.judge(try await evidence.latest(place, until: until))
            components.append(
                StatusComponent(
                    id: id, model: place.model, modelName: modelName, region: place.region,
                    regionName: settings.regionNames[place.region] ?? place.region, status: ComponentStatus(state),
                    measuredSince: since[place].map { Date(timeIntervalSince1970: Double($0) * 60) },
                    days: days.periods(of: place, count: StatusHistory.days, since: since[place]),
                    hours: hours.periods(of: place, count: StatusHistory.hours, since: since[place])))
        }
        return components
    }

    /// What is further back than yesterday is read seldom, unless the work that it leaves out has changed.
    private func histories(
        _ evidence: StatusEvidence, without work: [AnnouncedWork], until: Int64
    ) async throws -> (StatusHistory, StatusHistory, [StatusPlace: Int64]) {
        let all = StatusHistory.range(.day, count: StatusHistory.days, until: until)
        let recent = StatusHistory.range(.day, count: 2, until: until)
        var (days, since) = memory.withLock { memory in
            until - memory.daysUntil < Self.historyMinutes && memory.work == work ? (memory.days, memory.since) : ([:], [:])
        }
        if since.isEmpty {
            since = try await evidence.measuredSince()
            days = try await evidence.counts(.day, in: all, without: work)
            memory.withLock { ($0.days, $0.daysUntil, $0.work, $0.since) = (days, until, work, since) }
        } else {
            days.merge(try await evidence.counts(.day, in: recent, without: work)) { $1 }
        }
        let lastDay = StatusHistory.range(.hour, count: StatusHistory.hours, until: until)
        let latency = PublicLatency(pool: reliability)
        return (
            StatusHistory(span: .day, until: until, counts: days, latency: try await latency.read(.day, in: all), work: work),
            StatusHistory(
                span: .hour, until: until, counts: try await evidence.counts(.hour, in: lastDay, without: work),
                latency: try await latency.read(.hour, in: lastDay), work: work),
            since
        )
    }

    private func refreshLatency(until: Int64) async throws {
        let hour = until / 60
        let first = memory.withLock { memory -> Int64? in
            guard until - memory.latencyAt >= Self.latencyMinutes else { return nil }
            // At the first turn of a new holder, or of one that was none for long, what nobody merged since; afterwards the present hour and the one
            // before, for late reports.
            let first = max(hour - Self.unmergedHours, min(memory.hoursDone, hour - 1))
            memory.latencyAt = until
            return first
        }
        guard let first else { return }
        let latency = PublicLatency(pool: reliability)
        try await latency.refresh(hours: first..<hour + 1)
        // Not before: of hours that could not be merged the next turn shall know.
        memory.withLock { $0.hoursDone = hour }
        // Before: what is as old as that is merged for nobody.
        try await latency.forget()
        try await latency.refreshLate(atMost: Self.lateHours)
    }

    private func evidenceUntil(_ until: Int64) async throws -> Date? {
        let row = try await reliability.queryOne(
            """
            SELECT greatest((SELECT max(minute_at) FROM reliability.service_minute WHERE minute_at >= to_timestamp((\(until) - 2880) * 60)),
                (SELECT max(minute_at) FROM reliability.probe_minute WHERE minute_at >= to_timestamp((\(until) - 2880) * 60)))
                + interval '1 minute' AS moment
            """)
        let moment = try row?.value("moment", as: Date?.self)
        return moment.map { min($0, Date(timeIntervalSince1970: Double(until) * 60)) }
    }

    private func store(_ snapshot: StatusSnapshot) async throws -> StatusSnapshot {
        var snapshot = snapshot
        // The version is the time in milliseconds, or one more than the last: it rises even where the clock went back.
        let wished = Int64(snapshot.generatedAt.timeIntervalSince1970 * 1_000)
        let row = try await reliability.queryOne("SELECT coalesce(max(version), 0) AS version FROM reliability.status_snapshot")
        snapshot.version = max(wished, (try row?.value("version", as: Int64.self) ?? 0) + 1)
        let text = String(decoding: try WireCoder.encode(snapshot), as: UTF8.self)
        try await reliability.execute(
            """
            INSERT INTO reliability.status_snapshot AS kept (version, generated_at, snapshot)
            VALUES (\(snapshot.version), \(snapshot.generatedAt), \(text))
            ON CONFLICT (single) DO UPDATE SET version = EXCLUDED.version, generated_at = EXCLUDED.generated_at, snapshot = EXCLUDED.snapshot
            WHERE kept.version < EXCLUDED.version
            """)
        return snapshot
    }
}
