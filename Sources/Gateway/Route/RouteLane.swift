import Domain
import PlimsollWire

/// The workers of a model that one set of rules allows, put in order when a table comes, so that no request has to look at all of them.
final class RouteLane: Sendable {
    /// The workers of one release that come first. A class, so that a choice copies a reference.
    final class Share: Sendable {
        let release: String
        let workers: [Worker]
        /// Where beginnings of prompts go that no worker has.
        let placements: PlacementTable

        init(release: String, workers: [Worker]) {
            self.release = release
            self.workers = workers
            placements = PlacementTable(workers.map(\.entry.id))
        }
    }

    /// Not draining, of releases with a share of the traffic.
    let workers: [Worker]
    /// Share of the traffic of each release that has workers, parts per million.
    let releases: [(name: String, weight: Int)]
    /// By release, of the gateway's own region where it has any.
    let shares: [Share]
    /// Share of the traffic of each element of `shares`.
    let weights: [Int]
    let byNumber: WorkerNumbers
    /// Tokens that its workers hold, each number once, the least first.
    private let contexts: [Int]
    /// Region whose workers come first.
    private let region: String
    private let preference: RoutePreference?

    init(_ entry: ModelEntry, workers all: [Worker], region own: String, rules: RouteRules = .everywhere) {
        preference = rules.preference
        region = preference?.region(for: entry.name) ?? own
        let region = region
        let allowed = rules.isOpen && rules.scores == .any ? all : all.filter(rules.allow)
        workers = allowed.filter { !$0.entry.draining && (entry.releaseWeights[$0.entry.release] ?? 0) > 0 && $0.entry.weight > 0 }
        contexts = Set(workers.map(\.entry.contextTokens)).sorted()
        let present = Set(workers.map(\.entry.release))
        releases = entry.releaseWeights.filter { present.contains($0.key) }.map { (name: $0.key, weight: $0.value) }.sorted { $0.name < $1.name }
        let own = workers.filter { $0.entry.region == region }
        let near = own.isEmpty ? workers : own
        let byRelease = Dictionary(grouping: preference?.first(of: near) ?? near, by: \.entry.release)
        let filled = releases.filter { byRelease[$0.name] != nil }
        shares = filled.map { release in
            let members = (byRelease[release.name] ?? []).sorted { $0.entry.id < $1.entry.id }
            return Share(release: release.name, workers: members)
        }
        weights = filled.map(\.weight)
        byNumber = WorkerNumbers(workers)
    }

    /// Prompts of one class are held by the same workers.
    func contextClass(of tokens: Int) -> Int { contexts.firstIndex { $0 >= tokens } ?? contexts.count }

    /// Of candidates those that come first, unless none does.
    func narrow(_ candidates: inout [Worker]) {
        let near = candidates.filter { $0.entry.region == region }
        if !near.isEmpty { candidates = near }
        if let preference { candidates = preference.first(of: candidates) }
    }

    /// It may go on with a conversation that it knows: while a preference holds, only those that come first may.
    func keepsConversation(_ worker: Worker) -> Bool {
        preference == nil || shares.contains { share in share.workers.contains { $0 === worker } }
    }

    /// Which release takes a request: the same one for all turns of a conversation.
    func share(_ key: UInt64, using random: inout LoopRandom) -> Share? {
        guard shares.count != 1 else { return shares[0] }
        var generator = key == 0 ? random : LoopRandom(seed: key)
        let index = ReleaseChoice.pick(weights, using: &generator)
        if key == 0 { random = generator }
        return index.map { shares[$0] }
    }
}
