import HTTPWire
import OpenAIWire
import PlimsollWire

/// A model and the workers that serve it.
final class ModelRoute: Sendable {
    let entry: ModelEntry
    let tiers: Set<String>
    /// The name as a JSON string, quotes included.
    let quotedName: [UInt8]
    /// For customers without rules of their own.
    private let open: RouteLane
    private let lanes: [RouteRules: RouteLane]
    private let region: String
    /// Draining ones included.
    private let everyWorker: [Worker]

    /// - Parameters:
    ///   - region: The gateway's own, whose workers come first.
    ///   - rules: That customers have.
    init(_ entry: ModelEntry, workers: [Worker], region: String, rules: Set<RouteRules> = []) {
        self.entry = entry
        self.region = region
        everyWorker = workers
        tiers = Set(entry.tiers)
        quotedName = BodyEdit.quoted(entry.name)
        open = RouteLane(entry, workers: workers, region: region)
        var lanes: [RouteRules: RouteLane] = [:]
        for rule in rules where rule != .everywhere { lanes[rule] = RouteLane(entry, workers: workers.filter(rule.allow), region: region) }
        self.lanes = lanes
    }

    func lane(_ rules: RouteRules) -> RouteLane {
        if rules.regions.isEmpty, rules.trust == nil { return open }
        return lanes[rules] ?? RouteLane(entry, workers: everyWorker.filter(rules.allow), region: region)
    }

    /// No worker that these rules allow could take so many tokens, now or when it is back. False without workers, and while one of them has not
    /// said yet how long its context is.
    func isTooLong(_ tokens: Int, under rules: RouteRules) -> Bool {
        let allowed = everyWorker.filter(rules.allow)
        return !allowed.isEmpty && !allowed.contains { $0.holds(tokens) || !$0.knowsItsContext }
    }

    var description: ModelDescription {
        ModelDescription(id: entry.name, created: entry.createdAtSeconds, contextLength: entry.contextTokens)
    }

    static func routes(
        _ table: TableContents, workers book: WorkerBook, region: String, rules: Set<RouteRules> = []
    ) -> [String: ModelRoute] {
        let denied = Set(table.denied.compactMap { $0.identity.split(separator: "/").last.map(String.init) })
        var byModel: [String: [Worker]] = [:]
        for entry in table.workers where !denied.contains(entry.host) {
            byModel[entry.model, default: []].append(book.worker(entry))
        }
        return table.models.mapValues { ModelRoute($0, workers: byModel[$0.name] ?? [], region: region, rules: rules) }
    }
}
