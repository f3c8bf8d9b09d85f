import HTTPWire
import OpenAIWire
import PlimsollWire

/// A model and the workers that serve it.
final class ModelRoute: Sendable {
    let entry: ModelEntry
    let tiers: Set<String>
    /// The name as a JSON string, quotes included.
    let quotedName: [UInt8]
    /// Not draining, of releases with a share of the traffic.
    let workers: [Worker]
    /// Share of the traffic of each release that has workers, parts per million.
    let releases: [(name: String, weight: Int)]
    /// Workers by release, of the gateway's own region where it has any: where a request without constraints goes.
    let preferred: [[Worker]]
    /// Share of the traffic of each element of `preferred`.
    let preferredWeights: [Int]
    /// Draining ones included.
    private let everyWorker: [Worker]

    /// - Parameter region: The gateway's own, whose workers come first.
    init(_ entry: ModelEntry, workers: [Worker], region: String) {
        self.entry = entry
        everyWorker = workers
        tiers = Set(entry.tiers)
        quotedName = BodyEdit.quoted(entry.name)
        self.workers = workers.filter { !$0.entry.draining && (entry.releaseWeights[$0.entry.release] ?? 0) > 0 && $0.entry.weight > 0 }
        let present = Set(self.workers.map(\.entry.release))
        releases = entry.releaseWeights.filter { present.contains($0.key) }.map { (name: $0.key, weight: $0.value) }.sorted { $0.name < $1.name }
        let own = self.workers.filter { $0.entry.region == region }
        let byRelease = Dictionary(grouping: own.isEmpty ? self.workers : own, by: \.entry.release)
        let shares = releases.compactMap { release in byRelease[release.name].map { (workers: $0, weight: release.weight) } }
        preferred = shares.map(\.workers)
        preferredWeights = shares.map(\.weight)
    }

    /// No worker of these regions (empty: of any) could take so many tokens, now or when it is back. False without workers, and while one of
    /// them has not said yet how long its context is.
    func isTooLong(_ tokens: Int, in regions: [String]) -> Bool {
        let allowed = everyWorker.filter { regions.isEmpty || regions.contains($0.entry.region) }
        return !allowed.isEmpty && !allowed.contains { $0.holds(tokens) || !$0.knowsItsContext }
    }

    var description: ModelDescription {
        ModelDescription(id: entry.name, created: entry.createdAtSeconds, contextLength: entry.contextTokens)
    }

    static func routes(_ table: TableContents, workers book: WorkerBook, region: String) -> [String: ModelRoute] {
        let denied = Set(table.denied.compactMap { $0.identity.split(separator: "/").last.map(String.init) })
        var byModel: [String: [Worker]] = [:]
        for entry in table.workers where !denied.contains(entry.host) {
            byModel[entry.model, default: []].append(book.worker(entry))
        }
        return table.models.mapValues { ModelRoute($0, workers: byModel[$0.name] ?? [], region: region) }
    }
}
