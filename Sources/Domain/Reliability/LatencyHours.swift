/// Hours of a contract's month by the latency of its own requests, with the region's probes where those are few (reference, section 2.6).
package struct LatencyHours: Sendable {
    private static let minutesPerHour = 60

    /// Sums over the minutes before each, so that any hour is two look-ups.
    private let requests: [LatencyCounter]
    private let probes: [LatencyCounter]
    private let minutes: Int

    /// - Parameters:
    ///   - minutes: Of the period.
    ///   - requests: Counters of minutes of the period, from 0; minutes without samples may be left out.
    ///   - probes: The same of the region's probes.
    package init(
        minutes: Int, requests: some Sequence<(minute: Int, counter: LatencyCounter)>, probes: some Sequence<(minute: Int, counter: LatencyCounter)>
    ) {
        self.minutes = minutes
        self.requests = Self.sums(minutes, requests)
        self.probes = Self.sums(minutes, probes)
    }

    /// Verdicts of the back-to-back hours that begin `offset` minutes after the first; nil where too little was measured.
    package func verdicts(offset: Int) -> [Bool?] {
        stride(from: offset, through: minutes - Self.minutesPerHour, by: Self.minutesPerHour).map { start in
            let end = start + Self.minutesPerHour
            return LatencyEpisodes.verdict(requests: requests[end] - requests[start], probes: probes[end] - probes[start])
        }
    }

    /// The longest chain of breached hours at whatever minute the hours begin.
    package var longestRun: Int { offsets.map { LatencyEpisodes.longestRun(verdicts(offset: $0)) }.max() ?? 0 }

    /// Credit in per cent of the fee, at the alignment of hours that favours the customer.
    package func creditPercent(eachEpisode: Bool, percent: Int) -> Int {
        offsets.map { LatencyEpisodes.creditPercent(verdicts(offset: $0), eachEpisode: eachEpisode, percent: percent) }.max() ?? 0
    }

    /// Whole hours from the first minute on of which too little was measured to say anything.
    package var unmeasuredHours: Int { verdicts(offset: 0).count { $0 == nil } }

    /// Of the whole period: its own requests when there are enough, else the region's probes, else nil.
    package var whole: LatencyCounter? { [requests.last, probes.last].compactMap(\.self).first { $0.samples >= LatencyEpisodes.minimumSamples } }

    private var offsets: Range<Int> { 0..<min(Self.minutesPerHour, max(minutes - Self.minutesPerHour + 1, 0)) }

    private static func sums(_ minutes: Int, _ counters: some Sequence<(minute: Int, counter: LatencyCounter)>) -> [LatencyCounter] {
        var sums = [LatencyCounter](repeating: LatencyCounter(), count: minutes + 1)
        for (minute, counter) in counters where (0..<minutes).contains(minute) { sums[minute + 1] = sums[minute + 1] + counter }
        for minute in 0..<minutes { sums[minute + 1] = sums[minute] + sums[minute + 1] }
        return sums
    }
}
