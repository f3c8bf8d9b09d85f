import Exchange
import HTTPWire
import NIOCore
import PlimsollWire
import Synchronization

/// What this gateway itself has in flight at a worker, and how that went. Lives as long as the worker is in tables; shared by all loops.
final class WorkerTally: Sendable {
    /// As long as the window of the retry budget, so that the least budget covers the second look.
    private static let firstRest: Int64 = 10_000_000
    private static let longestRest: Int64 = 30_000_000

    private let count = Atomic<Int>(0)
    private let failures = Atomic<Int>(0)
    /// Microseconds of the monotonic clock; 0: not at all.
    private let restUntil = Atomic<Int64>(0)

    var inFlight: Int { count.load(ordering: .relaxed) }

    func begin() { count.wrappingAdd(1, ordering: .relaxed) }

    func finish() { count.wrappingSubtract(1, ordering: .relaxed) }

    /// An attempt ended with an error of the worker. From the second in a row on it rests, ten seconds at first and then longer: one that
    /// fails at once is idle, and would be chosen before all that work.
    func failed(now: Int64) {
        let inRow = failures.wrappingAdd(1, ordering: .relaxed).newValue
        guard inRow >= 2 else { return }
        restUntil.store(now + min(Self.longestRest, Self.firstRest << Int64(min(inRow - 2, 10))), ordering: .relaxed)
    }

    func succeeded() {
        guard failures.load(ordering: .relaxed) != 0 else { return }
        failures.store(0, ordering: .relaxed)
        restUntil.store(0, ordering: .relaxed)
    }

    /// Others are to be asked while there are any.
    var isResting: Bool {
        let until = restUntil.load(ordering: .relaxed)
        return until != 0 && NIODeadline.now().microseconds < until
    }
}

/// A worker of one table: where it is, what it may serve, and how busy it is.
final class Worker: Sendable {
    let entry: WorkerEntry
    /// For standalone gateways; nil: over a link to the host.
    let address: RuntimeAddress?
    let target: UsageTarget
    let tally: WorkerTally
    /// Reported load, for linked workers.
    let load: WorkerLoad?
    /// Whether links lead to its host; nil where none are needed.
    private let gate: HostGate?
    /// What the runtime calls the model, as a JSON string; nil when it is the customer's name.
    let quotedServedModel: [UInt8]?

    init(_ entry: WorkerEntry, tally: WorkerTally, load: WorkerLoad?, gate: HostGate?) {
        self.entry = entry
        self.tally = tally
        self.load = load
        self.gate = gate
        address = entry.url.flatMap { RuntimeAddress(url: $0) }
        target = UsageTarget(release: entry.release, worker: entry.id, provider: entry.provider)
        quotedServedModel = entry.servedModel == entry.model ? nil : entry.servedModel.map(BodyEdit.quoted)
    }

    /// A request could be started there now.
    var isReachable: Bool {
        if address != nil { return true }
        guard let load, let gate else { return false }
        return load.isReady && gate.takesRequests
    }

    /// Its context is long enough for so many tokens; that of a standalone gateway's worker is not known.
    func holds(_ tokens: Int) -> Bool { entry.contextTokens == 0 || entry.contextTokens >= tokens }

    /// A runtime that is starting tells one token, until it has read its model.
    var knowsItsContext: Bool { address != nil || entry.contextTokens > 1 }

    /// Thousandths of a slot that are taken, and half as much again for each tenth of the KV cache used above eight tenths.
    var cost: Int64 {
        let reported = load.map { $0.running + $0.waiting } ?? 0
        let requests = Int64(max(tally.inFlight, reported))
        let base = requests * 1000 / Int64(max(entry.slots, 1))
        let pressure = Int64(max(0, min((load?.kvUsedRatio ?? 0), 1) * 1000 - 800))
        return base + (base + 1000) * pressure / 200
    }
}

/// Keeps the tallies of workers from one table to the next.
final class WorkerBook: Sendable {
    private let registry: LinkRegistry?
    private let tallies = Mutex<[String: WorkerTally]>([:])

    init(registry: LinkRegistry?) {
        self.registry = registry
    }

    func worker(_ entry: WorkerEntry) -> Worker {
        let tally = tallies.withLock { tallies in
            if let known = tallies[entry.id] { return known }
            let made = WorkerTally()
            tallies[entry.id] = made
            return made
        }
        let registry = entry.url == nil ? registry : nil
        return Worker(entry, tally: tally, load: registry?.load(worker: entry.id), gate: registry?.gate(host: entry.host))
    }

    func keep(only ids: Set<String>) {
        tallies.withLock { $0 = $0.filter { ids.contains($0.key) } }
    }
}
