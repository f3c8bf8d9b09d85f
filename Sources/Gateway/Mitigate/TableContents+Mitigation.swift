import Domain
import PlimsollWire

extension TableContents {
    private static let whole = 1_000_000

    /// As this gateway serves from it: with what mitigations say of workers, releases and tenants, and without those that are over, that it does
    /// not know, or that are for another region's gateways.
    func mitigated(region: String, nowSeconds: Int64) -> TableContents {
        guard !mitigations.isEmpty else { return self }
        var served = self
        served.mitigations = mitigations.filter { $0.isFor(region) && $0.expiresAtSeconds > nowSeconds }
        for mitigation in served.mitigations { served.carryOut(mitigation) }
        // Who is left is known when pools and releases have their shares, in whatever order the table has these.
        served.holdReleases(region)
        for mitigation in served.mitigations { served.drain(mitigation) }
        return served
    }

    /// Seconds since 1970 at which the next of its mitigations is over; nil: none is in force.
    func mitigationEnd(after nowSeconds: Int64) -> Int64? {
        mitigations.lazy.map(\.expiresAtSeconds).filter { $0 > nowSeconds }.min()
    }

    private mutating func carryOut(_ mitigation: MitigationEntry) {
        switch mitigation.kind {
        case .warmPool, .reservedCapacity:
            for index in workers.indices where workers[index].pool == mitigation.pool && workers[index].weight == 0 {
                workers[index].weight = workers[index].standbyWeight ?? 0
            }
        case .throttleTenant:
            guard let tenant = mitigation.tenant, let share = mitigation.value else { return }
            let left = tenants[tenant]?.throttlePpm ?? Self.whole
            tenants[tenant]?.throttlePpm = min(left, max(share, 1))
        case .drainWorker, .restartWorker, .drainProvider, .rollBackImage, .backupRegion, .protectedPool, .shortenBatchWindow, .capOutput,
            .pauseLongPrompts, .fallbackModel, .shedTier, nil:
            break
        }
    }

    private mutating func drain(_ mitigation: MitigationEntry) {
        switch mitigation.kind {
        case .drainWorker, .restartWorker: drain { $0.id == mitigation.worker }
        case .drainProvider:
            drain { $0.provider == mitigation.provider && (mitigation.region == nil || $0.region == mitigation.region) }
        default: break
        }
    }

    /// A worker that is the last of its model in its region, or the last there for long prompts, stays: a bad answer is better than none, who is kept in the
    /// region has nothing of workers elsewhere, and health of workers is judged elsewhere.
    private mutating func drain(_ isMeant: (WorkerEntry) -> Bool) {
        let open = workers.indices.filter { !workers[$0].draining && workers[$0].weight > 0 }
        let others = open.map { workers[$0] }.filter { !isMeant($0) && models[$0.model]?.releaseWeights[$0.release] ?? 0 > 0 }
        let left = Set(others.map { place($0) })
        let leftToAll = Set(others.filter { servesAll($0) }.map { place($0) })
        for index in open where isMeant(workers[index]) {
            let heirs = servesAll(workers[index]) ? leftToAll : left
            if heirs.contains(place(workers[index])) { workers[index].draining = true }
        }
    }

    /// Who pays is left with nobody where only a provider with a low score is left.
    private func servesAll(_ worker: WorkerEntry) -> Bool {
        worker.lowScore != true || !tiers.values.contains { $0.queue?.isProtected ?? false }
    }

    private func place(_ worker: WorkerEntry) -> Place {
        let isLong = models[worker.model]?.longContextTokens != nil && worker.contextClass == .long
        return Place(model: worker.model, region: worker.region, isLong: isLong)
    }

    private struct Place: Hashable {
        let model: String
        let region: String
        /// Prompts of a length have workers of their own.
        let isLong: Bool
    }

    private mutating func holdReleases(_ region: String) {
        let rollBacks = Dictionary(grouping: mitigations.filter { $0.kind == .rollBackImage }, by: \.model)
        for (model, entries) in rollBacks { if let model { hold(Set(entries.compactMap(\.release)), of: model, in: region) } }
    }

    /// The others take the releases' share; where they have none, those that had it before take all. In a region that none of these serves a release goes on:
    /// who is kept there has nothing of workers elsewhere, and nobody knows yet what a release is worth that was only staged.
    private mutating func hold(_ held: Set<String>, of model: String, in region: String) {
        guard var weights = models[model]?.releaseWeights, held.contains(where: { weights[$0] ?? 0 > 0 }) else { return }
        let open = workers.filter { $0.model == model && !$0.draining && $0.weight > 0 }
        let near = open.filter { $0.region == region }
        let there = near.isEmpty ? open : near
        let heirs = there.contains { held.contains($0.release) && servesAll($0) } ? there.filter { servesAll($0) } : there
        let present = Set(heirs.map(\.release))
        let others = weights.filter { !held.contains($0.key) && present.contains($0.key) }
        let back = others.values.contains { $0 > 0 } ? others : former(others, of: model)
        guard !back.isEmpty else { return }
        for release in weights.keys where held.contains(release) { weights[release] = 0 }
        models[model]?.releaseWeights = weights.merging(back) { $1 }
    }

    /// The shares of those that had them last.
    private func former(_ releases: [String: Int], of model: String) -> [String: Int] {
        let shares = (models[model]?.formerShares ?? [:]).filter { releases[$0.key] != nil && $0.value.weightPpm > 0 }
        let last = FormerShares.last(shares.mapValues(\.lostAtSeconds))
        return shares.filter { last.contains($0.key) }.mapValues(\.weightPpm)
    }
}

extension MitigationEntry {
    /// What is said of workers, pools and releases holds wherever they are routed to.
    fileprivate func isFor(_ own: String) -> Bool {
        switch kind {
        case .drainWorker, .restartWorker, .drainProvider, .warmPool, .reservedCapacity, .protectedPool, .rollBackImage: true
        case .backupRegion, .shortenBatchWindow, .capOutput, .pauseLongPrompts, .throttleTenant, .fallbackModel, .shedTier:
            region == nil || region == own
        case nil: false
        }
    }
}
