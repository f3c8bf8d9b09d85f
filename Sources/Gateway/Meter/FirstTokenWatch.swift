import Domain
import NIOCore
import PlimsollWire

/// First tokens of one event loop since they were last handed over: each is counted once, when it comes or when it is later than its tier is sold with,
/// whichever is first. Minutes count it when its request ends; of answers that take a minute that is too late to notice anything by.
struct FirstTokenWatch {
    private struct Awaited {
        let subject: UsageSubject
        let late: NIODeadline
    }

    private struct Count {
        /// Held, so that no other subject can take over its identity while it is counted.
        let subject: UsageSubject
        let counter: LatencyCounter
    }

    /// Streams without a token, by the sequence of their admission.
    private var awaited: [Int64: Awaited] = [:]
    private var counts: [ObjectIdentifier: Count] = [:]

    /// Probes are nobody's.
    mutating func expect(_ sequence: Int64, _ subject: UsageSubject, since: NIODeadline) {
        guard subject.purpose != .probe else { return }
        awaited[sequence] = Awaited(subject: subject, late: since + .microseconds(subject.firstTokenObjective))
    }

    /// Does nothing for one that was late already.
    mutating func came(_ sequence: Int64, at now: NIODeadline) {
        guard let first = awaited.removeValue(forKey: sequence) else { return }
        count(first, isLate: now > first.late)
    }

    /// The request is over. One that ends without a token says something only when it was late by then.
    mutating func ended(_ sequence: Int64, at now: NIODeadline) {
        guard let first = awaited.removeValue(forKey: sequence), now > first.late else { return }
        count(first, isLate: true)
    }

    /// Everything counted since the last call, with what has become late meanwhile.
    mutating func take(at now: NIODeadline) -> [ServiceName: LatencyCounter] {
        for (sequence, first) in awaited.filter({ now > $0.value.late }) {
            awaited[sequence] = nil
            count(first, isLate: true)
        }
        defer { counts.removeAll(keepingCapacity: true) }
        return counts.values.reduce(into: [:]) { sum, count in
            let key = count.subject.minuteKey
            let name = ServiceName(tier: key.tier, model: key.model, region: key.region, isDrill: key.isDrill)
            sum[name, default: LatencyCounter()] = sum[name, default: LatencyCounter()] + count.counter
        }
    }

    private mutating func count(_ first: Awaited, isLate: Bool) {
        let identity = ObjectIdentifier(first.subject)
        let counter = counts[identity]?.counter ?? LatencyCounter()
        counts[identity] = Count(subject: first.subject, counter: counter + LatencyCounter(samples: 1, over: isLate ? 1 : 0))
    }
}
