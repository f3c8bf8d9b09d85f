/// What a person does not want to be done, also before anybody has thought of doing it.
package struct MitigationVeto: Sendable, Hashable {
    package var id: String
    /// The action, with all that the veto names; what it leaves open is all of it.
    package var target: MitigationTarget

    package init(id: String, target: MitigationTarget) {
        self.id = id
        self.target = target
    }

    /// Whether some of what a target is about is what the veto names: a target, too, is about all of what it leaves open.
    package func meets(_ other: MitigationTarget) -> Bool {
        func agree(_ named: String?, _ meant: String?) -> Bool { named == nil || meant == nil || named == meant }
        return target.action == other.action && agree(target.tier, other.tier) && agree(target.model, other.model)
            && agree(target.region, other.region) && agree(target.provider, other.provider) && agree(target.worker, other.worker)
            && agree(target.pool, other.pool) && agree(target.release, other.release) && agree(target.tenant, other.tenant)
            && agree(target.toModel, other.toModel) && agree(target.toRegion, other.toRegion)
    }
}

extension FleetView {
    /// With what is known of the worker that a target names, so that a veto may name its provider, pool or release.
    func described(_ target: MitigationTarget) -> MitigationTarget {
        guard let worker = workers.first(where: { $0.id == target.worker }) else { return target }
        var target = target
        (target.provider, target.region, target.model) = (worker.provider, worker.region, worker.model)
        (target.pool, target.release) = (worker.pool, worker.release)
        return target
    }
}
