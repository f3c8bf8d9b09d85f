import Domain
package import FoundationEssentials
package import Logging
import Postgres
import ServiceLifecycle
package import Telemetry

/// Compares each tenant's minutes with how it usually behaves. One replica at a time: the holder of a lease.
///
/// A minute is judged a little after its end, when gateways have told it all. An alarm is an event, a line of the log, a metric, and where the
/// tenant or its tier says so a share of its limits until it is itself again.
package struct BehaviourWatch: Service {
    /// Seconds after a minute's end at which its counts are complete.
    private static let settling = 20
    /// Minutes that are judged after an outage; older ones are history.
    private static let mostMinutes = 120
    /// Minutes; a clock may be corrected by so much.
    private static let mostAhead: Int64 = 5

    private let serving: PostgresPool
    private let reliability: PostgresPool
    private let lease: Lease
    private let alarmed: GaugeMetric
    private let alarms: CounterMetric
    private let logger: Logger

    package init(databases: ControlDatabases, holder: UUID, metrics: MetricRegistry, logger: Logger) {
        self.init(serving: databases.serving, reliability: databases.reliability, holder: holder, metrics: metrics, logger: logger)
    }

    init(serving: PostgresPool, reliability: PostgresPool, holder: UUID, metrics: MetricRegistry, logger: Logger) {
        self.serving = serving
        self.reliability = reliability
        lease = Lease("behaviour", holder: holder, seconds: 30)
        alarmed = metrics.gauge("plimsoll_control_tenants_unlike_themselves", "Tenants whose behaviour is far from what is usual for them.")
        alarms = metrics.counter("plimsoll_control_anomalies_total", "Times that a tenant began to behave unlike itself.")
        self.logger = logger
    }

    package func run() async throws {
        await Turns("Behaviour could not be judged", logger: logger).run(every: .seconds(10), under: lease, serving) { try await catchUp() }
    }

    /// Judges every minute that is complete and has not been judged.
    func catchUp() async throws {
        let row = try await serving.queryOne(
            """
            SELECT (extract(epoch FROM now())::bigint - \(Self.settling)) / 60 - 1 AS newest,
                (SELECT extract(epoch FROM minute_at)::bigint / 60 FROM serving.behaviour_progress) AS last
            """)
        guard let newest = try row?.value("newest", as: Int64.self) else { return }
        var last = try row?.value("last", as: Int64?.self) ?? newest - 1
        // A clock that was ahead has judged minutes that have not come: they are judged when they do.
        if last > newest + Self.mostAhead { last = newest - 1 }
        for minute in max(last + 1, newest - Int64(Self.mostMinutes))...max(newest, last + 1) where minute <= newest {
            try await judge(minute: minute)
        }
    }

    /// - Parameter minute: Minutes since 1970.
    func judge(minute: Int64) async throws {
        let seen = try await counts(minute: minute)
        let changes = try await serving.transaction(.repeatable) { connection in
            var known = try await load(connection)
            var changes: [BehaviourChange] = []
            for tenant in Set(seen.keys).union(known.keys.map(\.tenant)) {
                for signal in BehaviourSignal.allCases {
                    let name = BehaviourName(tenant: tenant, signal: signal)
                    var behaviour = known[name] ?? Behaviour()
                    let value = seen[tenant]?[signal] ?? 0
                    let usual = behaviour.usual
                    let verdict = behaviour.observe(value, floor: signal.floor)
                    known[name] = behaviour
                    if verdict == .alarmed || verdict == .released {
                        changes.append(BehaviourChange(name: name, isAlarm: verdict == .alarmed, observed: value, usual: usual))
                    }
                }
            }
            try await store(known, minute: minute, connection)
            for change in changes { try await write(change, connection) }
            alarmed.set(Double(Set(known.filter { $0.value.isAlarmed }.keys.map(\.tenant)).count))
            return changes
        }
        for change in changes { report(change) }
    }

    private func report(_ change: BehaviourChange) {
        if change.isAlarm { alarms.increment() }
        logger.log(
            level: change.isAlarm ? .warning : .notice,
            change.isAlarm ? "A tenant behaves unlike itself" : "A tenant behaves as usual again",
            metadata: [LogKeys.tenant: "\(change.name.tenant.uuidString.lowercased())", LogKeys.reason: "\(change.name.signal.rawValue)"])
    }

    private func counts(minute: Int64) async throws -> [UUID: [BehaviourSignal: Double]] {
        let rows = try await reliability.query(
            """
            SELECT tenant_id, sum(prompt_tokens + completion_tokens)::bigint AS tokens, sum(excluded)::bigint AS errors FROM reliability.minute
            WHERE minute_at = to_timestamp(\(minute) * 60) GROUP BY tenant_id
            """)
        var counts: [UUID: [BehaviourSignal: Double]] = [:]
        for row in rows {
            counts[try row.value("tenant_id")] = [
                .tokens: Double(try row.value("tokens", as: Int64.self)), .errors: Double(try row.value("errors", as: Int64.self)),
            ]
        }
        return counts
    }
}

