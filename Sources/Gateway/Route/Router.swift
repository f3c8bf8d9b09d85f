import PlimsollWire
import Domain

/// Fast random numbers for choices and ids; nothing secret hangs on them. One for each loop (xoshiro256**, Blackman and Vigna 2018).
struct LoopRandom: RandomNumberGenerator {
    private var state: (UInt64, UInt64, UInt64, UInt64)

    init() {
        var system = SystemRandomNumberGenerator()
        state = (system.next() | 1, system.next(), system.next(), system.next())
    }

    mutating func next() -> UInt64 {
        let product = state.1 &* 5
        let result = (product << 7 | product >> 57) &* 9
        let shifted = state.1 << 17
        state.2 ^= state.0
        state.3 ^= state.1
        state.1 ^= state.2
        state.0 ^= state.3
        state.2 ^= shifted
        state.3 = state.3 << 45 | state.3 >> 19
        return result
    }
}

/// Chooses a worker for an attempt.
struct Router {
    /// Region of this gateway: its own workers come first.
    let region: String

    /// What one attempt asks for.
    struct Question {
        var model: ModelRoute
        /// Empty: everywhere.
        var allowedRegions: [String]
        /// Tokens that the prompt takes at least: a worker with a shorter context is out of the question.
        var contextTokens: Int
        /// Tokens that it is likely to take: workers that hold as many are preferred.
        var likelyTokens = 0
        /// Hosts and, where several are on one host, workers that failed this request.
        var triedHosts: [String] = []
        /// Provider of the worker that failed last; another one is preferred.
        var lastProvider: String?
    }

    /// Nil when no worker can take the request now.
    func pick(_ question: Question, using random: inout LoopRandom) -> Worker? {
        quickPick(question, using: &random) ?? pickAmongAll(question, using: &random)
    }

    /// Two workers are drawn before they are looked at, so that the cost of a choice does not grow with the fleet. Nil: all must be looked
    /// at, because the request has constraints or neither of the two will do.
    private func quickPick(_ question: Question, using random: inout LoopRandom) -> Worker? {
        guard question.allowedRegions.isEmpty, question.triedHosts.isEmpty, question.lastProvider == nil else { return nil }
        let model = question.model
        guard let share = model.preferred.count == 1 ? 0 : ReleaseChoice.pick(model.preferredWeights, using: &random) else { return nil }
        let workers = model.preferred[share]
        let unfit = Int64.max - 1
        let index = WorkerChoice.pick(
            count: workers.count, weight: { workers[$0].entry.weight },
            cost: { isFit(workers[$0], question) ? workers[$0].cost : unfit }, using: &random)
        return index.map { workers[$0] }.flatMap { isFit($0, question) ? $0 : nil }
    }

    private func pickAmongAll(_ question: Question, using random: inout LoopRandom) -> Worker? {
        var candidates = question.model.workers.filter { isCandidate($0, question) }
        guard candidates.count > 1 else { return candidates.first }
        narrow(&candidates) { $0.holds(question.likelyTokens) }
        narrow(&candidates) { !$0.tally.isResting }
        narrow(&candidates) { $0.entry.region == region }
        if let last = question.lastProvider { narrow(&candidates) { $0.entry.provider != last } }
        let releases = question.model.releases
        if releases.count > 1 {
            let weights = releases.map { release in candidates.contains { $0.entry.release == release.name } ? release.weight : 0 }
            if let index = ReleaseChoice.pick(weights, using: &random) { narrow(&candidates) { $0.entry.release == releases[index].name } }
        }
        let index = WorkerChoice.pick(
            count: candidates.count, weight: { candidates[$0].entry.weight }, cost: { candidates[$0].cost }, using: &random)
        return index.map { candidates[$0] }
    }

    private func isFit(_ worker: Worker, _ question: Question) -> Bool {
        isCandidate(worker, question) && worker.holds(question.likelyTokens) && !worker.tally.isResting
    }

    private func isCandidate(_ worker: Worker, _ question: Question) -> Bool {
        guard question.allowedRegions.isEmpty || question.allowedRegions.contains(worker.entry.region) else { return false }
        guard worker.holds(question.contextTokens), worker.isReachable else { return false }
        return !question.triedHosts.contains(worker.entry.host)
    }

    /// Keeps those that fit, unless none does.
    private func narrow(_ candidates: inout [Worker], _ fits: (Worker) -> Bool) {
        guard candidates.contains(where: fits) else { return }
        candidates.removeAll { !fits($0) }
    }
}
