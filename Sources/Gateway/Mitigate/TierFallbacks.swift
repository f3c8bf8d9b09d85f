import PlimsollWire

/// Fallbacks that may serve a tier's requests while they are in force; a class, so that the request path looks at a reference, and mostly at none.
final class TierFallbacks: Sendable {
    private struct Move: Sendable {
        let mitigation: String
        let region: String
    }

    /// Mitigations by the model in whose place another one answers.
    private let models: [String: String]
    /// By the model whose workers of another region come first; under the empty name for all others.
    private let moves: [String: Move]
    /// Mitigations by the pool that is called in, for all tiers.
    private let pools: [String: String]

    /// Nil: there are none.
    ///
    /// - Parameter home: The gateway's own region.
    init?(_ mitigations: [MitigationEntry], tier: String, home: String) {
        let own = mitigations.filter { $0.tier == nil || $0.tier == tier }
        models = Dictionary(
            own.filter { $0.kind == .fallbackModel && $0.toModel != nil }.compactMap { entry in entry.model.map { ($0, entry.id) } },
            uniquingKeysWith: { first, _ in first })
        moves = Dictionary(
            own.filter { $0.kind == .backupRegion && $0.toRegion != home }.compactMap { entry in
                entry.toRegion.map { (entry.model ?? "", Move(mitigation: entry.id, region: $0)) }
            }, uniquingKeysWith: { first, _ in first })
        pools = Dictionary(
            mitigations.filter { $0.kind == .warmPool || $0.kind == .reservedCapacity }.compactMap { entry in entry.pool.map { ($0, entry.id) } },
            uniquingKeysWith: { first, _ in first })
        if models.isEmpty, moves.isEmpty, pools.isEmpty { return nil }
    }

    /// A request for the model may be served by one of them.
    func touches(_ model: String) -> Bool {
        !pools.isEmpty || models[model] != nil || moves[model] != nil || moves[""] != nil
    }

    /// Id of the one that served; nil: it was served as always. One answer is one's alone: that which changes it most.
    ///
    /// - Parameters:
    ///   - asked: The model that the customer named, and `served` the one that answered.
    ///   - worker: That answered; nil: none did.
    func mitigation(asked: String, served: String, worker: WorkerEntry?) -> String? {
        if asked != served, let known = models[asked] { return known }
        guard let worker else { return nil }
        if let move = moves[served] ?? moves[""], move.region == worker.region { return move.mitigation }
        // Of a pool that serves in any case nothing is a fallback.
        return worker.standbyWeight == nil ? nil : pools[worker.pool]
    }
}
