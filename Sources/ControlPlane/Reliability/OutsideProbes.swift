import Cryptography
import Domain
package import FoundationEssentials
package import Logging
import Outbound
import Postgres
import ServiceLifecycle
import Synchronization
package import Telemetry

/// Asks every model at the public endpoint of every region, as a customer would, and keeps how long each phase took. One replica at a time: the
/// holder of a lease.
package struct OutsideProbes: Service {
    package struct Settings: Sendable {
        /// Base URL of the customers' endpoint by region.
        package var endpoints: [String: String]
        /// File whose first line is a key with the purpose `probe`, and whose second is another one that may send one request a minute; read anew for each
        /// probe.
        package var keyFile: String
        /// Nil: the system's authorities.
        package var authoritiesPem: String?
        /// Whether pages that people attest are also looked for in this machine's own networks.
        package var looksAtPrivatePages: Bool

        package init(endpoints: [String: String], keyFile: String, authoritiesPem: String? = nil, looksAtPrivatePages: Bool = false) {
            self.endpoints = endpoints
            self.keyFile = keyFile
            self.authoritiesPem = authoritiesPem
            self.looksAtPrivatePages = looksAtPrivatePages
        }
    }

    typealias Ask = @Sendable (OutboundRequest) async throws(OutboundError) -> OutboundResponse

    private let serving: PostgresPool
    private let reliability: PostgresPool
    private let settings: Settings?
    private let ask: Ask
    private let lease: Lease
    private let interval: ClosedRange<Int64>
    private let limitPause: Duration
    private let failed = FailedProbes()
    private let metrics: OutsideProbeMetrics
    private let costs: ProbeCostMetrics
    private let turns: Turns

    /// - Parameter settings: Nil: nothing is probed from outside, and a metric says so.
    package init(databases: ControlDatabases, holder: UUID, settings: Settings?, metrics: MetricRegistry, logger: Logger) {
        let client = OutboundClient()
        self.init(
            serving: databases.serving, reliability: databases.reliability, holder: holder, settings: settings, metrics: metrics, logger: logger,
            ask: { request async throws(OutboundError) in try await client.send(request) })
    }

    init(
        serving: PostgresPool, reliability: PostgresPool, holder: UUID, settings: Settings?, metrics: MetricRegistry, logger: Logger,
        interval: ClosedRange<Int64> = ProbeSchedule.usualInterval, limitPause: Duration = LimitLooks.pause, ask: @escaping Ask
    ) {
        self.serving = serving
        self.reliability = reliability
        self.settings = settings
        self.ask = ask
        self.interval = interval
        self.limitPause = limitPause
        lease = Lease("outside-probes", holder: holder, seconds: 30)
        self.metrics = OutsideProbeMetrics(metrics, endpoints: settings?.endpoints.count ?? 0)
        costs = ProbeCostMetrics(metrics)
        turns = Turns("A probe from outside was not made", logger: logger)
    }

    package func run() async throws {
        await cancelWhenGracefulShutdown {
            guard let settings else {
                // Nothing to do until the end, which cancels the pause.
                while !Task.isCancelled { try? await Task.sleep(for: .seconds(3_600)) }
                return
            }
            await probeAll(settings)
        }
    }

    private func probeAll(_ settings: Settings) async {
        var schedule = ProbeSchedule(interval: interval)
        var generator = SystemRandomNumberGenerator()
        let start = ContinuousClock.now
        let looks = StatusLooks(reliability: reliability, settings: settings, ask: ask)
        let evidence = EvidenceLooks(
            reliability: reliability, reach: settings.looksAtPrivatePages ? .anywhere : .publicAddresses, ask: ask)
        var looked: ContinuousClock.Instant?
        await withDiscardingTaskGroup { group in
            group.addTask { await self.lookAtLimits(settings) }
            await turns.take(every: .seconds(2)) {
                guard try await lease.acquire(serving) != nil else { return }
                let now = (ContinuousClock.now - start).wholeMicroseconds
                let subjects = try await subjects(settings)
                schedule.assign(Set(subjects.keys), now: now, using: &generator)
                for id in failed.take() { schedule.failed(id, now: now) }
                for id in schedule.take(now: now, using: &generator) {
                    guard let subject = subjects[id] else { continue }
                    group.addTask { await self.turns.once { try await self.probe(subject, id, settings) } }
                }
                guard Self.isDue(&looked, StatusLooks.pause) else { return }
                group.addTask { await self.turns.once { try await looks.look() } }
                group.addTask { await self.turns.once { try await evidence.look() } }
            }
        }
    }

    /// One look after the other: an endpoint may take its time to answer.
    private func lookAtLimits(_ settings: Settings) async {
        var looks = LimitLooks(serving: serving, reliability: reliability, settings: settings, ask: ask)
        await turns.take(every: limitPause) {
            guard try await lease.acquire(serving) != nil else { return }
            try await looks.look()
        }
    }

    private static func isDue(_ last: inout ContinuousClock.Instant?, _ pause: Duration) -> Bool {
        guard last.map({ ContinuousClock.now - $0 >= pause }) ?? true else { return false }
        last = .now
        return true
    }

    /// Every model that customers may see, at every endpoint.
    private func subjects(_ settings: Settings) async throws -> [String: OutsideProbe] {
        let rows = try await serving.query("SELECT name, kind FROM serving.models WHERE state = 'active' ORDER BY name")
        var subjects: [String: OutsideProbe] = [:]
        for row in rows {
            let model: String = try row.value("name")
            let isEmbedding = try row.value("kind", as: String.self) == "embedding"
            for (region, url) in settings.endpoints {
                subjects[model + "\n" + region] = OutsideProbe(model: model, region: region, url: url, isEmbedding: isEmbedding)
            }
        }
        return subjects
    }

    private func probe(_ subject: OutsideProbe, _ id: String, _ settings: Settings) async throws {
        var record = try await result(of: subject, settings)
        record.drill = try await isDrilled(subject, since: record.at)
        _ = try await ProbeStore(reliability, metrics: costs).store([record])
        // One failure is no sign yet: whether there is a second one should not be known a minute later.
        if let fault = record.fault, fault != ProbeFault.customer.rawValue { failed.note(id) }
        metrics.count(record.fault)
    }

    /// Asks once, and says whose fault a failure is.
    func result(of subject: OutsideProbe, _ settings: Settings) async throws -> ProbeRecord {
        let at = Int64(Date().timeIntervalSince1970 * 1_000_000)
        var record = ProbeRecord(model: subject.model, region: subject.region, at: at)
        guard let key = Self.key(settings.keyFile) else {
            record.fault = ProbeFault.customer.rawValue
            return record
        }
        let finding: OutsideProbe.Finding
        do {
            let response = try await ask(subject.request(key: key, authoritiesPem: settings.authoritiesPem))
            record.take(response.timings)
            record.status = response.status
            finding = subject.judge(response)
        } catch {
            finding = subject.judge(error)
        }
        record.firstTokenAfter = finding.firstTokenAfter?.wholeMicroseconds
        (record.promptTokens, record.completionTokens) = (finding.promptTokens, finding.completionTokens)
        if let trouble = finding.trouble { record.fault = try await fault(trouble, subject, key).rawValue }
        return record
    }

    /// Compared with what gateways found at the workers meanwhile: where those answer, what lies before them does not.
    private func fault(_ trouble: OutsideProbe.Trouble, _ subject: OutsideProbe, _ key: String) async throws -> ProbeFault {
        switch trouble {
        case .own: return .customer
        case .way: return .gateway
        case .unknown: return try await isAllowed(subject, key) ? .gateway : .customer
        case .answer(let usual):
            let row = try await reliability.queryOne(
                """
                SELECT count(*) FILTER (WHERE succeeded) AS good, mode() WITHIN GROUP (ORDER BY fault) AS fault FROM reliability.probe
                WHERE kind = 'worker' AND model = \(subject.model) AND region = \(subject.region) AND at > now() - interval '90 seconds'
                """)
            if try row?.value("good", as: Int.self) ?? 0 > 0 { return .gateway }
            return try row?.value("fault", as: String?.self).flatMap(ProbeFault.init) ?? usual
        }
    }

    /// By our own tables the key may ask for the model, from wherever it is used, and gateways had time to hear of it: one that does not know refuses
    /// customers as well.
    private func isAllowed(_ subject: OutsideProbe, _ key: String) async throws -> Bool {
        let digest = Hash.sha256(key).bytes
        let found = try await serving.query(
            """
            SELECT 1 FROM serving.api_keys AS keys JOIN serving.tenants AS tenants ON tenants.id = keys.tenant_id
            JOIN serving.models AS models ON models.name = \(subject.model)
            WHERE (keys.sha256 = \(digest) OR keys.previous_sha256 = \(digest) AND keys.previous_expires_at > now())
                AND keys.revoked_at IS NULL AND coalesce(keys.expires_at > now(), true) AND tenants.state = 'active' AND models.state = 'active'
                AND coalesce(models.name = ANY (keys.models), true) AND (models.tiers = '{}' OR tenants.tier = ANY (models.tiers))
                AND keys.allowed_addresses IS NULL AND tenants.allowed_addresses IS NULL
                AND greatest(keys.updated_at, tenants.updated_at, models.updated_at) < now() - interval '10 seconds'
            """)
        return !found.isEmpty
    }

    /// Whether a drill broke something of what was asked while it was asked.
    ///
    /// - Parameter start: Microseconds since 1970.
    func isDrilled(_ subject: OutsideProbe, since start: Int64) async throws -> Bool {
        let began = Date(timeIntervalSince1970: Double(start) / 1_000_000)
        let found = try await serving.query(
            """
            SELECT 1 FROM reliability.drill AS drill LEFT JOIN serving.workers AS worker ON worker.id = drill.worker_id
            LEFT JOIN serving.hosts AS hosts ON hosts.id = worker.host_id
            WHERE drill.kind <> 'control-loss' AND \(subject.model) = ANY (drill.models)
                AND coalesce(drill.region, hosts.region, \(subject.region)) = \(subject.region)
                AND drill.started_at <= now() AND coalesce(drill.ended_at, drill.until_at) >= \(began) LIMIT 1
            """)
        return !found.isEmpty
    }

    /// A line of the file, from 0; nil when it has none, or cannot be read.
    static func key(_ path: String, line: Int = 0) -> String? {
        guard let data = try? Data(contentsOf: URL(filePath: path)), data.count <= 65_536 else { return nil }
        return String(decoding: data, as: UTF8.self).split(whereSeparator: \.isNewline).dropFirst(line).first.map(String.init)
    }
}

