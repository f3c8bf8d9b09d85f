/// Which workers one gateway probes, and when each is due: at random within an interval, so that probes of many workers do not come together.
/// Times are microseconds of one clock.
package struct ProbeSchedule: Sendable {
    package static let usualInterval: ClosedRange<Int64> = 30_000_000...60_000_000

    private let interval: ClosedRange<Int64>
    private var due: [String: Int64] = [:]
    /// Workers with an interval of their own, while a drill wants to know sooner.
    private var hurried: [String: Int64] = [:]

    /// - Parameter interval: From one probe of a worker to its next.
    package init(interval: ClosedRange<Int64> = usualInterval) {
        self.interval = interval
    }

    package var workers: Set<String> { Set(due.keys) }

    /// Those that are new are due at any time within the shortest interval.
    package mutating func assign(_ workers: Set<String>, now: Int64, using generator: inout some RandomNumberGenerator) {
        due = due.filter { workers.contains($0.key) }
        for id in workers where due[id] == nil { due[id] = now + Int64.random(in: 0...interval.lowerBound, using: &generator) }
    }

    /// These are probed as often as this says, microseconds; all others as always.
    package mutating func hurry(_ intervals: [String: Int64], now: Int64) {
        hurried = intervals
        for (id, interval) in intervals { due[id] = due[id].map { min($0, now + interval) } }
    }

    /// Ids of workers that are to be probed now; each is due again an interval later.
    package mutating func take(now: Int64, using generator: inout some RandomNumberGenerator) -> [String] {
        let ready = due.filter { $0.value <= now }.keys.sorted()
        for id in ready { due[id] = now + (hurried[id] ?? Int64.random(in: interval, using: &generator)) }
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
