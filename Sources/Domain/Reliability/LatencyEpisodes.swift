/// Whether latency was above its objective for hours on end (reference, sections 2.5 and 2.6).
package enum LatencyEpisodes {
    /// Consecutive breached hours that earn a credit.
    package static let creditHours = 3
    package static let minimumSamples: Int64 = 20

    /// An hour's verdict: its own samples when there are enough, else the region's probes, else nil. Nil is not good: it breaks a chain.
    package static func verdict(requests: LatencyCounter, probes: LatencyCounter?, minimum: Int64 = minimumSamples) -> Bool? {
        if requests.samples >= minimum { return requests.isBreach }
        guard let probes, probes.samples >= minimum else { return nil }
        return probes.isBreach
    }

    /// Longest chain of breached hours.
    package static func longestRun(_ hours: [Bool?]) -> Int {
        runs(hours).max() ?? 0
    }

    /// Longest chain of back-to-back hours, breached each, starting at any slot: the customer's favour.
    ///
    /// - Parameters:
    ///   - slots: Counters of equal stretches of time in order, such as minutes.
    ///   - slotsPerHour: How many of them make an hour.
    package static func longestRun(slots: [LatencyCounter], slotsPerHour: Int) -> Int {
        (0..<slotsPerHour).map { longestRun(hours(slots: slots, slotsPerHour: slotsPerHour, offset: $0)) }.max() ?? 0
    }

    /// Verdicts of the whole hours that begin `offset` slots after the first.
    package static func hours(slots: [LatencyCounter], slotsPerHour: Int, offset: Int) -> [Bool?] {
        stride(from: offset, through: slots.count - slotsPerHour, by: slotsPerHour).map { start in
            slots[start..<start + slotsPerHour].reduce(LatencyCounter(), +).isBreach
        }
    }

    /// Credit in per cent of the fee: once however many episodes there were, or once for each.
    package static func creditPercent(_ hours: [Bool?], eachEpisode: Bool, percent: Int = 5) -> Int {
        let episodes = runs(hours).count { $0 >= creditHours }
        return percent * (eachEpisode ? episodes : min(episodes, 1))
    }

    private static func runs(_ hours: [Bool?]) -> [Int] {
        hours.split(whereSeparator: { $0 != true }).map(\.count)
    }
}
