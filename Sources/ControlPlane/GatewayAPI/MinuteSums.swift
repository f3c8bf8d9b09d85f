import Domain
import FoundationEssentials
import PlimsollWire

/// What was counted of a subject in a minute, as it is added up: by one start of a gateway, or by all.
struct MinuteSums: Equatable {
    private(set) var outcomes: [String: Int64]
    /// Samples and late ones of first tokens, tokens of prompts and completions, refused for a limit, clients that left, streams, samples and late ones of
    /// last tokens.
    private(set) var counts: [Int64]
    /// First tokens, waits, last tokens of 256 and of 512, retrieval, and with it first and last tokens.
    private(set) var histograms: [[Int: Int64]]

    /// In the order of `counts` and `histograms`.
    init(outcomes: [String: Int64], counts: [Int64], histograms: [[Int: Int64]]) {
        precondition(counts.count == Self.counts && histograms.count == Self.histograms, "sums of minutes have all that is counted")
        (self.outcomes, self.counts, self.histograms) = (outcomes, counts, histograms)
    }

    static let counts = 9
    static let histograms = 7

    init(_ told: MinuteCounters) {
        outcomes = told.outcomes
        counts = [
            told.firstTokenSamples, told.firstTokenOver, told.promptTokens, told.completionTokens, told.rateLimited, told.disconnects,
            told.streams ?? 0, told.lastTokenSamples ?? 0, told.lastTokenOver ?? 0,
        ]
        histograms = [
            told.firstTokenHistogram, told.queueHistogram ?? [:], told.lastTokenHistogram ?? [:], told.longLastTokenHistogram ?? [:],
            told.retrievalHistogram ?? [:], told.retrievedFirstTokenHistogram ?? [:], told.retrievedLastTokenHistogram ?? [:],
        ]
    }

    func counters(_ key: MinuteIntake.Key) -> MinuteCounters {
        var counters = MinuteCounters(
            minute: key.minute, tenant: key.tenant.lowercased, tier: key.tier, model: key.model, region: key.region, provider: key.provider,
            drill: key.drill ? true : nil, outcomes: outcomes, firstTokenSamples: counts[0], firstTokenOver: counts[1], promptTokens: counts[2],
            completionTokens: counts[3], rateLimited: counts[4], disconnects: counts[5], firstTokenHistogram: histograms[0], streams: counts[6],
            queueHistogram: histograms[1], lastTokenSamples: counts[7], lastTokenOver: counts[8], lastTokenHistogram: histograms[2],
            longLastTokenHistogram: histograms[3])
        counters.retrievalHistogram = histograms[4]
        counters.retrievedFirstTokenHistogram = histograms[5]
        counters.retrievedLastTokenHistogram = histograms[6]
        return counters
    }

    /// Nothing was counted.
    static let none = MinuteSums(
        outcomes: [:], counts: Array(repeating: 0, count: counts), histograms: Array(repeating: [:], count: histograms))

    mutating func add(outcome: String, _ count: Int64) { outcomes[outcome, default: 0] &+= count }
    mutating func add(count index: Int, _ count: Int64) { counts[index] &+= count }
    mutating func add(_ histogram: Int, bucket: Int, _ count: Int64) { histograms[histogram][bucket, default: 0] &+= count }

    /// Whether a later report took back something that was counted.
    var hasLess: Bool {
        counts.contains { $0 < 0 } || outcomes.values.contains { $0 < 0 } || histograms.contains { $0.values.contains { $0 < 0 } }
    }

    func count(_ verdict: Outcome.Verdict) -> Int64 {
        outcomes.reduce(0) { sum, outcome in Outcome.Verdict(code: outcome.key) == verdict ? sum + outcome.value : sum }
    }
}
