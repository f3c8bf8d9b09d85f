import Domain
import FoundationEssentials
import PlimsollWire
import Postgres

/// A drill as it was begun.
struct Drill: Sendable {
    let id: UUID
    let kind: DrillKind
    let worker: UUID?
    let provider: String?
    let region: String?
    let models: [String]
    let compression: Int
    let startedAt: Date
    let endedAt: Date?

    static let columns: SQL = "r.id, r.kind, r.worker_id, r.provider, r.region, r.models, r.compression, r.started_at, r.ended_at"

    init(_ row: PostgresRow) throws {
        id = try row.value("id")
        guard let kind = DrillKind(rawValue: try row.value("kind")) else { throw PostgresError(.decoding, "a drill's kind is not known here") }
        self.kind = kind
        worker = try row.value("worker_id")
        provider = try row.value("provider")
        region = try row.value("region")
        models = try row.value("models")
        compression = try row.value("compression")
        startedAt = try row.value("started_at")
        endedAt = try row.value("ended_at")
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
