import Domain
import FoundationEssentials
import PlimsollWire

/// What was counted of a subject in a minute, as it is added up: by one start of a gateway, or by all.
struct MinuteSums: Equatable {
    /// What is counted as one number, in the order in which it is packed.
    enum Count: Int, CaseIterable {
        case firstTokenSamples, firstTokenOver, promptTokens, completionTokens
        /// Refused for a limit.
        case rateLimited
        /// Clients that left.
        case disconnects
        case streams, lastTokenSamples, lastTokenOver
    }

    /// What is counted by its time, in the order in which it is packed.
    enum Histogram: Int, CaseIterable {
        /// Last tokens of answers of 256 tokens, and long ones of 512; those with retrieval count apart.
        case firstToken, queue, lastToken, longLastToken, retrieval, retrievedFirstToken, retrievedLastToken
    }

    private(set) var outcomes: [String: Int64]
    /// By `Count`.
    private(set) var counts: [Int64]
    /// By `Histogram`.
    private(set) var histograms: [BucketCounts]

    init(outcomes: [String: Int64], counts: [Int64], histograms: [BucketCounts]) {
        precondition(counts.count == Self.counts && histograms.count == Self.histograms, "sums of minutes have all that is counted")
        (self.outcomes, self.counts, self.histograms) = (outcomes, counts, histograms)
    }

    static let counts = Count.allCases.count
    static let histograms = Histogram.allCases.count

    init(_ told: MinuteCounters) {
        outcomes = told.outcomes
        counts = [
            told.firstTokenSamples, told.firstTokenOver, told.promptTokens, told.completionTokens, told.rateLimited, told.disconnects,
            told.streams ?? 0, told.lastTokenSamples ?? 0, told.lastTokenOver ?? 0,
        ]
        histograms = [
            told.firstTokenHistogram, told.queueHistogram, told.lastTokenHistogram, told.longLastTokenHistogram, told.retrievalHistogram,
            told.retrievedFirstTokenHistogram, told.retrievedLastTokenHistogram,
        ].map { BucketCounts($0 ?? [:]) }
    }

    func counters(_ key: MinuteIntake.Key) -> MinuteCounters {
        var counters = MinuteCounters(
            minute: key.minute, tenant: key.tenant.lowercased, tier: key.tier, model: key.model, region: key.region, provider: key.provider,
            drill: key.drill ? true : nil, outcomes: outcomes, firstTokenSamples: self[.firstTokenSamples], firstTokenOver: self[.firstTokenOver],
            promptTokens: self[.promptTokens], completionTokens: self[.completionTokens], rateLimited: self[.rateLimited],
            disconnects: self[.disconnects], firstTokenHistogram: self[.firstToken].byIndex, streams: self[.streams],
            queueHistogram: self[.queue].byIndex,
            lastTokenSamples: self[.lastTokenSamples], lastTokenOver: self[.lastTokenOver], lastTokenHistogram: self[.lastToken].byIndex,
            longLastTokenHistogram: self[.longLastToken].byIndex)
        counters.retrievalHistogram = self[.retrieval].byIndex
        counters.retrievedFirstTokenHistogram = self[.retrievedFirstToken].byIndex
        counters.retrievedLastTokenHistogram = self[.retrievedLastToken].byIndex
        return counters
    }

    subscript(_ count: Count) -> Int64 { counts[count.rawValue] }
    subscript(_ histogram: Histogram) -> BucketCounts { histograms[histogram.rawValue] }

    /// Nothing was counted.
    static let none = MinuteSums(
        outcomes: [:], counts: Array(repeating: 0, count: counts), histograms: Array(repeating: BucketCounts(), count: histograms))

    mutating func add(outcome: String, _ count: Int64) { outcomes[outcome, default: 0] &+= count }
    mutating func add(count index: Int, _ count: Int64) { counts[index] &+= count }
    mutating func add(_ histogram: Int, bucket: Int, _ count: Int64, at place: inout Int) { histograms[histogram].add(bucket, count, at: &place) }

    /// Takes away what was counted no time, as it is where less was told later.
    mutating func dropNothing() {
        if outcomes.values.contains(0) { outcomes = outcomes.filter { $0.value != 0 } }
        for index in histograms.indices { histograms[index].dropNothing() }
    }

    func count(_ verdict: Outcome.Verdict) -> Int64 {
        outcomes.reduce(0) { sum, outcome in Outcome.Verdict(code: outcome.key) == verdict ? sum + outcome.value : sum }
    }
}
