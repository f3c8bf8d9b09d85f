import OpenAIWire
import PlimsollWire

/// What mitigations ask of a tier's requests while they are in force; a class, so that the request path copies a reference, and mostly none.
final class TierRelief: Sendable {
    /// What happened to a request for a mitigation's sake, as it is counted.
    enum Effect: String, CaseIterable {
        case capped = "cap_output"
        case paused = "pause_long_prompts"
        case fallback = "fallback_model"
        case shed = "shed_tier"
    }

    private struct Clause: Sendable {
        /// Nil: all.
        let model: String?
        let value: Int
    }

    private let caps: [Clause]
    private let pauses: [Clause]
    private let shed: [Clause]
    private let batches: [Clause]
    /// Model in place of a model.
    private let fallbacks: [String: String]

    /// Nil: nothing is asked of this tier.
    init?(_ mitigations: [MitigationEntry], tier: String) {
        let own = mitigations.filter { $0.tier == nil || $0.tier == tier }
        func clauses(_ action: MitigationEntry.Action) -> [Clause] {
            own.filter { $0.kind == action }.map { Clause(model: $0.model, value: max($0.value ?? 0, 1)) }
        }
        caps = clauses(.capOutput)
        pauses = clauses(.pauseLongPrompts)
        shed = clauses(.shedTier)
        batches = clauses(.shortenBatchWindow)
        let pairs = own.filter { $0.kind == .fallbackModel }.compactMap { entry in entry.model.flatMap { model in entry.toModel.map { (model, $0) } }
        }
        fallbacks = Dictionary(pairs, uniquingKeysWith: { first, _ in first })
        if caps.isEmpty, pauses.isEmpty, shed.isEmpty, batches.isEmpty, fallbacks.isEmpty { return nil }
    }

    /// Tokens that an answer of the model may have; nil: as many as the plan says.
    func outputCap(_ model: String) -> Int? { Self.least(caps, model) }

    /// Per cent of a worker's slots that requests of the service class batch may hold.
    func batchPercent(_ model: String) -> Int { min(Self.least(batches, model) ?? 100, 100) }

    /// No request to the model waits at its worker for others.
    func endsBatchWindow(_ model: String) -> Bool { Self.least(batches, model) != nil }

    /// What answers in the model's place; nil: itself.
    func fallback(for model: String) -> String? { fallbacks[model] }

    /// Why a request is asked to come later; nil: it is served.
    func refusal(_ model: String, promptTokens: Int) -> Effect? {
        if shed.contains(where: { $0.model == nil || $0.model == model }) { return .shed }
        guard let longest = Self.least(pauses, model), promptTokens > longest else { return nil }
        return .paused
    }

    private static func least(_ clauses: [Clause], _ model: String) -> Int? {
        clauses.lazy.filter { $0.model == nil || $0.model == model }.map(\.value).min()
    }
}

/// Which workers come first for a tier while a mitigation says so. Rules of customers stand above it.
struct RoutePreference: Sendable, Hashable {
    /// Region that comes first, by model; under the empty name for all others.
    let regions: [String: String]
    /// Pools that come first, and that come last.
    let pools: Set<String>
    let spared: Set<String>

    /// Nil: as always.
    init?(_ mitigations: [MitigationEntry], tier: String) {
        func isMeant(_ entry: MitigationEntry) -> Bool { entry.tier == nil || entry.tier == tier }
        let moves = mitigations.filter { $0.kind == .backupRegion && isMeant($0) }
        let protections = mitigations.filter { $0.kind == .protectedPool }
        regions = Dictionary(
            moves.compactMap { move in move.toRegion.map { (move.model ?? "", $0) } }, uniquingKeysWith: { first, _ in first })
        pools = Set(protections.filter(isMeant).compactMap(\.pool))
        spared = Set(protections.compactMap(\.pool)).subtracting(pools)
        if regions.isEmpty, pools.isEmpty, spared.isEmpty { return nil }
    }

    func region(for model: String) -> String? { regions[model] ?? regions[""] }

    /// Of workers of the region that comes first those that come first.
    func first(of workers: [Worker]) -> [Worker] {
        let preferred = workers.filter { pools.contains($0.entry.pool) }
        guard preferred.isEmpty else { return preferred }
        let others = workers.filter { !spared.contains($0.entry.pool) }
        return others.isEmpty ? workers : others
    }
}
