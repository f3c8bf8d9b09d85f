/// What there is to mitigate with: the fleet as it would serve if nothing were mitigated.
package struct FleetView: Sendable {
    package struct Worker: Sendable, Equatable {
        package var id: String
        package var provider: String
        package var region: String
        package var model: String
        package var release: String
        package var pool: String
        /// It would take requests: its host speaks, it is not draining, its runtime is ready, and itself, its pool, provider and release have a weight.
        package var isServing: Bool
        /// It is ready, and only its pool's weight keeps requests away.
        package var isStandby: Bool
        /// It is ready, and only the weight of its release keeps requests away.
        package var awaitsShare = false
        /// Its release has a share of its model's requests, whether the worker lives or not.
        package var hasShare = true
        /// Seconds since 1970 at which its release lost its share; nil: it has one, or never had.
        package var lostShareAt: Int64?
        /// Gateways have it among those that may take requests, whether it lives or not: neither it nor its pool or provider is without a weight, and its
        /// host is not drained.
        package var isOpen = true
        package var runtime: Runtime
        /// Its provider may serve tiers with a promise, by its score.
        package var isAdmitted = true
        /// Its provider's score is low: it serves no tier with a promise, whoever else is left.
        package var hasLowScore = false

        package init(
            id: String, provider: String, region: String, model: String, release: String = "", pool: String = "", isServing: Bool = true,
            isStandby: Bool = false, runtime: Runtime = Runtime()
        ) {
            self.id = id
            self.provider = provider
            self.region = region
            self.model = model
            self.release = release
            self.pool = pool
            self.isServing = isServing
            self.isStandby = isStandby
            self.runtime = runtime
        }
    }

    /// What is known of a worker's runtime for whoever thinks of starting it again.
    package struct Runtime: Sendable, Equatable {
        /// Gateways have it out for what it answers, while its host is well.
        package var isFaulty: Bool
        /// Its agent can start it again; else a person must.
        package var isRestartable: Bool
        package var isRestarting: Bool
        /// Restarts that were ordered within the last hour, by whomever.
        package var restartsLately: Int
        /// It is not ready yet, and will be.
        package var isStarting = false

        package init(isFaulty: Bool = false, isRestartable: Bool = false, isRestarting: Bool = false, restartsLately: Int = 0) {
            self.isFaulty = isFaulty
            self.isRestartable = isRestartable
            self.isRestarting = isRestarting
            self.restartsLately = restartsLately
        }
    }

    package struct Pool: Sendable, Equatable {
        package enum Kind: String, Sendable {
            case shared, warm, reserved
        }

        package var name: String
        package var kind: Kind
        package var region: String
        /// Of one accelerator for an hour; nil: not known.
        package var hourPriceMicroUsd: Int64?

        package init(name: String, kind: Kind, region: String, hourPriceMicroUsd: Int64? = nil) {
            self.name = name
            self.kind = kind
            self.region = region
            self.hourPriceMicroUsd = hourPriceMicroUsd
        }
    }

    package struct Tier: Sendable, Equatable {
        package var name: String
        /// Greater is protected first.
        package var rank: Int
        /// Something is promised to it: nothing is taken from it but what its terms name.
        package var isProtected: Bool

        package init(name: String, rank: Int, isProtected: Bool) {
            self.name = name
            self.rank = rank
            self.isProtected = isProtected
        }
    }

    /// What a SKU names for trouble.
    package struct Terms: Sendable, Equatable {
        package var model: String
        package var tier: String
        package var region: String
        package var backupRegion: String?
        package var fallbackModel: String?
        /// No contract in force keeps the fallback's model from answering.
        package var isFallbackAgreed = true
        /// Its fallback held in a drill of the last 30 days.
        package var isDrilled: Bool
        /// It is sold with workers that serve in both regions (`warm_regional`).
        package var isWarm = false

        package init(
            model: String, tier: String, region: String, backupRegion: String? = nil, fallbackModel: String? = nil, isDrilled: Bool = false
        ) {
            self.isDrilled = isDrilled
            self.model = model
            self.tier = tier
            self.region = region
            self.backupRegion = backupRegion
            self.fallbackModel = fallbackModel
        }
    }

    package var workers: [Worker]
    package var pools: [Pool]
    package var tiers: [Tier]
    package var terms: [Terms]
    /// Those that may be asked for workers now.
    package var scalers: [Scaler]
    /// Empty: not known, or nobody asks.
    package var demand: Demand
    /// What running drills take out of service.
    package var drilled: [MitigationTarget] = []

    package init(
        workers: [Worker] = [], pools: [Pool] = [], tiers: [Tier] = [], terms: [Terms] = [], scalers: [Scaler] = [], demand: Demand = Demand()
    ) {
        self.demand = demand
        self.scalers = scalers
        self.workers = workers
        self.pools = pools
        self.tiers = tiers
        self.terms = terms
    }

    /// The target takes these out of service.
    package func drained(by target: MitigationTarget) -> [Worker] {
        switch target.action {
        case .drainWorker: workers.filter { $0.id == target.worker }
        // What serves nobody is not missed while it starts again.
        case .restartWorker: workers.filter { $0.id == target.worker && $0.isServing }
        case .drainProvider: workers.filter { $0.provider == target.provider && (target.region == nil || $0.region == target.region) }
        default: []
        }
    }

    /// While all these are in force, each model is still served in each region in which it is now, and where others could serve it, by them.
    package func survives(_ targets: some Sequence<MitigationTarget>) -> Bool { deserted(by: Array(targets)) == nil }

    /// The first place in which these together leave nobody to serve a model; nil: they leave somebody everywhere.
    ///
    /// A customer who is kept in a region has nothing of workers elsewhere. What nobody else could ever serve in a region and nobody serves there now is
    /// left out: nothing is lost with it.
    package func deserted(by targets: [MitigationTarget]) -> Place? { places(desertedBy: targets).min() }

    /// Places that these leave to nobody beside others and what drills take, and that somebody serves without them.
    func places(desertedBy targets: [MitigationTarget], beside others: [MitigationTarget]) -> Set<Place> {
        let given = others + drilled
        return places(desertedBy: given + targets).subtracting(places(desertedBy: given))
    }

    /// The first place that a drain, a restart or a roll-back leaves to nobody beside what is in force and what drills take, and that somebody serves without
    /// it; nil: there is none.
    package func place(lostBy target: MitigationTarget, beside standing: [MitigationTarget]) -> Place? {
        if target.action == .rollBackImage { return place(lostByRollingBack: target, beside: standing) }
        return target.action.isUrgent ? places(desertedBy: [target], beside: standing).min() : nil
    }

    /// Drains make way for a roll-back, so that only those are missed who take nothing for other reasons.
    private func place(lostByRollingBack target: MitigationTarget, beside standing: [MitigationTarget]) -> Place? {
        let moves = standing.filter(\.action.movesRequests)
        let away = Set(drilled.flatMap { drained(by: $0).map(\.id) })
        func served(_ moves: [MitigationTarget]) -> Set<Place> {
            let takers = takers(moves)
            return Set(workers.lazy.filter { takers.contains($0.id) && !away.contains($0.id) }.map(\.place))
        }
        return served(moves).subtracting(served(moves + [target])).min()
    }

    private func places(desertedBy targets: [MitigationTarget]) -> Set<Place> {
        everyPlace(desertedBy: targets).union(promised?.everyPlace(desertedBy: targets) ?? [])
    }

    /// With those alone who may serve what is promised, where that makes a difference: the others are nobody to it.
    private var promised: FleetView? {
        guard tiers.contains(where: \.isProtected), workers.contains(where: \.hasLowScore) else { return nil }
        var able = self
        able.workers.removeAll(where: \.hasLowScore)
        return able
    }

    private func everyPlace(desertedBy targets: [MitigationTarget]) -> Set<Place> {
        let gone = Set(targets.flatMap { drained(by: $0).map(\.id) })
        guard !gone.isEmpty else { return [] }
        let takers = takers(targets)
        let elsewhere = Set(workers.lazy.filter { !gone.contains($0.id) }.map(\.place))
        let touched = workers.lazy.filter { worker in
            gone.contains(worker.id) && (worker.isServing || takers.contains(worker.id) || elsewhere.contains(worker.place))
        }
        let left = Set(workers.lazy.filter { takers.contains($0.id) && !gone.contains($0.id) }.map(\.place))
        return Set(touched.map(\.place)).subtracting(left)
    }

    /// Ids of those who take requests while pools are called in and releases are rolled back by these. Gateways give the share of what is rolled back to the
    /// others of their region, and all to those that had one last where none has one; they leave a model as it is that has no such release there.
    private func takers(_ targets: [MitigationTarget]) -> Set<String> {
        let called = Set(targets.lazy.filter(\.action.callsIn).compactMap(\.pool))
        func isCalled(_ worker: Worker) -> Bool { worker.isStandby && called.contains(worker.pool) }
        func serves(_ worker: Worker) -> Bool { worker.isServing || isCalled(worker) }
        let rollBacks = targets.filter { $0.action == .rollBackImage }
        guard !rollBacks.isEmpty else { return Set(workers.lazy.filter(serves).map(\.id)) }
        func isHeld(_ worker: Worker) -> Bool {
            rollBacks.contains { $0.release == worker.release && ($0.model ?? worker.model) == worker.model }
        }
        let yielding = Set(workers.lazy.filter { isHeld($0) && $0.hasShare }.map(\.model))
        return Dictionary(grouping: workers, by: \.place).values.reduce(into: []) { takers, own in
            let others = own.filter { !isHeld($0) && ($0.isOpen || isCalled($0)) }
            let sharing = others.filter(\.hasShare)
            if !sharing.isEmpty { return takers.formUnion(sharing.filter(serves).map(\.id)) }
            let back = own.contains { yielding.contains($0.model) } ? Self.former(others) : []
            takers.formUnion(back.isEmpty ? own.filter(serves).map(\.id) : back.filter(\.awaitsShare).map(\.id))
        }
    }

    /// Those whose releases had a share last.
    private static func former(_ workers: [Worker]) -> [Worker] {
        let lostAt = workers.compactMap { worker in worker.lostShareAt.map { (worker.release, $0) } }
        let last = FormerShares.last(Dictionary(lostAt, uniquingKeysWith: max))
        return workers.filter { last.contains($0.release) }
    }
}