/// Whose behaviour, and what of it.
struct BehaviourName: Hashable, Sendable {
    var tenant: UUID
    var signal: BehaviourSignal
}

/// The begin or the end of an alarm.
struct BehaviourChange: Sendable {
    var name: BehaviourName
    var isAlarm: Bool
    var observed: Double
    var usual: Double
}

extension BehaviourWatch {
    private func load(_ connection: PostgresConnection) async throws -> [BehaviourName: Behaviour] {
        let rows = try await connection.query(
            """
            SELECT behaviour.tenant_id, signal, mean, variance, samples, alarmed, streak FROM serving.behaviour
            JOIN serving.tenants ON tenants.id = behaviour.tenant_id WHERE tenants.state <> 'deleted' FOR UPDATE OF behaviour
            """)
        var known: [BehaviourName: Behaviour] = [:]
        for row in rows {
            guard let signal = BehaviourSignal(rawValue: try row.value("signal")) else { continue }
            known[BehaviourName(tenant: try row.value("tenant_id"), signal: signal)] = Behaviour(
                mean: try row.value("mean"), variance: try row.value("variance"), samples: try row.value("samples"),
                isAlarmed: try row.value("alarmed"), streak: try row.value("streak"))
        }
        return known
    }

    private func store(_ known: [BehaviourName: Behaviour], minute: Int64, _ connection: PostgresConnection) async throws {
        let rows = known.map { ($0.key, $0.value) }
        _ = try await connection.pipeline([
            """
            INSERT INTO serving.behaviour (tenant_id, signal, mean, variance, samples, alarmed, streak)
            SELECT row.* FROM unnest(\(rows.map(\.0.tenant))::uuid[], \(rows.map(\.0.signal.rawValue))::text[],
                \(rows.map { "\($0.1.mean)" })::double precision[], \(rows.map { "\($0.1.variance)" })::double precision[],
                \(rows.map(\.1.samples))::bigint[], \(rows.map(\.1.isAlarmed))::boolean[], \(rows.map(\.1.streak))::integer[])
                AS row (tenant_id, signal, mean, variance, samples, alarmed, streak)
            WHERE EXISTS (SELECT 1 FROM serving.tenants WHERE tenants.id = row.tenant_id)
            ON CONFLICT (tenant_id, signal) DO UPDATE SET mean = EXCLUDED.mean, variance = EXCLUDED.variance, samples = EXCLUDED.samples,
                alarmed = EXCLUDED.alarmed, streak = EXCLUDED.streak
            """,
            """
            INSERT INTO serving.behaviour_progress (minute_at) VALUES (to_timestamp(\(minute) * 60))
            ON CONFLICT (single) DO UPDATE SET minute_at = EXCLUDED.minute_at
            """,
        ])
    }

    /// The event, and the throttle where one is wanted; it ends when no signal of the tenant is alarming.
    private func write(_ change: BehaviourChange, _ connection: PostgresConnection) async throws {
        let detail =
            #"{"signal":"\#(change.name.signal.rawValue)","observed":\#(Int(change.observed)),"usual":\#(Int(max(0, min(change.usual, 1e15))))}"#
        let tenant = change.name.tenant
        try await connection.execute(
            """
            INSERT INTO serving.abuse_events (kind, tenant_id, detail) VALUES (\(change.isAlarm ? "anomaly" : "release"), \(tenant), \(detail)::jsonb)
            """)
        try await connection.execute(
            """
            UPDATE serving.tenants AS tenant SET throttle_ppm = CASE
                WHEN EXISTS (SELECT 1 FROM serving.behaviour WHERE behaviour.tenant_id = tenant.id AND alarmed)
                THEN coalesce(tenant.anomaly_throttle_ppm, tier.anomaly_throttle_ppm) END
            FROM serving.tiers AS tier WHERE tier.name = tenant.tier AND tenant.id = \(tenant)
            """)
    }
}
