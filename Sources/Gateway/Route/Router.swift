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
    let book: WorkerBook
    /// Region of this gateway: its own workers come first.
    let region: String

    /// What one attempt asks for.
    struct Question {
        var model: ModelRoute
        /// Empty: everywhere.
        var allowedRegions: [String]
        /// Tokens that prompt and answer may take.
        var contextTokens: Int
        /// Hosts and, where several are on one host, workers that failed this request.
        var triedHosts: [String] = []
        /// Provider of the worker that failed last; another one is preferred.
        var lastProvider: String?
    }

    /// Nil when no worker can take the request now.
    func pick(_ question: Question, using random: inout LoopRandom) -> Worker? {
        let all = question.model.workers
        // The common case in few steps: one or two workers, none of them tried.
        var candidates: [Worker] = []
        candidates.reserveCapacity(all.count)
        for worker in all where isCandidate(worker, question) { candidates.append(worker) }
        guard candidates.count > 1 else { return candidates.first }
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

    private func isCandidate(_ worker: Worker, _ question: Question) -> Bool {
        guard question.allowedRegions.isEmpty || question.allowedRegions.contains(worker.entry.region) else { return false }
        guard worker.entry.contextTokens >= question.contextTokens || worker.entry.contextTokens == 0 else { return false }
        return !question.triedHosts.contains(worker.entry.host) && book.isReachable(worker)
    }

    /// Keeps those that fit, unless none does.
    private func narrow(_ candidates: inout [Worker], _ fits: (Worker) -> Bool) {
        guard candidates.contains(where: fits) else { return }
        candidates.removeAll { !fits($0) }
    }
}
