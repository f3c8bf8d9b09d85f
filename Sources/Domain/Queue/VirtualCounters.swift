/// Virtual token counters of the tenants of one line (Sheng et al. 2024, arXiv 2401.00588, algorithm 2): the tenant with the least is served
/// next. Who comes back after an absence is lifted towards the least of those who wait, so that nobody saves up service and nobody pays for
/// what it used while nobody else wanted it. A little less than the least remains to who asks for little: a burst of a few requests goes
/// before the backlog of a neighbour.
struct VirtualCounters: Sendable {
    private static let mostKept = 4096

    private var counters: [String: Int64] = [:]
    /// Counter of the tenant that was served last, before it paid: nobody who waited had less.
    private var level: Int64 = 0

    func value(_ tenant: String) -> Int64 { counters[tenant] ?? 0 }

    /// The first request of a tenant that had none waiting.
    ///
    /// - Parameters:
    ///   - least: Least counter of those who wait; nil when nobody does.
    ///   - allowance: What it may be below that.
    mutating func join(_ tenant: String, least: Int64?, allowance: Int64) {
        counters[tenant] = max(value(tenant), (least ?? level) - allowance)
    }

    /// A request of the tenant is started, at the price that is expected.
    ///
    /// - Parameter waits: Whether requests of a tenant wait: forgotten, it would be taken for one that never was served, and go before all others for long.
    mutating func serve(_ tenant: String, cost: Int64, waits: (String) -> Bool) {
        let before = value(tenant)
        level = max(level, before)
        counters[tenant] = before + cost
        if counters.count > Self.mostKept { counters = counters.filter { $0.value > level - cost || waits($0.key) } }
    }

    /// The price is known: what was paid too much comes back, what was too little is paid now.
    mutating func settle(_ tenant: String, by difference: Int64) {
        guard let counter = counters[tenant] else { return }
        counters[tenant] = max(counter + difference, 0)
    }
}
