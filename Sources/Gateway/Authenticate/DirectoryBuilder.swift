import Cryptography
import PlimsollWire

/// Makes directories out of tables, keeping what lives longer than a table: spent limits and the load of workers.
final class DirectoryBuilder: Sendable {
    /// Sets of rules for which workers are put in order ahead. With more, requests under rules look at all workers of their model.
    private static let mostRules = 256

    private let limits: LimitBook
    private let workers: WorkerBook
    private let queues = QueueBook()
    private let region: String
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
        let keys = keys(table, now: now)
        let rules = Set(keys.values.map(\.rules))
        let routes = ModelRoute.routes(
            table, workers: workers, queues: queues, region: region, rules: rules.count <= Self.mostRules ? rules : [])
        queues.keep(only: Set(table.models.keys))
        workers.keep(only: table.workers)
        return Directory(version: table.version, keys: keys, models: routes, prices: PriceBook(table.prices))
    }

    private func keys(_ table: TableContents, now: Int64) -> [SHA256Digest: CustomerKey] {
        var result: [SHA256Digest: CustomerKey] = [:]
        let share = GatewayShare(gateways: table.gateways, own: gateway)
        let offers = PlanOffers.all(table.tiers)
        let standings = TierStanding.standings(table.tiers)
        var kept: Set<String> = []
        for entry in table.keys.values {
            guard let digest = SHA256Digest(hex: entry.sha256Hex), let tenant = table.tenants[entry.tenant], let tier = table.tiers[tenant.tier],
                let standing = standings[tenant.tier]
            else { continue }
            let bounds = limits.limits(for: entry, tenant: tenant, tier: tier, share: share, now: now)
            kept.insert("key/" + entry.id)
            kept.insert("tenant/" + entry.tenant)
            result[digest] = CustomerKey(
                entry: entry, tenant: tenant, tier: tier, limits: bounds, standing: standing, offers: offers[tier.name] ?? PlanOffers())
        }
        limits.keep(only: kept)
        return result
    }
}