extension FleetView {
    /// Where a model is served.
    package struct Place: Sendable, Hashable, Comparable {
        package var model: String
        package var region: String

        /// For refusals.
        package var text: String { "\(model) in \(region)" }

        package static func < (one: Place, other: Place) -> Bool { (one.model, one.region) < (other.model, other.region) }
    }
}

extension FleetView.Worker {
    package var place: FleetView.Place { FleetView.Place(model: model, region: region) }
}

/// Something that is wrong, in the policy's terms: an open incident.
package struct Trouble: Sendable {
    package var id: String
    package var signal: IncidentSignal
    /// Nil: of all.
    package var tier: String?
    package var model: String?
    package var region: String?
    package var provider: String?
    package var worker: String?
    /// Who sends far more than usual.
    package var tenant: String?
    /// Of that tenant; nil: not known.
    package var tenantTier: String?
    /// A release that took over lately and is worse than the others by evidence.
    package var release: String?
    /// A release that took over lately, of which too little is known.
    package var suspect: String?
    /// A drill made it.
    package var isDrill: Bool
    /// A budget that is spent slowly: a person has hours for it.
    package var isSlowBurn = false
    /// Seconds of one clock: when it was first seen, and when last.
    package var since: Int64
    package var lastSeen: Int64
    /// Times as fast as usual that its clean time goes by, for a drill.
    package var haste: Int64

    package init(
        id: String, signal: IncidentSignal, tier: String? = nil, model: String? = nil, region: String? = nil, provider: String? = nil,
        worker: String? = nil, tenant: String? = nil, tenantTier: String? = nil, release: String? = nil, suspect: String? = nil, since: Int64,
        lastSeen: Int64, haste: Int64 = 1, isDrill: Bool = false
    ) {
        self.isDrill = isDrill
        self.id = id
        self.signal = signal
        self.tier = tier
        self.model = model
        self.region = region
        self.provider = provider
        self.worker = worker
        self.tenant = tenant
        self.tenantTier = tenantTier
        self.release = release
        self.suspect = suspect
        self.since = since
        self.lastSeen = lastSeen
        self.haste = haste
    }
}
