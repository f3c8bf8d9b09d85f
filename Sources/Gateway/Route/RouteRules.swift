import PlimsollWire

/// Where a customer's requests may go.
struct RouteRules: Sendable, Hashable {
    /// Trust class of a worker of which the table says nothing.
    static let standardTrust = "standard"
    static let everywhere = RouteRules(regions: [], trust: nil)

    /// Empty: everywhere.
    let regions: [String]
    /// Trust classes of workers; nil: all.
    let trust: [String]?
    /// Which of them come first; nil: those of the gateway's region.
    let preference: RoutePreference?
    /// Only workers of providers whose score allows a promise that pays, while one of them can be asked.
    let isPaid: Bool

    init(regions: [String], trust: [String]?, preference: RoutePreference? = nil, isPaid: Bool = false) {
        self.regions = regions.sorted()
        self.trust = trust?.sorted()
        self.preference = preference
        self.isPaid = isPaid
    }

    /// Nothing is asked but what the gateway does by itself.
    var isOpen: Bool { regions.isEmpty && trust == nil && preference == nil }

    /// A tenant's rules, narrowed by those of one of its keys.
    init(_ tenant: TenantEntry, _ key: KeyEntry, _ preference: RoutePreference? = nil, isPaid: Bool = false) {
        let trust: [String]?
        switch (tenant.allowedTrustClasses, key.allowedTrustClasses) {
        case (let tenants?, let keys?): trust = tenants.filter(keys.contains)
        case (let one, let other): trust = one ?? other
        }
        self.init(regions: tenant.allowedRegions, trust: trust, preference: preference, isPaid: isPaid)
    }

    /// The same, whatever providers' scores are.
    var withoutScores: RouteRules { RouteRules(regions: regions, trust: trust, preference: preference) }

    func allow(_ worker: Worker) -> Bool {
        (regions.isEmpty || regions.contains(worker.entry.region)) && (trust?.contains(worker.trustClass) ?? true)
            && (!isPaid || worker.entry.paid != false)
    }
}
