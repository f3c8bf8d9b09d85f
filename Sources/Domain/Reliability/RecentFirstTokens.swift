/// First tokens of the last seconds, whatever minute they are counted in: what counters that only grow have grown by.
package struct RecentFirstTokens: Sendable {
    /// Seconds that are looked back.
    package static let window: Int64 = 30
    /// Minutes of which news still comes.
    private static let changing: Int64 = 3

    private struct Look: Sendable {
        var at: Int64
        var counts: [ServiceName: [Int64: LatencyCounter]]
    }

    private var looks: [Look] = []

    package init() {}

    /// Counters as they are told now. A pause, or a clock that goes back, begins anew.
    ///
    /// - Parameter now: Seconds since 1970.
    package mutating func note(_ services: [ServiceName: [Int64: ServiceMinute]], now: Int64) {
        if let last = looks.last, !(last.at...last.at + Self.window).contains(now) { looks = [] }
        looks.removeAll { now - $0.at > Self.window }
        let counts = services.mapValues { minutes in minutes.filter { $0.key > now / 60 - Self.changing }.mapValues(\.firstTokens) }
        looks.append(Look(at: now, counts: counts))
    }

    /// What came since the oldest look, and when that was; nil before the second look.
    package func counter(of service: ServiceName) -> (since: Int64, counter: LatencyCounter)? {
        guard let first = looks.first, let last = looks.last, first.at < last.at else { return nil }
        let before = first.counts[service] ?? [:]
        let counter = (last.counts[service] ?? [:]).reduce(LatencyCounter()) { sum, minute in
            // A minute that is older than the window and was not there yet is a report that came late.
            guard before[minute.key] != nil || minute.key >= first.at / 60 else { return sum }
            return sum + (minute.value - (before[minute.key] ?? LatencyCounter()))
        }
        return (first.at, counter)
    }
}
