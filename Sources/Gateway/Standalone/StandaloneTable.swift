import Cryptography
package import PlimsollWire

/// The table of a gateway that has no control plane, made from what its file says.
package struct StandaloneTable: Sendable {
    package struct Key: Sendable {
        package var name: String
        package var tenant: String
        package var tier: String
        /// As it goes into the table, but for its ids, which are made of the names: models, limits, expiry.
        package var entry: KeyEntry

        package init(name: String, tenant: String, tier: String, entry: KeyEntry) {
            self.name = name
            self.tenant = tenant
            self.tier = tier
            self.entry = entry
        }

        package static func hash(_ secret: String) -> String { Hash.sha256(secret).hex }
    }

    package struct Upstream: Sendable {
        package var model: String
        package var url: String
        package var provider: String
        package var dialect: RuntimeDialect
        package var servedModel: String?
        package var slots: Int
        package var contextClass: ContextClass
        /// Nil: not known.
        package var kvTokens: Int?
        /// Nil: standard.
        package var trustClass: String?
        /// Nil: not known.
        package var hourPriceMicroUsd: Int64?

        package init(
            model: String, url: String, provider: String, dialect: RuntimeDialect, servedModel: String?, slots: Int,
            contextClass: ContextClass = .standard, kvTokens: Int? = nil, trustClass: String? = nil, hourPriceMicroUsd: Int64? = nil
        ) {
            self.model = model
            self.url = url
            self.provider = provider
            self.dialect = dialect
            self.servedModel = servedModel
            self.slots = slots
            self.contextClass = contextClass
            self.kvTokens = kvTokens
            self.trustClass = trustClass
            self.hourPriceMicroUsd = hourPriceMicroUsd
        }
    }

    package var region: String
    package var tiers: [TierEntry]
    package var models: [ModelEntry]
    package var keys: [Key]
    package var upstreams: [Upstream]
    package var prices: [PriceEntry]
    /// Tenants of these are named as keys name them.
    package var rules: [RuleEntry]

    package init(
        region: String, tiers: [TierEntry], models: [ModelEntry], keys: [Key], upstreams: [Upstream], prices: [PriceEntry] = [],
        rules: [RuleEntry] = []
    ) {
        self.region = region
        self.tiers = tiers
        self.models = models
        self.keys = keys
        self.upstreams = upstreams
        self.prices = prices
        self.rules = rules
    }

    /// Name of the one release that each model has here.
    package static let release = "standalone"

    package func contents(nowSeconds: Int64) -> TableContents {
        var table = TableContents(version: 1, issuedAtSeconds: nowSeconds)
        for tier in tiers { table.tiers[tier.name] = tier }
        for model in models { table.models[model.name] = model }
        for key in keys {
            let tenant = StandaloneTable.id("tenant/" + key.tenant)
            table.tenants[tenant] = TenantEntry(
                id: tenant, tier: key.tier, active: true, allowedRegions: [], cacheSalt: Hash.sha256("salt/" + key.tenant).hex)
            var entry = key.entry
            entry.id = StandaloneTable.id("key/" + key.name)
            entry.tenant = tenant
            table.keys[entry.sha256Hex] = entry
        }
        table.prices = prices
        table.rules = rules.map { rule in
            var entry = rule
            entry.tenant = rule.tenant.map { StandaloneTable.id("tenant/" + $0) }
            return entry
        }
        table.workers = upstreams.map(worker)
        return table
    }

    private func worker(_ upstream: Upstream) -> WorkerEntry {
        let context = models.first { $0.name == upstream.model }?.contextTokens ?? 0
        return WorkerEntry(
            id: StandaloneTable.id("worker/" + upstream.model + "/" + upstream.url), host: StandaloneTable.id("host/" + upstream.url),
            provider: upstream.provider, pool: upstream.provider, region: region, model: upstream.model, release: StandaloneTable.release,
            dialect: upstream.dialect, servedModel: upstream.servedModel, link: .direct, url: upstream.url, draining: false,
            slots: upstream.slots, contextTokens: context, weight: 1_000_000, trustClass: upstream.trustClass,
            hourPriceMicroUsd: upstream.hourPriceMicroUsd, contextClass: upstream.contextClass, kvTokens: upstream.kvTokens)
    }

    /// A stable UUID for a name, so that records of two starts agree (RFC 9562, version 8).
    static func id(_ name: String) -> String {
        var digits = Array(Hash.sha256(name).hex.prefix(32))
        digits[12] = "8"
        digits[16] = "a"
        let groups = [0..<8, 8..<12, 12..<16, 16..<20, 20..<32].map { String(digits[$0]) }
        return groups.joined(separator: "-")
    }
}
