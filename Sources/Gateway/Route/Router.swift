import Domain
import PlimsollWire

/// Chooses a worker for an attempt: the one that has the prompt's beginning in its cache, or the less loaded of two. One for each loop.
struct Router {
    /// What one attempt asks for.
    struct Question: Sendable {
        var model: ModelRoute
        var rules = RouteRules.everywhere
        /// Tokens that the prompt takes at least: a worker with a shorter context is out of the question.
        var contextTokens: Int
        /// Tokens that it is likely to take: workers that hold as many are preferred.
        var likelyTokens = 0
        /// By what the prompt is known again, salted by tenant; 0: by nothing.
        var conversation: UInt64 = 0
        /// By what its beginning is that other conversations share; 0: nothing.
        var opening: UInt64 = 0
        var openingTokens = 0
        /// Hosts and, where several are on one host, workers that failed this request.
        var triedHosts: [String] = []
        /// Provider of the worker that failed last; another one is preferred.
        var lastProvider: String?
        /// Only workers of this release will do.
        var release: String?
        /// Microseconds of the monotonic clock.
        var now: Int64 = 0

        /// What it takes of a worker; nil: whatever room there is.
        var need: PlaceNeed?

        /// The worker may serve it, now or when there is room.
        ///
        /// - Parameter view: Of all who ask in the same turn.
        func allows(_ worker: Worker, _ view: inout RotationView) -> Bool {
            guard canUse(worker) else { return false }
            return rules.allow(worker) || rules.isPaid && rules.withoutScores.allow(worker) && !view.isServedByScore(self)
        }

        /// The same of a worker that its rules allow.
        func canUse(_ worker: Worker) -> Bool {
            worker.isReachable && suits(worker)
        }

        /// The same of one that cannot be reached now.
        func suits(_ worker: Worker) -> Bool {
            guard worker.holds(contextTokens) else { return false }
            if let release, worker.entry.release != release { return false }
            return !triedHosts.contains(worker.entry.host)
        }

        /// Why it cannot use a worker.
        func bar(_ worker: Worker) -> RoutingChoice.Bar {
            guard worker.holds(contextTokens) else { return .short }
            return worker.isReachable ? .tried : .unreachable
        }

        /// A worker that it may use can be reached, with room or without.
        var isServed: Bool { lane.workers.contains(where: canUse) }

        /// Where it may go. A promise that pays goes to providers with a good score, and to any other rather than to nobody, but for those with a low one.
        var lane: RouteLane { rules.isPaid && !isServedByScore ? model.lane(rules.withoutScores) : model.lane(rules) }

        private var isServedByScore: Bool { model.lane(rules).workers.contains { canUse($0) && !$0.tally.isAvoided } }

        var isFirst: Bool { triedHosts.isEmpty && lastProvider == nil && release == nil }
    }

    /// The last choice, to be explained.
    private(set) var choice = RoutingChoice()
    /// Of the last choice: tokens of the prompt that its worker is likely to hold already.
    private(set) var cachedTokens = 0
    private var affinity = AffinityTable()
    private let metrics: FleetMetrics

    init(metrics: FleetMetrics = FleetMetrics()) {
        self.metrics = metrics
    }

    /// Nil when no worker can take the request now.
    ///
    /// - Parameter remembers: The conversation goes on there, as far as is known.
    mutating func pick(_ question: Question, remembers: Bool = true, using random: inout LoopRandom) -> Worker? {
        let lane = question.lane
        begin(lane)
        guard let worker = quickPick(question, lane, using: &random) ?? pickAmongAll(question, lane, using: &random) else { return nil }
        note(question, worker)
        if remembers { remember(question, worker) }
        choice.take(worker.tally.number)
        return worker
    }

    /// The queue has given it this worker.
    mutating func adopt(_ question: Question, _ worker: Worker) {
        let lane = question.lane
        begin(lane)
        var unbound = question
        unbound.need = nil
        considerOwners(unbound, lane, release: worker.entry.release)
        let isOwner = choice.has(worker.tally.number)
        if !isOwner { cachedTokens = 0 }
        note(question, worker)
        remember(question, worker)
        if !isOwner { add(worker, .queued, question, cached: 0) }
        choice.take(worker.tally.number)
    }

    private mutating func begin(_ lane: RouteLane) {
        choice = RoutingChoice()
        choice.workers = UInt32(truncatingIfNeeded: lane.workers.count)
        cachedTokens = 0
    }

    /// A few workers are drawn before they are looked at, so that the cost of a choice does not grow with the fleet. Nil: all must be looked
    /// at, because others have failed this request or none of the few will do.
    private mutating func quickPick(_ question: Question, _ lane: RouteLane, using random: inout LoopRandom) -> Worker? {
        guard question.isFirst, let share = lane.share(question.conversation, using: &random), !share.workers.isEmpty else { return nil }
        considerOwners(question, lane, of: share)
        if choice.count == 0, question.conversation != 0, let place = share.placements.member(question.conversation) {
            consider(share.workers[place], .placed, question)
        }
        let count = share.workers.count
        let first = Int.random(in: 0..<count, using: &random)
        consider(share.workers[first], .drawn, question)
        if count > 1 {
            let second = Int.random(in: 0..<count - 1, using: &random)
            consider(share.workers[second >= first ? second + 1 : second], .drawn, question)
        }
        return choice.chosen.flatMap { lane.byNumber[$0] }
    }

