/// What a month of one series comes to under its terms: the same arithmetic wherever a promise is judged from leaves.
package struct MonthOutcome: Sendable, Equatable {
    /// Minutes by what they count as.
    package private(set) var good: Int64 = 0
    package private(set) var bad: Int64 = 0
    package private(set) var excluded: Int64 = 0
    /// Of the bad ones, those of which nothing is known.
    package private(set) var unmeasured: Int64 = 0
    /// Of the minutes that count.
    package private(set) var firstTokens = LatencyCounter()
    /// Most hours in a row, at any minute, whose p95 was above the threshold.
    package private(set) var slowHours = 0
    package private(set) var latencyPercent = 0
    package private(set) var percent = Ratio(0, 1)

    package var eligible: Int64 { good + bad }
    /// Nil when no minute counts.
    package var uptime: Ratio? { eligible == 0 ? nil : Ratio(good, eligible) }

    /// - Parameters:
    ///   - period: Minutes that the terms are about: where they pay, those of them without a leaf are not measured. Nil: from the first leaf to the last.
    ///   - corrections: What minutes of this series were found to be after their leaf was fixed, or without one.
    ///   - excluding: Minutes that do not count.
    ///   - probes: That stand for its quiet hours.
    package init(
        _ stretches: [EvidenceStretch], terms: EvidenceTerms, in period: Range<Int64>? = nil, corrections: [Int64: LeafCounts] = [:],
        excluding: [Range<Int64>] = [], probes: [EvidenceProbes] = []
    ) {
        let stretches = stretches.compactMap { stretch in period.map { stretch.clamped(to: $0) } ?? stretch }.sorted { $0.since < $1.since }
        let period = period ?? (stretches.first?.since ?? 0)..<(stretches.last?.until ?? 0)
        var requests: [(minute: Int64, counter: LatencyCounter)] = []
        var next = period.lowerBound
        for stretch in stretches {
            lack(next..<max(next, stretch.since), corrections, terms, excluding, &requests)
            var minute = stretch.since
            for run in stretch.runs.runs {
                for place in minute..<minute + Int64(run.times) {
                    take(place, corrections[place] ?? run.counts, terms, excluding, &requests)
                }
                minute += Int64(run.times)
            }
            next = max(next, stretch.until)
        }
        lack(next..<max(next, period.upperBound), corrections, terms, excluding, &requests)
        if let latency = terms.latency { judge(latency, requests, probes, excluding, in: period) }
        let availability = uptime.map { terms.credit.percent(uptime: $0) } ?? Ratio(0, 1)
        percent = terms.pays ? terms.credit.total([availability, Ratio(Int64(latencyPercent), 1)]) : Ratio(0, 1)
    }

    /// Minutes without a leaf are not measured, which is never uptime, but for what was told of them later.
    private mutating func lack(
        _ minutes: Range<Int64>, _ corrections: [Int64: LeafCounts], _ terms: EvidenceTerms, _ excluding: [Range<Int64>],
        _ requests: inout [(minute: Int64, counter: LatencyCounter)]
    ) {
        for minute in minutes {
            guard let counts = corrections[minute] ?? (terms.pays ? LeafCounts(status: .unmeasured) : nil) else { continue }
            take(minute, counts, terms, excluding, &requests)
        }
    }

    private mutating func take(
        _ minute: Int64, _ counts: LeafCounts, _ terms: EvidenceTerms, _ excluding: [Range<Int64>],
        _ requests: inout [(minute: Int64, counter: LatencyCounter)]
    ) {
        guard !excluding.contains(where: { $0.contains(minute) }) else {
            excluded += 1
            return
        }
        count(counts, terms.rule)
        if counts.firstTokens.samples > 0 { requests.append((minute, counts.firstTokens)) }
    }

    private mutating func count(_ counts: LeafCounts, _ rule: TrafficRule) {
        firstTokens = firstTokens + counts.firstTokens
        switch counts.status(rule) {
        case .good, .goodIdle: good += 1
        case .bad, .badIdle: bad += 1
        case .unmeasured: (bad, unmeasured) = (bad + 1, unmeasured + 1)
        case .excluded: excluded += 1
        }
    }

    private mutating func judge(
        _ latency: EvidenceTerms.Latency, _ requests: [(minute: Int64, counter: LatencyCounter)], _ probes: [EvidenceProbes],
        _ excluding: [Range<Int64>], in period: Range<Int64>
    ) {
        let seen = probes.flatMap { probe in zip(probe.since..., probe.counters).map { (minute: $0, counter: $1) } }
            .filter { sample in sample.counter.samples > 0 && !excluding.contains { $0.contains(sample.minute) } }
        let place = { (sample: (minute: Int64, counter: LatencyCounter)) in (minute: Int(sample.minute - period.lowerBound), counter: sample.counter)
        }
        let hours = LatencyHours(minutes: period.count, requests: requests.map(place), probes: seen.map(place))
        slowHours = hours.longestRun
        latencyPercent = hours.creditPercent(eachEpisode: latency.eachEpisode, percent: latency.percent)
    }
}
