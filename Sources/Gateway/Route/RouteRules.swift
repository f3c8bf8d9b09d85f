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
    let scores: Scores

    /// What is asked of the scores of workers' providers.
    enum Scores: Sendable, Hashable {
        case any
        /// No low one, whoever else is left.
        case notLow
        /// One that allows a promise that pays.
        case good

        func admit(_ entry: WorkerEntry) -> Bool {
            switch self {
            case .any: true
            case .notLow: entry.lowScore != true
            case .good: entry.paid != false && entry.lowScore != true
            }
        }
    }

    /// - Parameter isPaid: For a promise that pays.
    init(regions: [String], trust: [String]?, preference: RoutePreference? = nil, isPaid: Bool = false) {
        self.init(regions: regions, trust: trust, preference: preference, scores: isPaid ? .good : .any)
    }

    private init(regions: [String], trust: [String]?, preference: RoutePreference?, scores: Scores) {
        self.regions = regions.sorted()
        self.trust = trust?.sorted()
        self.preference = preference
        self.scores = scores
    }

    /// Workers of providers with a good score are wanted, and others that have no low one only while none of them can be asked.
    var isPaid: Bool { scores == .good }

    /// Nothing is asked but what the gateway does by itself, whatever is asked of scores.
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

    /// The same for whom nobody with a good score is left: a promise that pays goes to providers that were not measured enough, and never to a low score.
    var withoutScores: RouteRules { RouteRules(regions: regions, trust: trust, preference: preference, scores: isPaid ? .notLow : scores) }

    func allow(_ worker: Worker) -> Bool { allowPlace(of: worker) && scores.admit(worker.entry) }

    /// Whatever its provider's score is.
    func allowPlace(of worker: Worker) -> Bool {
        (regions.isEmpty || regions.contains(worker.entry.region)) && (trust?.contains(worker.trustClass) ?? true)
    }
}
