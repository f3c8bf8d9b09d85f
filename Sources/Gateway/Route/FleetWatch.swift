import Domain
import PlimsollWire
import Synchronization

/// Judges workers by what loops tell of them, and writes the verdict where choices read it. Safe from any thread; its lock is taken on
/// failures, once a second, and for a new table.
final class FleetWatch: Sendable {
    private struct State {
        var health: FleetHealth
        var random = LoopRandom()
        var tallies: [String: WorkerTally] = [:]
        /// Means that are not older than a minute or so.
        var firstTokens: [String: (mean: Int64, at: Int64)] = [:]
    }

    /// Requests over which a mean time to the first token is taken.
    private static let leastFirstTokens = 20
    private static let meanLives: Int64 = 120_000_000

    private let state: Mutex<State>
    let metrics: FleetMetrics

    /// - Parameter timeOut: The first one of a worker.
    init(metrics: FleetMetrics, timeOut: Duration = .seconds(10)) {
        self.metrics = metrics
        state = Mutex(State(health: FleetHealth(timeOut: timeOut)))
    }

    /// - Parameter long: Ids of those that take long prompts and no others.
    func assign(_ workers: [WorkerEntry], long: Set<String>, _ tallies: [String: WorkerTally], now: Int64) {
        let places = Dictionary(
            workers.map { worker in
                let place = FleetHealth.Place(
                    model: worker.model, region: worker.region, provider: worker.provider, host: worker.host, isLong: long.contains(worker.id))
                return (worker.id, place)
            }, uniquingKeysWith: { first, _ in first })
        state.withLock { state in
            state.tallies = tallies
            state.firstTokens = state.firstTokens.filter { places[$0.key] != nil }
            state.health.assign(places, now: now)
            publish(&state)
        }
    }

    func failed(_ id: String, now: Int64) {
        change { $0.health.failed(id, now: now, using: &$0.random) }
    }

    func answered(_ id: String) {
        change { $0.health.answered(id) }
    }

    /// Once a second: looks for workers that stand still or are slow, and for those whose time out is over.
    ///
    /// - Returns: Ids of the workers that are to be probed now.
    func sweep(now: Int64) -> [String] {
        change { state in
            for (id, tally) in state.tallies {
                if tally.isStalled { state.health.stalled(id, now: now, using: &state.random) }
                if let mean = tally.takeFirstTokenMean(least: Self.leastFirstTokens) { state.firstTokens[id] = (mean, now) }
            }
            state.firstTokens = state.firstTokens.filter { now - $0.value.at < Self.meanLives }
            state.health.judge(firstTokens: state.firstTokens.mapValues(\.mean), now: now, using: &state.random)
            return state.health.probesDue(now: now, using: &state.random)
        }
    }

    func probed(_ id: String, succeeded: Bool, now: Int64) {
        metrics.countProbe(succeeded: succeeded)
        change { state in
            // What made it slow is not to be held against it again.
            state.firstTokens[id] = nil
            state.health.probed(id, succeeded: succeeded, now: now, using: &state.random)
        }
    }

    /// A probe of a worker in rotation, or of one that is out, came to an end.
    func examined(_ id: String, succeeded: Bool, now: Int64) {
        change { $0.health.examined(id, succeeded: succeeded, now: now, using: &$0.random) }
    }

    /// Other gateways' probes of them failed again and again.
    func condemn(_ ids: [String], now: Int64) {
        guard !ids.isEmpty else { return }
        change { state in
            for id in ids { state.health.condemn(id, now: now, using: &state.random) }
        }
    }

    private func change<Result: Sendable>(_ body: (inout State) -> Result) -> Result {
        state.withLock { state in
            let result = body(&state)
            publish(&state)
            return result
        }
    }

    private func publish(_ state: inout State) {
        let standings = state.health.takeStandings()
        guard !standings.isEmpty else { return }
        for standing in standings { state.tallies[standing.worker]?.take(standing) }
        metrics.show(state.health.outByReason)
    }

    /// For operators.
    var report: FleetReport { FleetReport(out: state.withLock { $0.health.out }.mapValues(\.rawValue)) }

    /// Of one worker, for those who look.
    func condition(_ id: String) -> FleetHealth.State { state.withLock { $0.health.state(id) } }
}
