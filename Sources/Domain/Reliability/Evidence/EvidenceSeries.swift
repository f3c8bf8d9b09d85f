/// What has one leaf a minute in a tenant's tree.
package struct EvidenceSeries: Sendable, Hashable, Comparable {
    /// Id of the tenant, as leaves write it.
    package let tenant: String
    package let model: String
    package let region: String

    /// Nil when a leaf could not hold one of the names.
    package init?(tenant: String, model: String, region: String) {
        guard [tenant, model, region].allSatisfy(MinuteLeaf.isName) else { return nil }
        self.tenant = tenant
        self.model = model
        self.region = region
    }

    /// By bytes, the same in every locale: it is the order of leaves within a minute.
    package static func < (left: EvidenceSeries, right: EvidenceSeries) -> Bool {
        for (one, other) in [(left.tenant, right.tenant), (left.model, right.model)] where one != other {
            return one.utf8.lexicographicallyPrecedes(other.utf8)
        }
        return left.region.utf8.lexicographicallyPrecedes(right.region.utf8)
    }
}

/// What a leaf says of its minute, beside whose and which it is.
package struct LeafCounts: Sendable, Equatable {
    package var good: Int64
    package var bad: Int64
    package var excluded: Int64
    package var firstTokens: LatencyCounter
    /// As measured, where any bad request spoils the minute: terms, exclusions and maintenance are applied by whoever reads it.
    package var status: MinuteStatus

    package init(good: Int64 = 0, bad: Int64 = 0, excluded: Int64 = 0, firstTokens: LatencyCounter = LatencyCounter(), status: MinuteStatus) {
        self.good = good
        self.bad = bad
        self.excluded = excluded
        self.firstTokens = firstTokens
        self.status = status
    }

    package init(_ leaf: MinuteLeaf) {
        self.init(good: leaf.good, bad: leaf.bad, excluded: leaf.excluded, firstTokens: leaf.firstTokens, status: leaf.status)
    }

    package init(_ evidence: MinuteEvidence, firstTokens: LatencyCounter) {
        self.init(
            good: evidence.good, bad: evidence.bad, excluded: evidence.excluded, firstTokens: firstTokens, status: evidence.budgetStatus(.anyBad))
    }

    /// Reads exactly what `text` gives.
    init?(_ text: some StringProtocol) {
        let fields = text.utf8.split(separator: UInt8(ascii: "|"), omittingEmptySubsequences: false)
        guard fields.count == 6, let status = MinuteStatus(rawValue: String(decoding: fields[5], as: UTF8.self)) else { return nil }
        var counts: [Int64] = []
        for field in fields.prefix(5) {
            guard let count = Int64(String(decoding: field, as: UTF8.self)), MinuteLeaf.counts.contains(count) else { return nil }
            counts.append(count)
        }
        self.init(
            good: counts[0], bad: counts[1], excluded: counts[2], firstTokens: LatencyCounter(samples: counts[3], over: counts[4]), status: status)
        guard self.text == text else { return nil }
    }

    package var text: String { "\(good)|\(bad)|\(excluded)|\(firstTokens.samples)|\(firstTokens.over)|\(status.rawValue)" }

    /// Whether the status follows from the counts, so that nothing but an idle minute's verdict rests on what else was measured.
    package var isCoherent: Bool {
        switch status {
        case .good: good > 0 && bad == 0
        case .bad: bad > 0
        case .goodIdle, .badIdle: good + bad == 0
        case .unmeasured: true
        case .excluded: false
        }
    }

    /// The minute under the rule of a contract.
    package func status(_ rule: TrafficRule) -> MinuteStatus {
        guard status == .good || status == .bad, case .ratio(let threshold) = rule else { return status }
        return Ratio(bad, good + bad) > threshold ? .bad : .good
    }
}

/// Minutes in a row, equal ones together: an idle month is one entry.
package struct LeafRuns: Sendable, Equatable {
    package struct Run: Sendable, Equatable {
        package var counts: LeafCounts
        package var times: Int
    }

    package private(set) var runs: [Run] = []
    /// Minutes.
    package private(set) var count = 0

    package init() {}

    package mutating func append(_ counts: LeafCounts, times: Int = 1) {
        guard times > 0 else { return }
        count += times
        if let last = runs.indices.last, runs[last].counts == counts {
            runs[last].times += times
        } else {
            runs.append(Run(counts: counts, times: times))
        }
    }

    package mutating func append(_ other: LeafRuns) {
        for run in other.runs { append(run.counts, times: run.times) }
    }

    /// - Parameter index: Of a minute, 0 up to the count.
    package func counts(at index: Int) -> LeafCounts? {
        var passed = 0
        for run in runs {
            passed += run.times
            if index < passed { return index < 0 ? nil : run.counts }
        }
        return nil
    }

    /// A line for each run, such as `0|0|0|0|0|good:idle*57`.
    package var text: String { runs.map { Self.line($0) }.joined(separator: "\n") }

    /// Reads exactly what `text` gives.
    package init?(_ text: String) {
        for line in text.split(separator: "\n", omittingEmptySubsequences: false) where !text.isEmpty {
            guard let run = Self.run(line), run.counts != runs.last?.counts else { return nil }
            append(run.counts, times: run.times)
        }
    }

    static func line(_ run: Run) -> String { run.times == 1 ? run.counts.text : "\(run.counts.text)*\(run.times)" }

    static func run(_ line: some StringProtocol) -> Run? {
        let parts = line.split(separator: "*", maxSplits: 1, omittingEmptySubsequences: false)
        guard let counts = LeafCounts(parts[0]) else { return nil }
        guard parts.count == 2 else { return Run(counts: counts, times: 1) }
        // At most a few years, whatever is claimed.
        guard let times = Int(parts[1]), (2...10_000_000).contains(times), "\(times)" == parts[1] else { return nil }
        return Run(counts: counts, times: times)
    }
}
