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
