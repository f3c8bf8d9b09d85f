import PlimsollWire

/// The captures that a key's requests may fall under; a class, so that the request path copies a reference.
final class CustomerCaptures: Sendable {
    private let entries: [CaptureEntry]

    init?(_ entries: [CaptureEntry], for key: KeyEntry) {
        let own = entries.filter { $0.tenant == key.tenant && ($0.key == nil || $0.key == key.id) }
        guard !own.isEmpty else { return nil }
        self.entries = own
    }

    /// - Parameters:
    ///   - model: Nil: it is not known, and captures of some models do not want it.
    ///   - nowSeconds: Since 1970. A table that is old holds captures that are over.
    func wanted(model: String?, nowSeconds: Int64) -> [CaptureEntry] {
        entries.filter { entry in
            nowSeconds < entry.expiresAtSeconds && entry.models.map { models in model.map(models.contains) ?? false } ?? true
        }
    }
}
