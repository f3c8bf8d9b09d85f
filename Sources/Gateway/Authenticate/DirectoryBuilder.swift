import Cryptography
import PlimsollWire
import Synchronization

/// Makes directories out of tables, keeping what lives longer than a table: spent limits and the load of workers.
final class DirectoryBuilder: Sendable {
    /// Sets of rules for which workers are put in order ahead, those that most keys have; for others when the first request asks.
    private static let mostRules = 256

    private let limits: LimitBook
    private let workers: WorkerBook
    private let queues = QueueBook()
    private let region: String
    private let compiler = Mutex(RuleCompiler())
    private let gateway: String

    /// - Parameters:
    ///   - region: The gateway's own.
    ///   - gateway: Its id.
    init(limits: LimitBook, workers: WorkerBook, region: String, gateway: String) {
        self.limits = limits
        self.workers = workers
        self.region = region
        self.gateway = gateway
    }

    func build(_ table: TableContents, now: Int64) -> Directory {
        let compiled = compiler.withLock { $0.compile(table.rules) }
        let keys = keys(table, compiled, now: now)
        let routes = ModelRoute.routes(
            table, workers: workers, queues: queues, region: region, rules: Self.commonest(keys.values.map(\.rules)))
        queues.keep(only: Set(table.models.keys))
        workers.keep(only: table.workers, long: Set(routes.values.flatMap(\.longWorkers)))
        return Directory(
            version: table.version, keys: keys, models: routes, prices: PriceBook(table.prices),
            ruleSets: [compiled.common].compactMap(\.self) + compiled.own.values)
    }

    private static func commonest(_ rules: [RouteRules]) -> Set<RouteRules> {
        let counts = Dictionary(rules.map { ($0, 1) }, uniquingKeysWith: +)
        guard counts.count > mostRules else { return Set(counts.keys) }
        return Set(counts.sorted { $0.value > $1.value }.prefix(mostRules).map { $0.key })
    }

    private func keys(_ table: TableContents, _ rules: RuleCompiler.Result, now: Int64) -> [SHA256Digest: CustomerKey] {
        var result: [SHA256Digest: CustomerKey] = [:]
        let share = GatewayShare(gateways: table.gateways, own: gateway)
        let offers = PlanOffers.all(table.tiers)
        let standings = TierStanding.standings(table.tiers)
        let reliefs = table.tiers.keys.reduce(into: [:]) { $0[$1] = TierRelief(table.mitigations, tier: $1) }
        let preferences = table.tiers.keys.reduce(into: [:]) { $0[$1] = RoutePreference(table.mitigations, tier: $1) }
        let fallbacks = table.tiers.keys.reduce(into: [:]) { $0[$1] = TierFallbacks(table.mitigations, tier: $1, home: region) }
        var kept: Set<String> = []
        for entry in table.keys.values {
            guard let digest = SHA256Digest(hex: entry.sha256Hex), let tenant = table.tenants[entry.tenant], let tier = table.tiers[tenant.tier],
                let standing = standings[tenant.tier]
            else { continue }
            let bounds = limits.limits(
                for: entry.throttled(tenant.throttlePpm), tenant: tenant, tier: tier.throttled(tenant.throttlePpm),
                agreed: tenant.throttlePpm.map { _ in (key: entry, tier: tier) }, share: share, now: now)
            kept.insert("key/" + entry.id)
            kept.insert("tenant/" + entry.tenant)
            result[digest] = CustomerKey(
                entry: entry, tenant: tenant, tier: tier, limits: bounds, standing: standing, offers: offers[tier.name] ?? PlanOffers(),
                contentRules: CustomerRules(rules.sets(for: entry.tenant)),
                addresses: CustomerAddresses(entry, tenant, blocked: rules.blocked(for: entry.tenant)),
                captures: CustomerCaptures(table.captures, for: entry), relief: reliefs[tier.name],
                preference: preferences[tier.name], fallbacks: fallbacks[tier.name])
        }
        limits.keep(only: kept)
        return result
    }
}

extension TierEntry {
    /// With what is left of its limits of a minute.
    fileprivate func throttled(_ ppm: Int?) -> TierEntry {
        guard let ppm else { return self }
        var left = self
        left.requestsPerMinute = requestsPerMinute.throttled(ppm)
        left.tokensPerMinute = tokensPerMinute.throttled(ppm)
        left.burstRequests = burstRequests?.throttled(ppm)
        left.burstTokens = burstTokens?.throttled(ppm)
        return left
    }
}

extension KeyEntry {
    fileprivate func throttled(_ ppm: Int?) -> KeyEntry {
        guard let ppm else { return self }
        var left = self
        left.requestsPerMinute = requestsPerMinute?.throttled(ppm)
        left.tokensPerMinute = tokensPerMinute?.throttled(ppm)
        left.burstRequests = burstRequests?.throttled(ppm)
        left.burstTokens = burstTokens?.throttled(ppm)
        return left
    }
}

extension Int {
    /// Never nothing: who is throttled still gets on.
    fileprivate func throttled(_ ppm: Int) -> Int { Swift.max(1, self * ppm / 1_000_000) }
}
