import Domain
import NIOCore
import PlimsollWire
import Synchronization

/// Keeps what outlives a table of each worker: its tally and its number.
final class WorkerBook: Sendable {
    private struct State {
        var tallies: [String: WorkerTally] = [:]
        var workers: [String: Worker] = [:]
        var lastNumber: UInt32 = 0
    }

    let watch: FleetWatch
    private let registry: LinkRegistry?
    private let state = Mutex(State())

    /// - Parameter timeOut: The first one of a worker that fails.
    init(registry: LinkRegistry?, metrics: FleetMetrics = FleetMetrics(), timeOut: Duration = .seconds(10)) {
        self.registry = registry
        watch = FleetWatch(metrics: metrics, timeOut: timeOut)
    }

    func worker(_ entry: WorkerEntry) -> Worker {
        let tally = state.withLock { state in
            if let known = state.tallies[entry.id] { return known }
            state.lastNumber += 1
            let made = WorkerTally(number: state.lastNumber, id: entry.id, watch: watch)
            state.tallies[entry.id] = made
            return made
        }
        tally.drill.take(entry.drill)
        let registry = entry.url == nil ? registry : nil
        let worker = Worker(entry, tally: tally, load: registry?.load(worker: entry.id), gate: registry?.gate(host: entry.host))
        state.withLock { $0.workers[entry.id] = worker }
        return worker
    }

    /// The workers of a table, all of which have been asked for.
    ///
    /// - Parameter long: Ids of those that take long prompts and no others.
    func keep(only workers: [WorkerEntry], long: Set<String>) {
        let ids = Set(workers.map(\.id))
        let tallies = state.withLock { state in
            state.tallies = state.tallies.filter { ids.contains($0.key) }
            state.workers = state.workers.filter { ids.contains($0.key) }
            return state.tallies
        }
        watch.assign(workers.filter { tallies[$0.id] != nil }, long: long, tallies, now: NIODeadline.now().microseconds)
    }

    /// As the last table has it.
    func worker(id: String) -> Worker? { state.withLock { $0.workers[id] } }

    /// Ids of the region's workers that were ready here and are not any more, draining ones too.
    func lost(in region: String) -> [String] {
        let now = NIODeadline.now().microseconds
        return state.withLock { $0.workers.values.filter { $0.entry.region == region && $0.isLost(now: now) }.map(\.entry.id) }
    }

    /// What is known of workers by their marks.
    func names(_ marks: Set<WorkerMark>) -> [WorkerMark: RoutingAccount.WorkerName] {
        let known = state.withLock { $0.workers.values.filter { marks.contains($0.tally.mark) } }
        let names = known.map { ($0.tally.mark, RoutingAccount.WorkerName(id: $0.entry.id, host: $0.entry.host)) }
        return Dictionary(names, uniquingKeysWith: { first, _ in first })
    }
}
