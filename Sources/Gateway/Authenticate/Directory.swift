import Cryptography
import OpenAIWire
import PlimsollWire

/// A routing table in the form in which requests are served from it. Immutable: a new table makes a new directory, and each loop is handed it.
final class Directory: Sendable {
    static let empty = Directory(version: 0, keys: [:], models: [:])

    let version: Int64
    private let keys: [SHA256Digest: CustomerKey]
    private let models: [String: ModelRoute]
    /// All that its keys refer to.
    let ruleSets: [RuleSet]

    init(version: Int64, keys: [SHA256Digest: CustomerKey], models: [String: ModelRoute], ruleSets: [RuleSet] = []) {
        self.ruleSets = ruleSets
        self.version = version
        self.keys = keys
        self.models = models
    }

    /// False before the first table.
    var isInForce: Bool { version > 0 }

    func key(_ digest: SHA256Digest) -> CustomerKey? { keys[digest] }

    func model(_ name: String) -> ModelRoute? { models[name] }

    /// What this key may see, by name.
    func models(for key: CustomerKey) -> [ModelDescription] {
        models.values.filter { key.mayUse($0) }.map(\.description).sorted { $0.id < $1.id }
    }
}
