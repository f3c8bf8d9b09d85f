import Domain
import NIOCore
import Synchronization

/// What this gateway itself has in flight at a worker, how fast that goes, and whether the worker is in rotation. Lives as long as the worker
/// is in tables; shared by all loops, without a lock.
final class WorkerTally: Sendable {
    /// Never 0, and no other worker's of this process.
    let number: UInt32
    let id: String
    let mark: WorkerMark
    private let watch: FleetWatch?
    let drill = DrillMark()

    private let count = Atomic<Int>(0)
    /// Tokens of KV cache that its requests are likely to use.
    private let cacheTokens = Atomic<Int>(0)
    /// Of the places, those of requests that make way for others.
    private let yieldingPlaces = Atomic<Int>(0)
    /// So many of them are to be given up now.
    private let placesAsked = Atomic<Int>(0)
    private let reportSeen = Atomic<UInt64>(0)
    private let cacheTokensThen = Atomic<Int>(0)
    private let holdings = TenantHoldings()
    private let prompts = Atomic<Int>(0)
    private let outputs = Atomic<Int>(0)
    // Pace, as smoothed means; 0: not known.
    private let prefillNanoseconds = Atomic<Int64>(0)
    private let interToken = Atomic<Int64>(0)
    private let longestGap = Atomic<Int64>(0)
    private let answerTokens = Atomic<Int>(0)
    // Since the last look of the watch.
    private let firstTokens = Atomic<Int>(0)
    private let firstTokenSum = Atomic<Int64>(0)
    // Streams.
    private let streams = Atomic<Int>(0)
    private let stalledStreams = Atomic<Int>(0)
    // Written by the watch.
    private let avoided = Atomic<Bool>(false)
    private let pool = Atomic<UInt8>(0)
    private let rotationSince = Atomic<Int64>(0)
    private let hasFailed = Atomic<Bool>(false)

    init(number: UInt32 = 1, id: String = "", watch: FleetWatch? = nil) {
        self.number = number
        self.id = id
        mark = WorkerMark(of: id)
        self.watch = watch
    }

    /// A drill cuts its worker off.
    var isCut: Bool { drill.isCut }

    // MARK: Load

    /// Places that are taken. Ordered with the count of those who wait: who frees a place sees the one who waits for it, or that one sees the
    /// free place.
    var inFlight: Int { count.load(ordering: .sequentiallyConsistent) }
    var heldTokens: Int { cacheTokens.load(ordering: .relaxed) }

    /// What was held when this report was first looked at.
    func heldTokens(at report: UInt64) -> Int {
        if reportSeen.exchange(report, ordering: .relaxed) != report { cacheTokensThen.store(heldTokens, ordering: .relaxed) }
        return cacheTokensThen.load(ordering: .relaxed)
    }

    func holding(_ tenant: UInt64) -> Holding { holdings.holding(tenant) }

    /// What requests of tiers of this rank hold, 0 the greatest.
    func holding(of rank: Int) -> Holding { holdings.holding(of: rank) }
    func holding(above rank: Int) -> Holding { holdings.holding(above: rank) }

    /// Takes a place if fewer than `limit` are taken.
    func take(_ need: PlaceNeed, limit: Int) -> Bool {
        guard count.wrappingAdd(1, ordering: .sequentiallyConsistent).oldValue < limit else {
            count.wrappingSubtract(1, ordering: .sequentiallyConsistent)
            return false
        }
        cacheTokens.wrappingAdd(need.tokens, ordering: .relaxed)
        if need.yields { yieldingPlaces.wrappingAdd(1, ordering: .relaxed) }
        holdings.add(need)
        return true
    }

    func free(_ need: PlaceNeed) {
        cacheTokens.wrappingSubtract(need.tokens, ordering: .relaxed)
        if need.yields { yieldingPlaces.wrappingSubtract(1, ordering: .relaxed) }
        holdings.remove(need)
        count.wrappingSubtract(1, ordering: .sequentiallyConsistent)
    }

    var yielding: Int { yieldingPlaces.load(ordering: .relaxed) }

    /// That many running requests are to make way, of those that do.
    func ask(forPlaces count: Int) {
        if placesAsked.load(ordering: .relaxed) != count { placesAsked.store(count, ordering: .relaxed) }
    }

    /// True: whoever asks makes way.
    func takesPlaceAsked() -> Bool {
        var asked = placesAsked.load(ordering: .relaxed)
        while asked > 0 {
            let (exchanged, original) = placesAsked.weakCompareExchange(expected: asked, desired: asked - 1, ordering: .relaxed)
            if exchanged { return true }
            asked = original
        }
        return false
    }

    /// Of prompts whose first token has not come.
    var promptTokens: Int { prompts.load(ordering: .relaxed) }
    /// That running answers are likely to have.
    var outputTokens: Int { outputs.load(ordering: .relaxed) }

