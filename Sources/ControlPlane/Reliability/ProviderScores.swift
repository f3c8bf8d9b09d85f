import Domain
package import FoundationEssentials
package import Logging
import Postgres
import ServiceLifecycle
import Synchronization
package import Telemetry

/// Computes every provider's score once a minute, and whether it may serve tiers whose promise pays. One replica at a time: the holder of a lease.
package struct ProviderScores: Service {
    /// Seconds: a host that is silent for so long while others speak is lost.
    private static let lossSilence = 300.0

    private let serving: PostgresPool
    private let reliability: PostgresPool
    private let lease: Lease
    private let shown: ScoreBoard
    private let logger: Logger

    package init(databases: ControlDatabases, holder: UUID, metrics: MetricRegistry, logger: Logger) {
        self.init(serving: databases.serving, reliability: databases.reliability, holder: holder, metrics: metrics, logger: logger)
    }

    init(serving: PostgresPool, reliability: PostgresPool, holder: UUID, metrics: MetricRegistry, logger: Logger) {
        self.serving = serving
        self.reliability = reliability
        lease = Lease("provider-scores", holder: holder, seconds: 90)
        shown = ScoreBoard(metrics)
        self.logger = logger
    }

    package func run() async throws {
        await cancelWhenGracefulShutdown {
            var hearing = Hearing()
            await Turns("Scores of providers could not be computed", logger: logger).take(every: .seconds(60)) {
                if try await lease.acquire(serving) != nil {
                    let (now, isHeard) = (Date(), try await isAnybodyHeard())
                    try await turn(at: now, listeningSince: hearing.since(now, isAnybodyHeard: isHeard))
                }
                // Every replica tells it, whoever is asked.
                try await show()
            }
        }
    }

    /// - Parameter listeningSince: Since when some host or other was heard at any time; nil: nobody is.
    func turn(at now: Date, listeningSince: Date?) async throws {
        if let listeningSince, now.timeIntervalSince(listeningSince) >= Self.lossSilence { try await noteLosses() }
        let rows = try await serving.query("SELECT name FROM serving.providers WHERE state <> 'deleted' ORDER BY name")
        let providers: [String] = try rows.map { try $0.value("name") }
        let evidence = try await ProviderEvidenceReader(pool: reliability).read(providers)
        let standings = try await standings()
        for provider in providers {
            guard let evidence = evidence[provider] else { continue }
            let (points, before) = (evidence.points(at: now), standings[provider] ?? Standing())
            let standing = before.next(points: points, evidence, at: now)
            // Before it is written down that it may not: who dies in between asks once more.
            if standing.isWorse(than: before) { try await propose(provider, points: points, at: now) }
            try await store(provider, evidence, points: points, standing, at: now)
            if standing != before { report(provider, standing) }
        }
        try await reliability.execute("DELETE FROM reliability.provider_score WHERE NOT provider = ANY(\(providers)::text[])")
    }

    private func standings() async throws -> [String: Standing] {
        let rows = try await reliability.query("SELECT provider, admitted, low FROM reliability.provider_score")
        return try rows.reduce(into: [:]) { standings, row in
            standings[try row.value("provider")] = Standing(isAdmitted: try row.value("admitted"), isLow: try row.value("low"))
        }
    }

    /// A person is asked to review who may serve no promise that pays any more.
    private func propose(_ provider: String, points: Double?, at now: Date) async throws {
        let cause = points.map { "its score fell to \(Int64($0)), and below \(Int64(PaidTierGate.least)) it serves no tier whose promise pays" }
        try await serving.transaction { connection in
            let desk = MitigationDesk(connection: connection, now: now)
            guard try await desk.terms().mode != .off else { return }
            try await desk.propose(
                MitigationTarget(.reviewProvider, provider: provider),
                cause: cause ?? "it has no score, because nobody probed it for a day: it serves no tier whose promise pays")
        }
    }

    private func report(_ provider: String, _ standing: Standing) {
        logger.log(level: standing.isAdmitted ? .notice : .warning, standing.news, metadata: [LogKeys.provider: "\(provider)"])
    }

    private func isAnybodyHeard() async throws -> Bool {
        try await !serving.query("SELECT 1 FROM serving.hosts WHERE \(Reporting.isCurrent("last_heartbeat_at")) LIMIT 1").isEmpty
    }

    /// Hosts that were to serve, or had drained, and are silent while some other host is not: else it is us who hear nothing.
    private func noteLosses() async throws {
        let rows = try await serving.query(
            """
            SELECT hosts.id, pools.provider, hosts.last_heartbeat_at, hosts.intent = 'drain' AND hosts.agent_state = 'drained' AS drained
            FROM serving.hosts JOIN serving.pools ON pools.name = hosts.pool
            WHERE hosts.state = 'active' AND hosts.last_heartbeat_at < now() - make_interval(secs => \(Self.lossSilence))
                AND hosts.last_heartbeat_at > now() - make_interval(days => \(ProviderEvidence.window))
                AND EXISTS (SELECT 1 FROM serving.hosts AS other WHERE \(Reporting.isCurrent("other.last_heartbeat_at")))
            """)
        guard !rows.isEmpty else { return }
        let hosts: [UUID] = try rows.map { try $0.value("id") }
        let providers: [String] = try rows.map { try $0.value("provider") }
        let moments: [Date] = try rows.map { try $0.value("last_heartbeat_at") }
        let drained: [Bool] = try rows.map { try $0.value("drained") }
        try await reliability.execute(
            """
            INSERT INTO reliability.host_loss (host_id, provider, lost_at, drained)
            SELECT * FROM unnest(\(hosts)::uuid[], \(providers)::text[], \(moments)::timestamptz[], \(drained)::boolean[]) ON CONFLICT DO NOTHING
            """)
    }

    private func store(_ provider: String, _ evidence: ProviderEvidence, points: Double?, _ standing: Standing, at now: Date) async throws {
        let (parts, isAdmitted) = (evidence.parts, standing.isAdmitted)
        _ = try await reliability.pipeline([
            """
            INSERT INTO reliability.provider_score AS score (provider, computed_at, points, availability, latency, preemption, price, success, probes,
                clean_probes, round_trip_us, losses, undrained_losses, last_probe_at, last_incident_at, admitted, admitted_changed_at, low)
            VALUES (\(provider), \(now), \(points), \(parts.availability), \(parts.latency), \(parts.preemption), \(parts.price),
                \(evidence.success), \(evidence.probes), \(evidence.cleanProbes), \(evidence.roundTrip), \(evidence.losses),
                \(evidence.undrainedLosses), \(evidence.lastProbeAt), \(evidence.lastIncidentAt), \(isAdmitted), \(now),
                \(standing.isLow))
            ON CONFLICT (provider) DO UPDATE SET computed_at = EXCLUDED.computed_at, points = EXCLUDED.points,
                availability = EXCLUDED.availability, latency = EXCLUDED.latency, preemption = EXCLUDED.preemption, price = EXCLUDED.price,
                success = EXCLUDED.success, probes = EXCLUDED.probes, clean_probes = EXCLUDED.clean_probes,
                round_trip_us = EXCLUDED.round_trip_us, losses = EXCLUDED.losses, undrained_losses = EXCLUDED.undrained_losses,
                last_probe_at = EXCLUDED.last_probe_at, last_incident_at = EXCLUDED.last_incident_at, admitted = EXCLUDED.admitted,
                low = EXCLUDED.low,
                admitted_changed_at = CASE WHEN score.admitted = EXCLUDED.admitted THEN score.admitted_changed_at
                    ELSE EXCLUDED.admitted_changed_at END
            """,
            """
            INSERT INTO reliability.provider_score_day (provider, day, points, admitted)
            VALUES (\(provider), (\(now)::timestamptz AT TIME ZONE 'UTC')::date, \(points), \(isAdmitted))
            ON CONFLICT (provider, day) DO UPDATE SET points = EXCLUDED.points, admitted = EXCLUDED.admitted
            """,
        ])
    }

    private func show() async throws {
        let rows = try await reliability.query("SELECT provider, points, admitted, low FROM reliability.provider_score ORDER BY provider")
        shown.show(
            try rows.map { row in
                let standing = Standing(isAdmitted: try row.value("admitted"), isLow: try row.value("low"))
                return ScoreBoard.Row(provider: try row.value("provider"), points: try row.value("points"), standing: standing)
            })
    }
}

