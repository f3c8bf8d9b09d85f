import Cryptography
import Domain
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

    private let prices: PriceBook

    init(
        version: Int64, keys: [SHA256Digest: CustomerKey], models: [String: ModelRoute], prices: PriceBook = PriceBook([]), ruleSets: [RuleSet] = []
    ) {
        self.ruleSets = ruleSets
        self.version = version
        self.keys = keys
        self.models = models
        self.prices = prices
    }

    /// False before the first table.
    var isInForce: Bool { version > 0 }

    func key(_ digest: SHA256Digest) -> CustomerKey? { keys[digest] }

    /// - Parameter serviceClass: `interactive` or `batch`.
    func prices(_ model: String, _ tier: String, _ serviceClass: String) -> PriceSchedule? { prices.schedule(model, tier, serviceClass) }

    func model(_ name: String) -> ModelRoute? { models[name] }

    var modelsWithoutWorkers: Int { models.values.count { !$0.isServed } }

    /// What this key may see, by name.
    func models(for key: CustomerKey) -> [ModelDescription] {
        models.values.filter { key.mayUse($0) }.map(\.description).sorted { $0.id < $1.id }
    }
}