    private mutating func considerOwners(_ question: Question, _ lane: RouteLane, of share: RouteLane.Share) {
        considerOwners(question, lane, release: share.release)
    }

    private mutating func considerOwners(_ question: Question, _ lane: RouteLane, release: String) {
        let seconds = UInt32(truncatingIfNeeded: question.now / 1_000_000)
        for (key, isWhole) in [(question.conversation, true), (question.opening, false)] where key != 0 && choice.count == 0 {
            guard let entry = affinity.entry(key, now: seconds) else { continue }
            let (first, second, third, fourth) = entry.owners
            let cached = isWhole ? Int(entry.tokens) : question.openingTokens
            for number in [first, second, third, fourth] where number != 0 {
                guard let worker = lane.byNumber[number], worker.entry.release == release, lane.keepsConversation(worker) else { continue }
                consider(worker, .owner, question, cached: cached)
            }
        }
    }

    private mutating func consider(_ worker: Worker, _ role: RoutingChoice.Role, _ question: Question, cached: Int = 0) {
        if let bar = bar(worker, question) { return choice.bar(bar) }
        if role == .owner { cachedTokens = cached }
        add(worker, role, question, cached: cached)
    }

    private mutating func add(_ worker: Worker, _ role: RoutingChoice.Role, _ question: Question, cached: Int) {
        let cost = worker.cost(uncachedTokens: max(question.likelyTokens - cached, 0), now: question.now)
        choice.consider(
            RoutingChoice.Candidate(
                worker: worker.tally.number, role: role, price: worker.slotPrice, cost: cost, mark: worker.tally.mark))
    }

    private mutating func pickAmongAll(_ question: Question, _ lane: RouteLane, using random: inout LoopRandom) -> Worker? {
        begin(lane)
        var candidates = lane.workers.filter { worker in
            guard let bar = hardBar(worker, question) else { return true }
            choice.bar(bar)
            return false
        }
        guard !candidates.isEmpty else { return nil }
        narrow(&candidates, .short) { $0.holds(question.likelyTokens) }
        narrow(&candidates, .avoided) { !$0.tally.isAvoided }
        let all = candidates.count
        lane.narrow(&candidates)
        choice.bar(.passed, all - candidates.count)
        if let last = question.lastProvider { narrow(&candidates, .passed) { $0.entry.provider != last } }
        if lane.releases.count > 1 {
            let weights = lane.releases.map { release in candidates.contains { $0.entry.release == release.name } ? release.weight : 0 }
            if let index = ReleaseChoice.pick(weights, using: &random) {
                narrow(&candidates, .passed) { $0.entry.release == lane.releases[index].name }
            }
        }
        for _ in 0..<2 {
            let index = Int.random(in: 0..<candidates.count, using: &random)
            add(candidates.remove(at: index), .drawn, question, cached: 0)
            if candidates.isEmpty { break }
        }
        return choice.chosen.flatMap { lane.byNumber[$0] }
    }

    private mutating func note(_ question: Question, _ worker: Worker) {
        let number = worker.tally.number
        let role = choice.role(of: number) ?? .drawn
        if role != .owner { cachedTokens = 0 }
        metrics.count(role)
    }

    /// The worker has, or will have, the prompt in its cache.
    mutating func remember(_ question: Question, _ worker: Worker) {
        let number = worker.tally.number
        let seconds = UInt32(truncatingIfNeeded: question.now / 1_000_000)
        if question.conversation != 0 {
            affinity.note(question.conversation, owner: number, tokens: question.likelyTokens, now: seconds)
        }
        if question.opening != 0 { affinity.note(question.opening, owner: number, tokens: question.openingTokens, now: seconds) }
    }

    /// Why the worker is no candidate while there are others; nil: it is one.
    private func bar(_ worker: Worker, _ question: Question) -> RoutingChoice.Bar? {
        if let bar = hardBar(worker, question) { return bar }
        guard worker.holds(question.likelyTokens) else { return .short }
        return worker.tally.isAvoided ? .avoided : nil
    }

    /// Why it could not take the request now, were it the only one.
    private func hardBar(_ worker: Worker, _ question: Question) -> RoutingChoice.Bar? {
        guard question.canUse(worker) else { return question.bar(worker) }
        return question.need.map { worker.hasRoom(for: $0) } ?? true ? nil : .full
    }

    /// Keeps those that fit, unless none does.
    private mutating func narrow(_ candidates: inout [Worker], _ bar: RoutingChoice.Bar, _ fits: (Worker) -> Bool) {
        guard candidates.contains(where: fits) else { return }
        let all = candidates.count
        candidates.removeAll { !fits($0) }
        choice.bar(bar, all - candidates.count)
    }
}
