/// Which targets could help against a trouble, in the order of the runbook, and what each costs.
package struct MitigationLadder: Sendable {
    /// Tokens of an answer, and of a prompt, that are left to tiers to which nothing is promised.
    package static let cappedOutput = 256
    package static let longPrompt = 2_000
    /// Per cent of a worker's slots that requests of the service class batch may hold.
    package static let batchShare = 25
    /// Parts per million of its limits that a noisy tenant keeps.
    package static let throttle = 250_000

    let fleet: FleetView
    /// What sends requests to other regions now.
    private let moved: [MitigationTarget]

    /// - Parameter standing: What is in force.
    package init(fleet: FleetView, standing: [MitigationTarget] = []) {
        self.fleet = fleet
        moved = standing.filter { $0.action == .backupRegion }
    }

    package func targets(_ trouble: Trouble) -> [MitigationTarget] {
        MitigationAction.runbook.filter(trouble.remedies.contains).flatMap { targets($0, trouble) }
    }

    /// What is known of it now. Moving requests, and leaving out who fails, costs nothing beyond what is paid anyway.
    ///
    /// - Parameter workers: How many more there are to be, where the worker count is raised.
    package func cost(_ target: MitigationTarget, workers: Int = 1) -> MitigationCost {
        switch target.action {
        case .warmPool, .reservedCapacity: MitigationCost(microUsd: price(target))
        case .shortenBatchWindow: MitigationCost(lessenedRequests: fleet.demand.sum(target, \.batchRequests))
        case .capOutput: MitigationCost(shortenedTokens: fleet.demand.sum(target, \.tokensAboveCap))
        case .pauseLongPrompts: MitigationCost(refusedRequests: fleet.demand.sum(target, \.longPrompts))
        case .shedTier: MitigationCost(refusedRequests: fleet.demand.sum(target, \.requests))
        case .fallbackModel: MitigationCost(lessenedRequests: fleet.demand.sum(target, \.requests))
        case .throttleTenant:
            MitigationCost(
                refusedRequests: target.tenant.flatMap { fleet.demand.tenants[$0] }?.refused(leaving: Int64(target.value ?? Self.throttle)) ?? 0)
        case .raiseWorkers: MitigationCost(microUsd: priceOfOneMore(target).map { $0 * Int64(workers) })
        case .restartWorker, .drainWorker, .drainProvider, .backupRegion, .protectedPool, .rollBackImage, .raiseLimit, .sellCapacity, .reviewProvider:
            .nothing
        }
    }

    /// Of a worker where the model is served, the cheapest.
    private func priceOfOneMore(_ target: MitigationTarget) -> Int64? {
        let pools = Set(
            fleet.workers.lazy.filter { (target.model ?? $0.model) == $0.model && (target.region ?? $0.region) == $0.region }.map(\.pool))
        return fleet.pools.filter { pools.contains($0.name) }.compactMap(\.hourPriceMicroUsd).min()
    }

    /// Of the pool's workers that stand by.
    private func price(_ target: MitigationTarget) -> Int64? {
        let waiting = Int64(fleet.workers.count { $0.pool == target.pool && $0.isStandby })
        guard waiting > 0 else { return 0 }
        return fleet.pools.first { $0.name == target.pool }?.hourPriceMicroUsd.map { $0 * waiting }
    }

    /// A provider that is bad for one model is not known to be for another one, which it serves there too.
    private func drains(_ trouble: Trouble) -> [MitigationTarget] {
        guard let provider = trouble.provider else { return [] }
        let servesOthers = fleet.workers.contains {
            $0.provider == provider && $0.region == trouble.region && $0.isServing && $0.model != trouble.model
        }
        guard trouble.signal == .providerHealth || !servesOthers else { return [] }
        return [MitigationTarget(.drainProvider, region: trouble.region, provider: provider)]
    }

    private func targets(_ action: MitigationAction, _ trouble: Trouble) -> [MitigationTarget] {
        switch action {
        case .restartWorker: restarts(trouble)
        case .drainWorker: trouble.worker.map { [MitigationTarget(action, worker: $0)] } ?? []
        case .drainProvider: drains(trouble)
        case .reviewProvider: trouble.provider.map { [MitigationTarget(action, provider: $0)] } ?? []
        case .warmPool: standby(.warm, action, trouble)
        case .reservedCapacity: standby(.reserved, action, trouble)
        case .backupRegion: moves(trouble)
        case .protectedPool: protections(trouble)
        case .raiseWorkers: [MitigationTarget(action, model: trouble.model, region: trouble.region)]
        case .shortenBatchWindow: [MitigationTarget(action, model: trouble.model, region: trouble.region, value: Self.batchShare)]
        case .rollBackImage: (trouble.release ?? trouble.suspect).map { [MitigationTarget(action, model: trouble.model, release: $0)] } ?? []
        case .capOutput: lesser(action, trouble, value: Self.cappedOutput)
        // What they refuse are failures of the tier itself: as a remedy for those they would stay for ever.
        case .pauseLongPrompts: trouble.tier.map(isProtected) ?? true ? lesser(action, trouble, value: Self.longPrompt) : []
        case .shedTier: trouble.tier.map(isProtected) ?? true ? lesser(action, trouble, value: nil) : []
        case .throttleTenant: trouble.tenant.map { [MitigationTarget(action, region: trouble.region, tenant: $0, value: Self.throttle)] } ?? []
        case .sellCapacity, .raiseLimit: trouble.tenant.map { [MitigationTarget(action, tenant: $0)] } ?? []
        case .fallbackModel: fallbacks(trouble)
        }
    }

    /// The worker, or those of the provider whose runtimes are at fault.
    private func restarts(_ trouble: Trouble) -> [MitigationTarget] {
        if let worker = trouble.worker { return [MitigationTarget(.restartWorker, worker: worker)] }
        guard let provider = trouble.provider else { return [] }
        return fleet.workers.filter {
            $0.provider == provider && (trouble.region == nil || $0.region == trouble.region) && $0.runtime.isFaulty && $0.runtime.isRestartable
        }.map(\.id).sorted().map { MitigationTarget(.restartWorker, worker: $0) }
    }

    /// Without a person: only a tenant to which nothing is promised or that asks for more than what is, and never for a tier that ranks below its own.
    package func mayThrottle(_ trouble: Trouble) -> Bool {
        guard let tenant = trouble.tenant, let own = fleet.tiers.first(where: { $0.name == trouble.tenantTier }) else { return false }
        let sufferer = sufferers(trouble).first?.rank ?? 0
        return own.rank <= sufferer && (!own.isProtected || fleet.demand.aboveLimits.contains(tenant))
    }

    private func isProtected(_ tier: String) -> Bool { fleet.tiers.first { $0.name == tier }?.isProtected ?? false }

    /// Of the tiers that suffer, who is protected first stands first.
    private func sufferers(_ trouble: Trouble) -> [FleetView.Tier] {
        fleet.tiers.filter { trouble.tier == nil || $0.name == trouble.tier }.sorted { ($1.rank, $0.name) < ($0.rank, $1.name) }
    }

    /// Pools that stand by with workers of the model which requests reach, those of the region first, then the cheapest.
    private func standby(_ kind: FleetView.Pool.Kind, _ action: MitigationAction, _ trouble: Trouble) -> [MitigationTarget] {
        let ready = Set(fleet.workers.lazy.filter { $0.isStandby && helps($0, trouble) }.map(\.pool))
        func order(_ pool: FleetView.Pool) -> (Int, Int64, String) {
            (pool.region == trouble.region || trouble.region == nil ? 0 : 1, pool.hourPriceMicroUsd ?? .max, pool.name)
        }
        return fleet.pools.filter { $0.kind == kind && ready.contains($0.name) }.sorted { order($0) < order($1) }
            .map { MitigationTarget(action, pool: $0.name) }
    }

    /// It serves the model, in the region, or in one to which requests of those who suffer are moved now: hosts of any other have no links to the region's
    /// gateways.
    private func helps(_ worker: FleetView.Worker, _ trouble: Trouble) -> Bool {
        guard (trouble.model ?? worker.model) == worker.model, trouble.tier.map({ mayServe(worker, $0) }) ?? true else { return false }
        guard let region = trouble.region, worker.region != region else { return true }
        return moved.contains { move in
            move.region == region && move.toRegion == worker.region && (move.model ?? worker.model) == worker.model
                && (trouble.tier == nil || move.tier == nil || move.tier == trouble.tier)
        }
    }

    /// Whose provider has a low score serves nobody to whom something is promised.
    private func mayServe(_ worker: FleetView.Worker, _ tier: String) -> Bool { !worker.hasLowScore || !isProtected(tier) }

    private func moves(_ trouble: Trouble) -> [MitigationTarget] {
        sufferers(trouble).filter(\.isProtected).flatMap { tier in
            fleet.terms.filter { terms in
                terms.tier == tier.name && (trouble.model == nil || terms.model == trouble.model)
                    && (trouble.region == nil || terms.region == trouble.region)
            }.compactMap { terms in
                guard let backup = terms.backupRegion, fleet.workers.contains(where: { serves($0, terms.model, backup) && mayServe($0, tier.name) })
                else { return nil }
                return MitigationTarget(.backupRegion, tier: tier.name, model: terms.model, region: terms.region, toRegion: backup)
            }
        }
    }

    private func serves(_ worker: FleetView.Worker, _ model: String, _ region: String) -> Bool {
        worker.isServing && worker.model == model && worker.region == region
    }

    /// The tier that is protected first has reserved pools to itself as long as they last.
    private func protections(_ trouble: Trouble) -> [MitigationTarget] {
        guard let tier = fleet.tiers.filter(\.isProtected).max(by: { ($0.rank, $1.name) < ($1.rank, $0.name) }) else { return [] }
        return fleet.pools.filter { pool in
            pool.kind == .reserved
                && fleet.workers.contains { worker in
                    worker.pool == pool.name && worker.isServing && mayServe(worker, tier.name)
                        && (trouble.model == nil || worker.model == trouble.model)
                        && (trouble.region == nil || worker.region == trouble.region)
                }
        }.map { MitigationTarget(.protectedPool, tier: tier.name, pool: $0.name) }
    }

    /// Tiers to which nothing is promised.
    private func lesser(_ action: MitigationAction, _ trouble: Trouble, value: Int?) -> [MitigationTarget] {
        fleet.tiers.filter { !$0.isProtected }.sorted { ($0.rank, $0.name) < ($1.rank, $1.name) }
            .map { MitigationTarget(action, tier: $0.name, model: trouble.model, region: trouble.region, value: value) }
    }

    /// Where terms name one: from those who are protected last, and of nobody who ranks above the one that suffers. For a forecast its own tier pays alone.
    private func fallbacks(_ trouble: Trouble) -> [MitigationTarget] {
        let sufferers = sufferers(trouble)
        let payers = fleet.tiers.filter { tier in
            sufferers.contains { $0.name == tier.name || trouble.signal != .budgetEnding && tier.rank < $0.rank }
        }
        return payers.sorted { ($0.rank, $0.name) < ($1.rank, $1.name) }.flatMap { tier in
            fleet.terms.filter { terms in
                terms.tier == tier.name && (trouble.model == nil || terms.model == trouble.model)
                    && (trouble.region == nil || terms.region == trouble.region)
            }.compactMap { terms -> MitigationTarget? in
                guard let model = terms.fallbackModel, terms.isFallbackAgreed, model != terms.model,
                    fleet.workers.contains(where: { $0.isServing && $0.model == model && mayServe($0, tier.name) })
                else { return nil }
                return MitigationTarget(.fallbackModel, tier: tier.name, model: terms.model, region: terms.region, toModel: model)
            }
        }
    }
}
