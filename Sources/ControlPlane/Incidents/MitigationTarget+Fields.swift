import Domain
import FoundationEssentials

extension MitigationTarget {
    /// What a request names of it, but its value.
    init(_ action: MitigationAction, _ fields: inout FieldReader) {
        self.init(action)
        tier = fields.text("tier", .slug)
        model = fields.text("model", .modelName)
        region = fields.text("region", .slug)
        provider = fields.text("provider", .slug)
        worker = fields.uuid("worker")?.lowercased
        pool = fields.text("pool", .slug)
        release = fields.text("release", .modelName)
        tenant = fields.uuid("tenant")?.lowercased
        toModel = fields.text("to_model", .modelName)
        toRegion = fields.text("to_region", .slug)
    }

    /// What is named, by the names of fields.
    var named: [String] {
        let parts: [(String, String?)] = [
            ("tier", tier), ("model", model), ("region", region), ("provider", provider), ("worker", worker), ("pool", pool), ("release", release),
            ("tenant", tenant), ("to_model", toModel), ("to_region", toRegion),
        ]
        return parts.compactMap { name, value in value.map { _ in name } }
    }
}

extension MitigationAction {
    /// What its targets are told apart by, by the names of fields.
    var subjects: Set<String> {
        switch self {
        case .restartWorker, .drainWorker: ["worker"]
        case .drainProvider: ["provider", "region"]
        case .warmPool, .reservedCapacity: ["pool"]
        case .protectedPool: ["pool", "tier"]
        case .backupRegion: ["tier", "model", "region", "to_region"]
        case .raiseWorkers, .shortenBatchWindow: ["model", "region"]
        case .rollBackImage: ["model", "release"]
        case .capOutput, .pauseLongPrompts, .shedTier: ["tier", "model", "region"]
        case .throttleTenant: ["tenant", "region"]
        case .fallbackModel: ["tier", "model", "region", "to_model"]
        case .raiseLimit, .sellCapacity: ["tenant"]
        case .reviewProvider: ["provider"]
        }
    }

    /// Values with which it does something; nil: it has none.
    var values: ClosedRange<Int64>? {
        switch self {
        // Workers, as many as a scaler may be asked for.
        case .raiseWorkers: 1...100
        // Per cent of a worker's slots, and parts per million of limits: all of them would change nothing.
        case .shortenBatchWindow: 1...99
        case .throttleTenant: 1...999_999
        // Tokens.
        case .capOutput, .pauseLongPrompts: 1...1_000_000
        default: nil
        }
    }
}

extension FieldReader {
    mutating func uuid(_ name: StaticString) -> UUID? {
        guard let text = text(name, .reference) else { return nil }
        guard let id = UUID(uuidString: text) else {
            add(name.description, "must be a UUID")
            return nil
        }
        return id
    }
}
