import PlimsollWire

/// Rows from which one routing table is made, and the rules by which they become entries.
struct TableFacts: Sendable {
    var tenants: [TenantEntry] = []
    var keys: [KeyEntry] = []
    var tiers: [TierEntry] = []
    /// Without weights; they come from `releases`.
    var models: [ModelEntry] = []
    var releases: [Release] = []
    var workers: [Worker] = []
    var gateways: [GatewayEntry] = []
    var denied: [DeniedEntry] = []
    var rules: [RuleEntry] = []
    var captures: [CaptureEntry] = []
    var prices: [PriceEntry] = []
    var mitigations: [MitigationEntry] = []

    struct Release: Sendable {
        var name: String
        var model: String
        /// Parts per million; nil: nobody set one.
        var weight: Int?
        /// Of one without a share; nil: it served nothing yet.
        var former: FormerShare?
    }

    struct Worker: Sendable {
        var entry: WorkerEntry
        var poolWeight: Int?
        var providerWeight: Int?
    }

    private static let whole = 1_000_000

    /// Entry texts by key, such as `key/<id>`.
    func entries() throws -> [String: String] {
        var entries: [String: String] = [:]
        try add(.tenant, tenants, id: \.id, to: &entries)
        try add(.key, keys, id: \.id, to: &entries)
        try add(.tier, tiers, id: \.name, to: &entries)
        try add(.model, weightedModels(), id: \.name, to: &entries)
        try add(.worker, workers.map(Self.weighted), id: \.id, to: &entries)
        try add(.gateway, gateways, id: \.id, to: &entries)
        try add(.denied, denied, id: \.identity, to: &entries)
        try add(.rule, rules, id: \.id, to: &entries)
        try add(.capture, captures, id: \.id, to: &entries)
        try add(.mitigation, mitigations, id: \.id, to: &entries)
        for price in prices { entries["price/\(price.version)"] = String(decoding: try WireCoder.encode(price), as: UTF8.self) }
        return entries
    }

    /// A release whose weight nobody set counts as a whole one, so that releases are equal until somebody says otherwise.
    private func weightedModels() -> [ModelEntry] {
        let byModel = Dictionary(grouping: releases, by: \.model)
        return models.map { model in
            var model = model
            let releases = byModel[model.name] ?? []
            model.releaseWeights = Dictionary(releases.map { ($0.name, $0.weight ?? Self.whole) }, uniquingKeysWith: { first, _ in first })
            let former = releases.compactMap { release in release.former.map { (release.name, $0) } }
            model.formerShares = former.isEmpty ? nil : Dictionary(former, uniquingKeysWith: { first, _ in first })
            return model
        }
    }

    private static func weighted(_ worker: Worker) -> WorkerEntry {
        func share(_ part: Int?) -> Int { worker.entry.weight * (part ?? whole) / whole }
        var entry = worker.entry
        entry.weight = share(worker.poolWeight) * (worker.providerWeight ?? whole) / whole
        let called = share(worker.providerWeight)
        // A worker or provider that was taken out is not called in with its pool.
        if worker.poolWeight == 0, called > 0 { entry.standbyWeight = called }
        return entry
    }

    private func add<Entry: Encodable>(
        _ kind: TableEntryKind, _ values: [Entry], id: KeyPath<Entry, String>, to entries: inout [String: String]
    ) throws {
        for value in values {
            entries["\(kind.rawValue)/\(value[keyPath: id])"] = String(decoding: try WireCoder.encode(value), as: UTF8.self)
        }
    }
}
