import PlimsollWire

/// Requests of one loop that wait for a lease to be admitted, in the order in which they came. They hold their bodies meanwhile, so there are so many and
/// no more.
struct LeaseWaits {
    private static let most = 1_000
    /// Of one tenant, whose midnight is not everybody's.
    private static let mostOfTenant = 250

    private(set) var requests: [RelayedRequest] = []
    private var tenants: [String: Int] = [:]

    /// False: there are as many as may wait. Of a tenant no more wait than it may have running.
    mutating func add(_ request: RelayedRequest) -> Bool {
        let key = request.arriving.key
        let count = tenants[key.tenant.id, default: 0]
        guard requests.count < Self.most, count < min(Self.mostOfTenant, max(1, key.limits.tenant.concurrentLimit)) else { return false }
        requests.append(request)
        tenants[key.tenant.id] = count + 1
        return true
    }

    mutating func remove(_ request: RelayedRequest) {
        // Who looks at them all finds each at the front.
        guard let index = requests.firstIndex(where: { $0 === request }) else { return }
        requests.remove(at: index)
        let tenant = request.arriving.key.tenant.id
        let left = (tenants[tenant] ?? 1) - 1
        tenants[tenant] = left > 0 ? left : nil
    }
}