/// What a provider's score lets it serve.
private struct Standing: Sendable, Equatable {
    var isAdmitted = false
    /// Not even where nobody else is left.
    var isLow = false

    func next(points: Double?, _ evidence: ProviderEvidence, at now: Date) -> Standing {
        Standing(
            isAdmitted: PaidTierGate.admits(points: points, isAdmitted: isAdmitted, cleanProbes: evidence.cleanProbes),
            isLow: PaidTierGate.isLow(
                known: evidence.knownPoints(at: now), isLow: isLow, isMeasured: isAdmitted || evidence.probes >= PaidTierGate.measuredProbes,
                cleanProbes: evidence.cleanProbes))
    }

    func isWorse(than before: Standing) -> Bool { before.isAdmitted && !isAdmitted || !before.isLow && isLow }

    /// For the log.
    var news: Logger.Message {
        if isAdmitted { return "A provider may serve tiers whose promise pays" }
        return isLow
            ? "A provider's score is low: it serves no tier whose promise pays"
            : "A provider serves tiers whose promise pays only where nobody with a good score is left"
    }
}

/// Since when hosts can be heard. After a time in which nobody could all of them are silent, and come back one after the other: none of them is lost.
struct Hearing {
    /// Seconds between two looks after which nobody knows what was heard meanwhile.
    private static let most = 150.0

    private var began: Date?
    private var looked: Date?

    mutating func since(_ now: Date, isAnybodyHeard: Bool) -> Date? {
        let isUnbroken = looked.map { (0...Self.most).contains(now.timeIntervalSince($0)) } ?? false
        looked = now
        began = isAnybodyHeard ? (isUnbroken ? began : nil) ?? now : nil
        return began
    }
}

/// The scores as metrics. Providers are few, and named by operators.
private final class ScoreBoard: Sendable {
    struct Row: Sendable {
        var provider: String
        var points: Double?
        var standing: Standing
    }

    private let rows = Mutex<[Row]>([])

    init(_ metrics: MetricRegistry) {
        metrics.collect { [weak self] in
            let rows = self?.rows.withLock { $0 } ?? []
            let points = rows.compactMap { row in row.points.map { MetricSample(labels: ["provider": row.provider], $0) } }
            let admitted = rows.map { MetricSample(labels: ["provider": $0.provider], $0.standing.isAdmitted ? 1 : 0) }
            let low = rows.map { MetricSample(labels: ["provider": $0.provider], $0.standing.isLow ? 1 : 0) }
            return [
                MetricFamily("plimsoll_control_provider_score", "Score of each provider, 0 to 100; none without a probe for a day.", .gauge, points),
                MetricFamily("plimsoll_control_provider_admitted", "Whether each provider may serve tiers whose promise pays.", .gauge, admitted),
                MetricFamily(
                    "plimsoll_control_provider_low", "Whether each provider's score keeps it from tiers whose promise pays altogether.", .gauge, low),
            ]
        }
    }

    func show(_ rows: [Row]) {
        self.rows.withLock { $0 = rows }
    }
}