/// What was asked and failed since the last look.
private final class FailedProbes: Sendable {
    private let ids = Mutex<Set<String>>([])

    func note(_ id: String) { ids.withLock { _ = $0.insert(id) } }

    func take() -> Set<String> {
        ids.withLock { ids in
            defer { ids = [] }
            return ids
        }
    }
}

/// How probes from outside ended, and whether there are any.
struct OutsideProbeMetrics: Sendable {
    private let good: CounterMetric
    private let faults: [String: CounterMetric]

    init(_ registry: MetricRegistry, endpoints: Int) {
        registry.gauge("plimsoll_control_outside_probe_endpoints", "Public endpoints that are probed from outside; 0: none is.").set(
            Double(endpoints))
        let (name, help) = ("plimsoll_control_outside_probes_total", "Probes from outside, by what they found: good, or whose fault it is.")
        good = registry.counter(name, help, labels: ["result": "good"])
        faults = Dictionary(
            uniqueKeysWithValues: ProbeFault.allCases.map { ($0.rawValue, registry.counter(name, help, labels: ["result": $0.rawValue])) })
    }

    func count(_ fault: String?) {
        (fault.map { faults[$0] } ?? good)?.increment()
    }
}

extension Duration {
    fileprivate var wholeMicroseconds: Int64 { components.seconds * 1_000_000 + components.attoseconds / 1_000_000_000_000 }
}

extension ProbeRecord {
    /// Of a connection of its own, so that every phase was gone through.
    fileprivate mutating func take(_ timings: OutboundTimings) {
        (nameLookup, connect, tls) = (timings.nameLookup.wholeMicroseconds, timings.connect.wholeMicroseconds, timings.tls.wholeMicroseconds)
        lastTokenAfter = timings.total.wholeMicroseconds
    }
}
