import Domain
import FoundationEssentials
import Postgres

/// What a drill has shown, out of what was measured while it lasted.
struct DrillReport: Sendable {
    private let kind: DrillKind
    private let findings: DrillFindings
    /// Requests that went on at another worker.
    private let moved: Int64
    private let detectedBy: String?
    private let incidents: [String]
    private let mitigations: [String]
    private let fallbacks: [FallbackUse]
    private let budgets: [DrillBudgets.Part]
    /// From the first mitigation to the end of the last; nil: one is in force, or there was none.
    private let revertedAfter: Int64?
    /// A mitigation is still in force.
    let isPending: Bool

    var verdict: DrillFindings.Verdict { findings.verdict(of: kind) }

    /// - Parameter silent: Gateways that have told nothing since its end.
    static func make(of drill: Drill, until end: Date, silent: Int64 = 0, _ databases: ControlDatabases) async throws -> DrillReport {
        let probes = try await ProbeKeys.read(databases.serving)
        let traffic = try await traffic(drill, end, without: probes, databases.billing)
        let minutes = try await badMinutes(drill, end, databases.reliability)
        let trail = try await Trail(drill, end, databases.serving, databases.reliability)
        let findings = DrillFindings(
            requests: traffic.requests, lost: traffic.lost, badMinutes: minutes,
            detectedAfter: trail.detected.map { micros(drill.startedAt, $0.at) },
            mitigatedAfter: trail.detected.flatMap { detected in trail.mitigatedAt.map { micros(detected.at, $0) } },
            firstTokens: try await firstTokens(drill, end, databases.reliability), isAborted: drill.isAborted, silentGateways: silent)
        return DrillReport(
            kind: drill.kind, findings: findings, moved: traffic.moved, detectedBy: trail.detected?.by, incidents: trail.incidents,
            mitigations: trail.mitigations, fallbacks: try await DrillFallbacks(drill, until: end, without: probes, databases).uses(),
            budgets: try await DrillBudgets(drill: drill, end: end, databases: databases).parts(),
            revertedAfter: trail.isPending ? nil : trail.mitigatedAt.flatMap { first in trail.revertedAt.map { micros(first, $0) } },
            isPending: trail.isPending)
    }

    /// Whether something that the policy did about it is in force, as a report would say.
    static func isPending(_ drill: Drill, until end: Date, _ serving: PostgresPool) async throws -> Bool {
        try await serving.queryOne(
            """
            SELECT 1 AS yes FROM reliability.mitigation AS action JOIN reliability.incident AS incident ON incident.id = action.incident_id
            WHERE \(drill.isToldBy("incident", until: end)) AND \(drill.isMetBy("action")) AND action.ended_at IS NULL LIMIT 1
            """) != nil
    }

    private static func micros(_ start: Date, _ end: Date) -> Int64 { max(Int64(end.timeIntervalSince(start) * 1_000_000), 0) }

    /// Of customers' and the drill's own requests; each is counted once, whatever became of it. Probes through public endpoints are neither.
    private static func traffic(
        _ drill: Drill, _ end: Date, without probes: [UUID], _ pool: PostgresPool
    ) async throws -> (requests: Int64, lost: Int64, moved: Int64) {
        let row = try await pool.queryOne(
            """
            SELECT count(*) AS requests, count(*) FILTER (WHERE outcome LIKE 'bad%') AS lost, count(*) FILTER (WHERE attempts > 1) AS moved
            FROM billing.usage_event
            WHERE kind = 'final' AND accepted_at >= \(drill.startedAt) AND accepted_at < \(end) AND \(drill.touches)
                AND \(ProbeKeys.isNone(of: probes, "key_id"))
            """)
        return (try row?.value("requests") ?? 0, try row?.value("lost") ?? 0, try row?.value("moved") ?? 0)
    }

    /// Of all traffic in minutes that it touched, that of the drill too, in its region.
    private static func firstTokens(_ drill: Drill, _ end: Date, _ pool: PostgresPool) async throws -> LatencyCounter {
        let row = try await pool.queryOne(
            """
            SELECT coalesce(sum(first_token_samples), 0)::bigint AS samples, coalesce(sum(first_token_over), 0)::bigint AS late
            FROM reliability.minute WHERE minute_at >= date_trunc('minute', \(drill.startedAt)::timestamptz) AND minute_at < \(end)
                AND \(drill.touches)
            """)
        return LatencyCounter(samples: try row?.value("samples") ?? 0, over: try row?.value("late") ?? 0)
    }

    /// Drill traffic is marked and counts for nobody, nor does what the minute of its beginning had before.
    private static func badMinutes(_ drill: Drill, _ end: Date, _ pool: PostgresPool) async throws -> Int64 {
        let row = try await pool.queryOne(
            """
            SELECT coalesce(sum(tenants) FILTER (WHERE bad > CASE WHEN minute_at <= \(drill.startedAt) THEN \(drill.badBefore)::bigint ELSE 0 END),
                0)::bigint AS minutes
            FROM (SELECT minute_at, sum(bad) AS bad, count(DISTINCT (tenant_id, model, region)) FILTER (WHERE bad > 0) AS tenants
                FROM reliability.minute
                WHERE minute_at >= date_trunc('minute', \(drill.startedAt)::timestamptz) AND minute_at < \(end) AND NOT drill
                    AND \(drill.touches)
                GROUP BY minute_at) AS minute
            """)
        return try row?.value("minutes") ?? 0
    }

