package import NIOCore
import PlimsollWire
import Synchronization

/// What is known now about a worker: its own last report and what this gateway has in flight over links. Safe from any thread.
package final class WorkerLoad: Sendable {
    private static let unknown = -1

    private let ready = Atomic(false)
    private let runningNow = Atomic(0)
    private let waitingNow = Atomic(0)
    private let kvPerMille = Atomic(unknown)
    private let kvCapacity = Atomic(unknown)
    private let othersNow = Atomic(0)
    private let othersBefore = Atomic(0)
    private let open = Atomic(0)
    private let othersRunning = Atomic(0)
    private let othersWaiting = Atomic(0)
    private let reported = Atomic<UInt64>(0)
    private let lastLoss = Atomic<UInt64>(0)

    package init() {}

    /// The last report of its host said that it is ready and that the host takes requests. False before the first report.
    package var isReady: Bool { ready.load(ordering: .relaxed) }
    /// It has been ready at some time since this gateway knows it.
    var hasBeenReady: Bool { isReady || lastLoss.load(ordering: .relaxed) > 0 }
    package var running: Int { runningNow.load(ordering: .relaxed) }
    package var waiting: Int { waitingNow.load(ordering: .relaxed) }
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
        waitingNow.store(waiting, ordering: .relaxed)
        // Whoever waits came last: what is not ours is taken to run.
        let others = max(0, running + waiting - inFlight)
        othersRunning.store(min(others, running), ordering: .relaxed)
        othersWaiting.store(max(0, others - running), ordering: .relaxed)
        kvPerMille.store(report.load.kvUsedRatio.map(Self.perMille) ?? Self.unknown, ordering: .relaxed)
        kvCapacity.store(report.load.kvTokens.map { max(0, min($0, 1 << 40)) } ?? Self.unknown, ordering: .relaxed)
        othersBefore.store(othersNow.load(ordering: .relaxed), ordering: .relaxed)
        othersNow.store(max(0, min(report.load.relaying, most) - inFlight), ordering: .relaxed)
        setReady(report.ready && host == .serving)
        reported.store(now.uptimeNanoseconds, ordering: .relaxed)
    }

    /// Its host has no link any more.
    func lost() {
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
