import HTTPWire
import OpenAIWire
import PlimsollWire
import Synchronization

/// A model and the workers that serve it.
final class ModelRoute: Sendable {
    let entry: ModelEntry
    let tiers: Set<String>
    /// The name as a JSON string, quotes included.
    let quotedName: [UInt8]
    /// Who waits for these workers.
    let queue: ModelQueue
    /// Of long prompts, with workers of their own; nil: they go where all go.
    private let long: ModelRoute?
    /// For customers without rules of their own.
    private let open: RouteLane
    private let lanes: [RouteRules: RouteLane]
    /// Of rules that were not told at the beginning, made when the first request asks for them: to make one costs as much as thousands of choices.
    private let rareLanes = Mutex<[RouteRules: RouteLane]>([:])
    private static let mostRareLanes = 256
    private let region: String
    /// Draining ones included.
    private let everyWorker: [Worker]
    /// What keeps some worker away.
    private let barring: Set<RouteRules.Scores>

    /// - Parameters:
    ///   - region: The gateway's own, whose workers come first.
    ///   - rules: That customers have.
    init(
        _ entry: ModelEntry, workers: [Worker], region: String, rules: Set<RouteRules> = [], queue: ModelQueue = ModelQueue(),
        long: ModelRoute? = nil
    ) {
        self.entry = entry
        self.queue = queue
        self.long = long
        self.region = region
        everyWorker = workers
        let barring = Set([RouteRules.Scores.notLow, .good].filter { scores in !workers.allSatisfy { scores.admit($0.entry) } })
        self.barring = barring
        tiers = Set(entry.tiers)
        quotedName = BodyEdit.quoted(entry.name)
        open = RouteLane(entry, workers: workers, region: region)
        var lanes: [RouteRules: RouteLane] = [:]
        for rule in rules.union(rules.map(\.withoutScores)) where !rule.isOpen || barring.contains(rule.scores) {
            lanes[rule] = RouteLane(entry, workers: workers, region: region, rules: rule)
        }
        self.lanes = lanes
        queue.serve(from: open.workers)
    }

    /// Its name stands there, as a JSON string.
    func isNamed(in bytes: UnsafeRawBufferPointer, at range: Range<Int>) -> Bool { bytes.holds(quotedName, at: range) }

    /// Where a prompt of so many tokens goes.
    func route(for tokens: Int) -> ModelRoute {
        guard let long, tokens > entry.longContextTokens ?? .max else { return self }
        return long
    }

    /// Ids of those that take long prompts and no others.
    var longWorkers: [String] { long?.everyWorker.map(\.entry.id) ?? [] }

    func lane(_ rules: RouteRules) -> RouteLane {
        if rules.isOpen, !barring.contains(rules.scores) { return open }
        return lanes[rules] ?? rareLane(rules)
    }

    private func rareLane(_ rules: RouteRules) -> RouteLane {
        if let known = rareLanes.withLock({ $0[rules] }) { return known }
        // Not behind the lock, where other loops would wait for it.
        let made = RouteLane(entry, workers: everyWorker, region: region, rules: rules)
        return rareLanes.withLock { lanes in
            if let known = lanes[rules] { return known }
            if lanes.count >= Self.mostRareLanes { lanes.removeAll() }
            lanes[rules] = made
            return made
        }
    }

    /// A worker takes requests now, and one takes long prompts where those have workers of their own.
    var isServed: Bool { isServed(under: .everywhere) }

    /// The same for these rules: who pays is not served by a provider with a low score.
    func isServed(under rules: RouteRules) -> Bool {
        lane(rules.withoutScores).workers.contains { $0.isReachable } && long?.isServed(under: rules) ?? true
    }

    /// No worker that these rules allow could take so many tokens, now or when it is back. False without workers, and while one of them has not
    /// said yet how long its context is.
    func isTooLong(_ tokens: Int, under rules: RouteRules) -> Bool {
        let allowed = everyWorker.filter(rules.allowPlace(of:))
        return !allowed.isEmpty && !allowed.contains { $0.holds(tokens) }
    }

    /// Throws where the model is not for this endpoint.
    func checkServes(_ endpoint: GenerationEndpoint) throws(APIError) {
        let kind: ModelKind = endpoint == .embeddings ? .embedding : .generation
        guard (entry.kind ?? .generation) != kind else { return }
        let message = kind == .embedding ? "This model makes no embeddings." : "This model makes embeddings and nothing else."
        throw APIError(.unsupportedEndpoint, message: message, param: "model")
    }

    var description: ModelDescription {
        ModelDescription(id: entry.name, created: entry.createdAtSeconds, contextLength: entry.contextTokens)
    }

    static func routes(
        _ table: TableContents, workers book: WorkerBook, queues: QueueBook = QueueBook(), region: String, rules: Set<RouteRules> = []
    ) -> [String: ModelRoute] {
        let denied = Set(table.denied.compactMap { $0.identity.split(separator: "/").last.map(String.init) })
        var byModel: [String: [Worker]] = [:]
        for entry in table.workers where !denied.contains(entry.host) {
            byModel[entry.model, default: []].append(book.worker(entry))
        }
        return table.models.mapValues { route($0, workers: byModel[$0.name] ?? [], queues: queues, region: region, rules: rules) }
    }

    /// With a route for long prompts where the model has a threshold and workers on either side of it.
    private static func route(
        _ entry: ModelEntry, workers: [Worker], queues: QueueBook, region: String, rules: Set<RouteRules>
    ) -> ModelRoute {
        let queue = queues.queue(entry.name, .standard)
        let long = entry.longContextTokens == nil ? [] : workers.filter { $0.entry.contextClass == .long }
        guard !long.isEmpty, long.count < workers.count else {
            return ModelRoute(entry, workers: workers, region: region, rules: rules, queue: queue)
        }
        let route = ModelRoute(entry, workers: long, region: region, rules: rules, queue: queues.queue(entry.name, .long))
        let standard = workers.filter { $0.entry.contextClass != .long }
        return ModelRoute(entry, workers: standard, region: region, rules: rules, queue: queue, long: route)
    }
}