    var document: String {
        let members: [(String, String)] = [
            ("held", verdict == .held ? "true" : "false"), ("verdict", "\"\(verdict.rawValue)\""),
            ("failures", Self.list(findings.failures(of: kind))), ("gaps", Self.list(findings.gaps(of: kind))),
            ("requests", "\(findings.requests)"), ("requests_lost", "\(findings.lost)"), ("requests_moved", "\(moved)"),
            ("bad_minutes", "\(findings.badMinutes)"), ("budgets", "[" + budgets.map(\.document).joined(separator: ",") + "]"),
            ("first_tokens", "\(findings.firstTokens.samples)"), ("first_tokens_late", "\(findings.firstTokens.over)"),
            ("gateways_silent", "\(findings.silentGateways)"), ("detected_after_us", Self.number(findings.detectedAfter)),
            ("detected_by", detectedBy.map(AdminJSON.string) ?? "null"),
            ("mitigated_after_us", Self.number(findings.mitigatedAfter)), ("reverted_after_us", Self.number(revertedAfter)),
            ("incidents", Self.list(incidents)), ("mitigations", Self.list(mitigations)),
            ("fallbacks", "[" + fallbacks.map(Self.text).joined(separator: ",") + "]"),
        ]
        return "{" + members.map { "\"\($0.0)\":\($0.1)" }.joined(separator: ",") + "}"
    }

    private static func text(_ use: FallbackUse) -> String {
        "{\"sku\":\(AdminJSON.string(use.sku)),\"other_provider\":\(use.otherProvider),\"backup_region\":\(use.backupRegion),"
            + "\"fallback_model\":\(use.fallbackModel),\"tried\":\(use.isTried)}"
    }

    private static func number(_ value: Int64?) -> String { value.map { "\($0)" } ?? "null" }

    private static func list(_ texts: [String]) -> String { "[" + texts.map(AdminJSON.string).joined(separator: ",") + "]" }
}

extension Drill {
    /// Of a row of incidents. One that an earlier drill opened and that was not over goes on as the same.
    fileprivate func isToldBy(_ incident: SQL, until end: Date) -> SQL {
        "(\(incident).drill AND \(incident).opened_at <= \(end) AND \(incident).last_signal_at >= \(startedAt))"
    }

    /// Of a row of mitigations of such an incident.
    fileprivate func isMetBy(_ mitigation: SQL) -> SQL { "(\(mitigation).mode = 'automatic' AND \(mitigation).created_at >= \(startedAt))" }
}

/// Who noticed a drill when, and what was done about it.
private struct Trail {
    private(set) var detected: (at: Date, by: String)?
    private(set) var incidents: [String] = []
    private(set) var mitigations: [String] = []
    private(set) var mitigatedAt: Date?
    private(set) var revertedAt: Date?
    private(set) var isPending = false

    init(_ drill: Drill, _ end: Date, _ serving: PostgresPool, _ reliability: PostgresPool) async throws {
        // A sign is one when it is known here: gateways tell probes every few seconds. One that fails is no trouble yet, the second of the same is.
        let probe = try await reliability.queryOne(
            """
            SELECT min(known_at) AS at FROM (
                SELECT greatest(at, received_at) AS known_at, row_number() OVER (PARTITION BY kind, worker_id, model, region ORDER BY at, id) AS place
                FROM reliability.probe WHERE drill AND NOT succeeded AND at >= \(drill.startedAt) AND at <= \(end) AND model = ANY(\(drill.models))
            ) AS failure WHERE place = 2
            """)
        note(try probe?.value("at", as: Date?.self), "probe")
        let rows = try await serving.query(
            """
            SELECT id, CASE WHEN opened_at >= \(drill.startedAt) THEN opened_at END AS opened_at FROM reliability.incident
            WHERE \(drill.isToldBy("incident", until: end)) ORDER BY incident.opened_at
            """)
        note(try rows.compactMap { try $0.value("opened_at", as: Date?.self) }.min(), "incident")
        incidents = try rows.map { try $0.id("id") }
        guard !incidents.isEmpty else { return }
        let actions = try await serving.query(
            """
            SELECT action, created_at, ended_at FROM reliability.mitigation
            WHERE incident_id = ANY(\(incidents)::uuid[]) AND \(drill.isMetBy("mitigation")) ORDER BY created_at
            """)
        note(try actions.first?.value("created_at", as: Date?.self), "incident")
        mitigations = try actions.map { try $0.value("action") }
        // What gateways do not have yet helps nobody: until then it is not acted upon.
        let reach = try await serving.queryOne("SELECT \(MitigationReach.firstInForce(incidents, since: drill.startedAt)) AS at")
        mitigatedAt = actions.isEmpty ? nil : try reach?.value("at", as: Date?.self) ?? end
        revertedAt = try actions.compactMap { try $0.value("ended_at", as: Date?.self) }.max()
        isPending = try actions.contains { try $0.value("ended_at", as: Date?.self) == nil }
    }

    private mutating func note(_ at: Date?, _ by: String) {
        guard let at, at < detected?.at ?? .distantFuture else { return }
        detected = (at, by)
    }
}
