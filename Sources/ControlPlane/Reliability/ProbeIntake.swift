package import FoundationEssentials
package import PlimsollWire
package import Postgres
package import Telemetry

/// Stores what gateways found when they probed workers, once however often it is told, and tells each gateway what it must know of the others'.
package struct ProbeIntake: Sendable {
    package static let maximumProbes = 2_000
    /// A worker whose home gateway has told nothing for so long is probed by another.
    static let silence: SQL = "interval '90 seconds'"

    private let reliability: PostgresPool
    private let serving: PostgresPool
    private let metrics: ProbeCostMetrics

    package init(reliability: PostgresPool, serving: PostgresPool, metrics: MetricRegistry = MetricRegistry()) {
        self.reliability = reliability
        self.serving = serving
        self.metrics = ProbeCostMetrics(metrics)
    }

    package func store(_ batch: ProbeBatch, from gateway: UUID, at moment: Date = Date()) async throws -> ProbeAnswer {
        guard batch.probes.count <= Self.maximumProbes else { throw PeerRefusal(.tooLarge, "at most 2,000 probes at once") }
        let now = Int64(moment.timeIntervalSince1970 * 1_000_000)
        let records = batch.probes.compactMap { ProbeRecord($0, gateway: gateway, now: now) }
        let stored = try await ProbeStore(reliability, metrics: metrics).store(records)
        let home = try await serving.queryOne("SELECT region FROM serving.gateways WHERE id = \(gateway)")
        var answer = ProbeAnswer(
            stored: stored, duplicates: records.count - stored, quarantined: batch.probes.count - records.count)
        guard let region = try home?.value("region", as: String.self) else { return answer }
        try await meet(region)
        answer.standIn = try await standIns(region, gateway)
        answer.failing = try await failing(region)
        return answer
    }

    /// Workers of the region that are new here, which begin as if they had just been probed, and those that are gone.
    private func meet(_ region: String) async throws {
        let rows = try await serving.query(
            """
            SELECT workers.id, pools.provider, releases.model FROM serving.workers JOIN serving.hosts ON hosts.id = workers.host_id
            JOIN serving.pools ON pools.name = hosts.pool JOIN serving.releases ON releases.name = workers.release
            WHERE hosts.region = \(region) AND workers.accepted AND workers.retired_at IS NULL AND hosts.state = 'active'
                AND hosts.intent = 'serve'
            """)
        let ids: [UUID] = try rows.map { try $0.value("id") }
        let providers: [String] = try rows.map { try $0.value("provider") }
        let models: [String] = try rows.map { try $0.value("model") }
        try await reliability.execute(
            """
            INSERT INTO reliability.probe_state (worker_id, provider, model, region, home_at, last_at, failures)
            SELECT row.id, row.provider, row.model, \(region), now(), now(), 0
            FROM unnest(\(ids)::uuid[], \(providers)::text[], \(models)::text[]) AS row (id, provider, model)
            WHERE NOT EXISTS (SELECT 1 FROM reliability.probe_state AS known WHERE known.worker_id = row.id)
            ORDER BY row.id ON CONFLICT DO NOTHING
            """)
        try await reliability.execute(
            "DELETE FROM reliability.probe_state WHERE region = \(region) AND NOT worker_id = ANY(\(ids)::uuid[])")
    }

    /// What this gateway is to probe for others: the first that asks gets it, and keeps it while it asks and the home is silent.
    private func standIns(_ region: String, _ gateway: UUID) async throws -> [String] {
        let rows = try await reliability.query(
            """
            UPDATE reliability.probe_state SET stand_in = \(gateway), stand_in_at = now() WHERE worker_id IN (
                SELECT worker_id FROM reliability.probe_state
                WHERE region = \(region) AND home_at < now() - \(Self.silence)
                    AND (stand_in IS NULL OR stand_in = \(gateway) OR stand_in_at < now() - \(Self.silence))
                ORDER BY worker_id FOR UPDATE SKIP LOCKED)
            RETURNING worker_id
            """)
        return try rows.map { try $0.id("worker_id") }
    }

    private func failing(_ region: String) async throws -> [String: Int64] {
        let rows = try await reliability.query(
            """
            SELECT worker_id, (extract(epoch FROM last_at) * 1000000)::bigint AS last FROM reliability.probe_state
            WHERE region = \(region) AND failures >= 2 AND last_at > now() - interval '5 minutes'
            """)
        return Dictionary(try rows.map { (try $0.id("worker_id"), try $0.value("last")) }, uniquingKeysWith: { first, _ in first })
    }
}
