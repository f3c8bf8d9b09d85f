package import NIOCore
import PlimsollWire
import Synchronization

/// What is known now about a worker: its own last report and what this gateway has in flight over links. Safe from any thread.
package final class WorkerLoad: Sendable {
    private static let unknown = -1
    private static let givingTime: Int64 = 1_000_000

    private let ready = Atomic(false)
    private let runningNow = Atomic(0)
    private let waitingNow = Atomic(0)
    private let waitingLong = Atomic(0)
    private let kvPerMille = Atomic(unknown)
    private let kvCapacity = Atomic(unknown)
    private let othersNow = Atomic(0)
    private let othersBefore = Atomic(0)
    private let open = Atomic(0)
    private let othersRunning = Atomic(0)
    private let othersWaiting = Atomic(0)
    private let wanted = Atomic(0)
    private let yielding = Atomic(0)
    private let given = Atomic(0)
    private let givenSince = Atomic<Int64>(0)
    private let answerToWants = Mutex<(@Sendable () -> Void)?>(nil)
    private let reported = Atomic<UInt64>(0)
    private let lastLoss = Atomic<UInt64>(0)

    package init() {}

    /// The last report of its host said that it is ready and that the host takes requests. False before the first report.
    package var isReady: Bool { ready.load(ordering: .relaxed) }
    /// It has been ready at some time since this gateway knows it.
    var hasBeenReady: Bool { isReady || lastLoss.load(ordering: .relaxed) > 0 }
    package var running: Int { runningNow.load(ordering: .relaxed) }
    package var waiting: Int { waitingNow.load(ordering: .relaxed) }
    /// So many have waited in both of the last two reports: what comes at once waits for a moment in every runtime.
    var waitingSteadily: Int { waitingLong.load(ordering: .relaxed) }
    /// Exchanges of this gateway that are not over.
    package var inFlight: Int { open.load(ordering: .relaxed) }

    /// Requests of other gateways, by the last report: what it told beyond what this gateway had in flight.
    var foreign: (running: Int, waiting: Int) {
        (othersRunning.load(ordering: .relaxed), othersWaiting.load(ordering: .relaxed))
    }

    /// Thousandths; nil where the runtime does not say.
    var kvUsedPermille: Int? {
        let used = kvPerMille.load(ordering: .relaxed)
        return used == Self.unknown ? nil : used
    }

    /// 0 to 1; nil where the runtime does not say.
    package var kvUsedRatio: Double? {
        let used = kvPerMille.load(ordering: .relaxed)
        return used == Self.unknown ? nil : Double(used) / 1000
    }

    /// Tokens that its KV cache holds; nil where the host does not say.
    var kvTokens: Int? {
        let tokens = kvCapacity.load(ordering: .relaxed)
        return tokens == Self.unknown ? nil : tokens
    }

    /// Requests of other gateways that its host relayed at the time of the last reports: those that it counted and that were not this gateway's.
    /// Of two reports the lesser, because what was on its way when a report was made is counted on one side only.
    var others: Int { min(othersNow.load(ordering: .relaxed), othersBefore.load(ordering: .relaxed)) }

    /// So many running requests of shared tiers are to make way there for protected ones of other gateways that would be late.
    var placesWanted: Int { wanted.load(ordering: .relaxed) }

    /// So many of other gateways make way when they are asked; told while this one asks.
    var yieldingElsewhere: Int { yielding.load(ordering: .relaxed) }

    /// True: whoever asks makes way. A place is given once in the time after which the other gateway has it and asks no more.
    ///
    /// - Parameter now: Microseconds of the monotonic clock.
    func takesPlaceWanted(now: Int64) -> Bool {
        let places = placesWanted
        guard places > 0 else { return false }
        if now - givenSince.load(ordering: .relaxed) > Self.givingTime {
            givenSince.store(now, ordering: .relaxed)
            given.store(0, ordering: .relaxed)
        }
        guard given.load(ordering: .relaxed) < places else { return false }
        return given.wrappingAdd(1, ordering: .relaxed).oldValue < places
    }

    /// - Parameter answer: Called with each report in which another gateway wants places.
    func answersWants(_ answer: @escaping @Sendable () -> Void) { answerToWants.withLock { $0 = answer } }

    /// Changes with each report.
    var reportMark: UInt64 { reported.load(ordering: .relaxed) }

    /// It was ready until so many microseconds ago; nil: it was never lost.
    func lostFor(now: Int64) -> Int64? {
        let moment = lastLoss.load(ordering: .relaxed)
        return moment == 0 ? nil : now - Int64(moment / 1000)
    }

    /// When the last report came; nil before the first.
    package var reportedAt: NIODeadline? {
        let moment = reported.load(ordering: .relaxed)
        return moment == 0 ? nil : .uptimeNanoseconds(moment)
    }

    /// For exchanges that do not go over a link (standalone gateways): counts one in flight; call `finish` once for each.
    package func begin() { open.wrappingAdd(1, ordering: .relaxed) }
    package func finish() { open.wrappingSubtract(1, ordering: .relaxed) }

    /// Takes a report over. Hosts are not trusted: what cannot be is cut to what can.
    func take(_ report: LinkReport.Worker, of host: AgentState, at now: NIODeadline) {
        let most = 1_000_000
        let (running, waiting) = (max(0, min(report.load.running, most)), max(0, min(report.load.waiting, most)))
        runningNow.store(running, ordering: .relaxed)
        waitingLong.store(min(waiting, waitingNow.exchange(waiting, ordering: .relaxed)), ordering: .relaxed)
        // Whoever waits came last: what is not ours is taken to run.
        let others = max(0, running + waiting - inFlight)
        othersRunning.store(min(others, running), ordering: .relaxed)
        othersWaiting.store(max(0, others - running), ordering: .relaxed)
        kvPerMille.store(report.load.kvUsedRatio.map(Self.perMille) ?? Self.unknown, ordering: .relaxed)
        kvCapacity.store(report.load.kvTokens.map { max(0, min($0, 1 << 40)) } ?? Self.unknown, ordering: .relaxed)
        othersBefore.store(othersNow.load(ordering: .relaxed), ordering: .relaxed)
        othersNow.store(max(0, min(report.load.relaying, most) - inFlight), ordering: .relaxed)
        takePlaces(report.others, most: most)
        setReady(report.ready && host == .serving)
        reported.store(now.uptimeNanoseconds, ordering: .relaxed)
    }

    private func takePlaces(_ told: PlacesTold?, most: Int) {
        let places = max(0, min(told?.wanted ?? 0, most))
        wanted.store(places, ordering: .relaxed)
        yielding.store(max(0, min(told?.yielding ?? 0, most)), ordering: .relaxed)
        guard places > 0 else { return }
        let answer = answerToWants.withLock { $0 }
        answer?()
    }

    /// Its host has no link any more.
    func lost() {
        takePlaces(nil, most: 0)
        setReady(false)
    }

    private func setReady(_ isReady: Bool) {
        let was = ready.exchange(isReady, ordering: .relaxed)
        if was, !isReady { lastLoss.store(NIODeadline.now().uptimeNanoseconds, ordering: .relaxed) }
    }

    private static func perMille(_ ratio: Double) -> Int {
        guard ratio.isFinite else { return 1000 }
        return Int(max(0, min(ratio, 1)) * 1000)
    }
}