    func begin(promptTokens: Int = 0, outputTokens: Int = 0) {
        prompts.wrappingAdd(promptTokens, ordering: .relaxed)
        outputs.wrappingAdd(outputTokens, ordering: .relaxed)
    }

    func readPrompt(_ tokens: Int) { prompts.wrappingSubtract(tokens, ordering: .relaxed) }

    func finish(outputTokens: Int = 0) {
        outputs.wrappingSubtract(outputTokens, ordering: .relaxed)
    }

    // MARK: Pace

    var pace: WorkerPace {
        let (prefill, gap) = (prefillNanoseconds.load(ordering: .relaxed), interToken.load(ordering: .relaxed))
        return WorkerPace(
            prefillNanoseconds: prefill == 0 ? WorkerPace.usual.prefillNanoseconds : prefill,
            interTokenMicroseconds: gap == 0 ? WorkerPace.usual.interTokenMicroseconds : gap)
    }

    /// Tokens that an answer of this worker usually has.
    var usualAnswer: Int {
        let known = answerTokens.load(ordering: .relaxed)
        return known == 0 ? 256 : known
    }

    /// Microseconds without a token after which a stream stands still: ten times the longest gap of usual answers, and two seconds at least.
    var stallTime: Int64 { max(2_000_000, longestGap.load(ordering: .relaxed) * 10) }

    /// - Parameters:
    ///   - after: Microseconds since the attempt began.
    ///   - tokens: Of prompts that the worker had to read until then.
    func learnFirstToken(after: Int64, tokens: Int) {
        learn(prefillNanoseconds, after * 1000 / Int64(max(tokens, 64)))
        firstTokens.wrappingAdd(1, ordering: .relaxed)
        firstTokenSum.wrappingAdd(after, ordering: .relaxed)
    }

    /// A stream came to its end.
    func learnAnswer(tokens: Int, after: Int64, longestGap gap: Int64) {
        let known = answerTokens.load(ordering: .relaxed)
        answerTokens.store(known == 0 ? tokens : known + (tokens - known) / 8, ordering: .relaxed)
        guard tokens >= 8 else { return }
        learn(interToken, max(1, after / Int64(tokens - 1)))
        learn(longestGap, gap)
    }

    /// Two loops may learn at once and one sample be lost: it is a mean.
    private func learn(_ mean: borrowing Atomic<Int64>, _ sample: Int64) {
        mean.store(WorkerPace.smoothed(mean.load(ordering: .relaxed), max(sample, 1)), ordering: .relaxed)
    }

    /// Mean time to the first token over at least so many requests; then counting begins anew. Nil while there are fewer.
    func takeFirstTokenMean(least: Int) -> Int64? {
        let samples = firstTokens.load(ordering: .relaxed)
        guard samples >= least else { return nil }
        firstTokens.wrappingSubtract(samples, ordering: .relaxed)
        return firstTokenSum.exchange(0, ordering: .relaxed) / Int64(samples)
    }

    // MARK: Health

    func beginStream() { streams.wrappingAdd(1, ordering: .relaxed) }
    func endStream() { streams.wrappingSubtract(1, ordering: .relaxed) }
    func stall() { stalledStreams.wrappingAdd(1, ordering: .relaxed) }
    func unstall() { stalledStreams.wrappingSubtract(1, ordering: .relaxed) }

    /// It has streams, and none of them moves.
    var isStalled: Bool {
        let stalled = stalledStreams.load(ordering: .relaxed)
        return stalled > 0 && stalled >= streams.load(ordering: .relaxed)
    }

    /// An attempt failed before the first byte of an answer.
    func failed(now: Int64) {
        hasFailed.store(true, ordering: .relaxed)
        watch?.failed(id, now: now)
    }

    func succeeded() {
        guard hasFailed.load(ordering: .relaxed) else { return }
        hasFailed.store(false, ordering: .relaxed)
        watch?.answered(id)
    }

    /// Others are to be asked while there are any.
    var isAvoided: Bool { avoided.load(ordering: .relaxed) }

    /// Of those that can stand in for it.
    var poolHealth: FleetHealth.PoolHealth { FleetHealth.PoolHealth(rawValue: pool.load(ordering: .relaxed)) ?? .well }

    /// Its weight while it starts slowly, and a tenth of it when its last attempt failed: one that fails at once is idle, and would be chosen
    /// before all that work.
    func weight(of whole: Int, now: Int64) -> Int {
        let weight = SlowStart.weight(whole, since: rotationSince.load(ordering: .relaxed), now: now)
        return hasFailed.load(ordering: .relaxed) ? max(1, weight / 10) : weight
    }

    func take(_ standing: FleetHealth.Standing) {
        avoided.store(standing.isAvoided, ordering: .relaxed)
        pool.store(standing.pool.rawValue, ordering: .relaxed)
        rotationSince.store(standing.since, ordering: .relaxed)
    }
}
