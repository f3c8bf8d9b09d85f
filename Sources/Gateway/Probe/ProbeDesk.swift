import Domain
import FoundationEssentials
import NIOCore
import PlimsollWire
import Synchronization
package import Telemetry

/// Which workers this gateway probes, what it found and the control plane does not have yet, and what it was told of the others. Safe from any
/// thread.
package final class ProbeDesk: Sendable {
    /// A probe that is due.
    struct Errand: Sendable, Equatable {
        var worker: String
        var isStandIn: Bool
    }

    private struct State {
        var schedule: ProbeSchedule
        var random = LoopRandom()
        /// Workers of the region that this gateway is the home of.
        var homes: Set<String> = []
        var standIns: Set<String> = []
        var region: Set<String> = []
        /// Intervals of workers that a drill has probed more often.
        var hasty: [String: Int64] = [:]
        var outbox: [ProbeResult] = []
        /// When each failing worker last failed, as far as it has been acted upon.
        var heard: [String: Int64] = [:]
        var gateways = 0
    }

    /// Results that are kept while the control plane is away: some hours of a hundred workers.
    static let most = 20_000
    /// An agent links to so many gateways of its region.
    private static let linkedGateways = 8

    private let region: String
    private let gateway: String
    private let metrics: ProbeMetrics
    private let state: Mutex<State>

    /// - Parameters:
    ///   - gateway: Its id.
    ///   - interval: From one probe of a worker to its next, microseconds.
    package init(
        region: String, gateway: String, interval: ClosedRange<Int64> = ProbeSchedule.usualInterval, metrics: MetricRegistry = MetricRegistry()
    ) {
        self.region = region
        self.gateway = gateway
        self.metrics = ProbeMetrics(metrics)
        state = Mutex(State(schedule: ProbeSchedule(interval: interval)))
    }

    /// A new table. Draining workers are not asked.
    func assign(_ table: TableContents, now: Int64) {
        let gateways = table.gateways.filter { $0.region == region }.map(\.id)
        let denied = Set(table.denied.compactMap { $0.identity.split(separator: "/").last.map(String.init) })
        let own = table.workers.filter { $0.region == region && !$0.draining && !denied.contains($0.host) }
        let hasty = Dictionary(
            own.compactMap { worker in worker.drill?.probeInterval(atSeconds: LoopClock.wallSeconds).map { (worker.id, $0) } },
            uniquingKeysWith: { first, _ in first })
        let homes = own.filter { ProbeHome.gateway(of: $0.id, among: gateways) == gateway }.map(\.id)
        state.withLock { state in
            state.region = Set(own.map(\.id))
            state.homes = Set(homes)
            state.gateways = gateways.count
            state.hasty = hasty
            state.heard = state.heard.filter { state.region.contains($0.key) }
            reschedule(&state, now: now)
        }
    }

    func due(now: Int64) -> [Errand] {
        state.withLock { state in
            state.schedule.take(now: now, using: &state.random).map { Errand(worker: $0, isStandIn: !state.homes.contains($0)) }
        }
    }

    /// What a probe found.
    func note(_ result: ProbeResult) {
        metrics.count(result.fault)
        state.withLock { state in
            if state.outbox.count >= Self.most {
                state.outbox.removeFirst()
                metrics.dropped.increment()
            }
            state.outbox.append(result)
            if !result.succeeded { state.schedule.failed(result.worker, now: NIODeadline.now().microseconds) }
        }
    }

    /// The oldest results, at most so many; `restore` takes that back.
    func take(_ limit: Int) -> [ProbeResult] {
        state.withLock { state in
            let taken = Array(state.outbox.prefix(limit))
            state.outbox.removeFirst(taken.count)
            return taken
        }
    }

    func restore(_ probes: [ProbeResult]) {
        state.withLock { state in
            let room = max(Self.most - state.outbox.count, 0)
            metrics.dropped.increment(by: max(probes.count - room, 0))
            state.outbox.insert(contentsOf: probes.suffix(room), at: 0)
        }
    }

    /// Takes over for whom this gateway stands in, and returns workers that others have found failing since the last time.
    func take(_ answer: ProbeAnswer, now: Int64) -> [String] {
        state.withLock { state in
            state.standIns = Set(answer.standIn).intersection(state.region)
            reschedule(&state, now: now)
            let news = answer.failing.filter { state.region.contains($0.key) && $0.value > state.heard[$0.key] ?? 0 }
            state.heard.merge(news) { _, new in new }
            return news.keys.sorted()
        }
    }

    /// Its links lead to the host by right: of a region with more gateways than an agent links to, some have none.
    var expectsLinks: Bool { state.withLock { $0.gateways <= Self.linkedGateways } }

    private func reschedule(_ state: inout State, now: Int64) {
        state.schedule.assign(state.homes.union(state.standIns), hasty: state.hasty, now: now, using: &state.random)
    }
}

extension ProbeResult {
    init(_ outcome: ProbeOutcome, of worker: WorkerEntry, isStandIn: Bool, isDrill: Bool = false, id: String, at: Int64) {
        self.init(
            id: id, worker: worker.id, provider: worker.provider, model: worker.model, region: worker.region, at: at,
            succeeded: outcome.succeeded, fault: outcome.fault?.rawValue, status: outcome.status, firstTokenAfter: outcome.firstTokenAfter,
            lastTokenAfter: outcome.lastTokenAfter, promptTokens: outcome.reading?.promptTokens ?? 0,
            completionTokens: outcome.reading?.completionTokens ?? 0, linkRoundTrip: outcome.linkRoundTrip, standIn: isStandIn ? true : nil,
            drill: isDrill ? true : nil)
    }
}
