/// Which workers one gateway probes, and when each is due: at random within an interval, so that probes of many workers do not come together.
/// Times are microseconds of one clock.
package struct ProbeSchedule: Sendable {
    /// A failure and the one that confirms it, five seconds later and each a few seconds long, are within a minute of what made a worker fail.
    package static let usualInterval: ClosedRange<Int64> = 30_000_000...48_000_000

    private let interval: ClosedRange<Int64>
    private var due: [String: Int64] = [:]
    /// Intervals of workers that a drill has probed more often.
    private var hasty: [String: Int64] = [:]
    /// After a failure, so that the second one is not a minute away.
    private static let afterFailure: Int64 = 5_000_000

    /// - Parameter interval: From one probe of a worker to its next.
    package init(interval: ClosedRange<Int64> = usualInterval) {
        self.interval = interval
    }

    package var workers: Set<String> { Set(due.keys) }

    /// Those that are new are due at any time within the shortest interval.
    ///
    /// - Parameter hasty: Intervals of those that are to be probed more often.
    package mutating func assign(
        _ workers: Set<String>, hasty: [String: Int64] = [:], now: Int64, using generator: inout some RandomNumberGenerator
    ) {
        due = due.filter { workers.contains($0.key) }
        self.hasty = hasty
        for id in workers where due[id] == nil { due[id] = now + Int64.random(in: 0...interval.lowerBound, using: &generator) }
        for (id, interval) in hasty { hurry(id, to: now + interval) }
    }

    /// A probe failed: the next one comes soon.
    package mutating func failed(_ id: String, now: Int64) { hurry(id, to: now + Self.afterFailure) }

    private mutating func hurry(_ id: String, to moment: Int64) {
        guard let usual = due[id] else { return }
        due[id] = min(usual, moment)
    }

    /// Ids of workers that are to be probed now; each is due again an interval later.
    package mutating func take(now: Int64, using generator: inout some RandomNumberGenerator) -> [String] {
        let ready = due.filter { $0.value <= now }.keys.sorted()
        for id in ready { due[id] = now + (hasty[id] ?? Int64.random(in: interval, using: &generator)) }
        return ready
    }
}

/// Which of a region's gateways probes a worker: rendezvous hashing, so that a gateway that comes or goes moves its own share of workers only.
package enum ProbeHome {
    /// Nil without gateways.
    package static func gateway(of worker: String, among gateways: [String]) -> String? {
        gateways.max { (weight(worker, $0), $0) < (weight(worker, $1), $1) }
    }

    private static func weight(_ worker: String, _ gateway: String) -> UInt64 { PlacementTable.hash(worker + "/" + gateway) }
}

/// Whose fault it is that a probe failed.
package enum ProbeFault: String, Sendable, CaseIterable {
    case gateway
    case link
    case host
    case runtime
    /// Not what it was asked for, or not whole.
    case answer
    case timeout
    /// The probe's own: its key, its limits. Says nothing of the service.
    case customer

    /// The worker itself has failed, whoever asks it.
    package var isOfWorker: Bool {
        switch self {
        case .host, .runtime, .answer, .timeout: true
        case .gateway, .link, .customer: false
        }
    }
}
