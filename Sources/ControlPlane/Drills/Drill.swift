import Domain
import FoundationEssentials
import PlimsollWire
import Postgres

/// A drill as it was begun.
struct Drill: Sendable {
    let id: UUID
    let kind: DrillKind
    let worker: UUID?
    /// That it breaks, or whose worker.
    let provider: String?
    let region: String?
    let models: [String]
    /// In which it breaks something; empty: in all.
    let regions: [String]
    let compression: Int
    let startedAt: Date
    /// When it was to end; gateways that it keeps away hear of no earlier end.
    let until: Date
    /// Bad requests of its models in the minute in which it began, before it did.
    let badBefore: Int64
    let endedAt: Date?
    /// Ended before its time.
    let isAborted: Bool

    static let columns: SQL = """
        r.id, r.kind, r.worker_id, r.region, r.models, r.regions, r.compression, r.started_at, r.until_at, r.ended_at, r.bad_before,
        coalesce(r.end_reason = 'aborted', false) AS aborted,
        coalesce(r.provider, (SELECT pools.provider FROM serving.workers AS worker JOIN serving.hosts AS hosts ON hosts.id = worker.host_id
            JOIN serving.pools AS pools ON pools.name = hosts.pool WHERE worker.id = r.worker_id)) AS provider
        """

    init(_ row: PostgresRow) throws {
        id = try row.value("id")
        guard let kind = DrillKind(rawValue: try row.value("kind")) else { throw PostgresError(.decoding, "a drill's kind is not known here") }
        self.kind = kind
        worker = try row.value("worker_id")
        provider = try row.value("provider")
        region = try row.value("region")
        models = try row.value("models")
        regions = try row.value("regions")
        compression = try row.value("compression")
        startedAt = try row.value("started_at")
        until = try row.value("until_at")
        badBefore = try row.value("bad_before")
        endedAt = try row.value("ended_at")
        isAborted = try row.value("aborted")
    }
}

extension Drill {
    /// What nobody is served by while it runs, as what is drained by a mitigation; nil: it takes nothing, or is over.
    var taken: MitigationTarget? {
        guard kind.takesWorkers, endedAt == nil else { return nil }
        if let worker { return MitigationTarget(.drainWorker, worker: worker.lowercased) }
        return MitigationTarget(.drainProvider, region: region, provider: provider)
    }

    /// Of rows with a model and a region: those that it is about.
    var touches: SQL { "(model = ANY(\(models)) AND (cardinality(\(regions)::text[]) = 0 OR region = ANY(\(regions))))" }

    /// Gateways that it kept from the control plane, and that have told nothing since.
    ///
    /// - Parameter pool: Of the reliability room.
    func silentGateways(since end: Date, _ pool: PostgresPool) async throws -> Int64 {
        guard kind == .controlLoss else { return 0 }
        let row = try await pool.queryOne(
            """
            SELECT count(*) AS silent FROM (
                SELECT alone.gateway_id FROM reliability.alone_gateway AS alone
                JOIN reliability.minute_source AS source ON source.gateway_id = alone.gateway_id
                WHERE alone.drill_id = \(id) AND source.told_at > alone.started_at - \(MinuteSources.silence)
                GROUP BY alone.gateway_id HAVING max(source.told_at) <= \(end) AND bool_or(source.closed_at IS NULL)) AS gateway
            """)
        return try row?.value("silent") ?? 0
    }

    /// An incident of the fleet is about what it breaks.
    func covers(_ key: IncidentKey) -> Bool {
        guard kind.takesWorkers else { return false }
        if key.signal == .redundancy { return models.contains(key.model) }
        guard provider == key.provider, region == nil || region == key.region else { return false }
        return worker == nil || key.subject.isEmpty || key.subject == worker?.lowercased
    }

    /// It makes these answers late on purpose.
    func slows(_ service: ServiceName) -> Bool {
        kind == .slowRegion && models.contains(service.model) && (regions.isEmpty || regions.contains(service.region))
    }
}

extension DrillKind {
    /// What it does to workers; nil: nothing.
    var effect: DrillEffect.Kind? {
        switch self {
        case .workerLoss, .providerLoss: .cut
        case .slowRegion: .slow
        case .wrongAnswers: .wrong
        case .controlLoss: nil
        }
    }
}
