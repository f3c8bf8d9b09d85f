import Domain
import PlimsollWire
import Postgres

extension MinuteCounters {
    var requests: Int64 { outcomes.values.reduce(0, +) }

    /// As they are stored.
    mutating func read(_ row: PostgresRow) throws {
        func counts<Key: Hashable & Decodable>(_ column: String) throws -> [Key: Int64] {
            try WireCoder.decode([Key: Int64].self, from: Array(try row.value(column, as: String.self).utf8))
        }
        outcomes = try counts("outcomes")
        (firstTokenSamples, firstTokenOver) = (try row.value("first_token_samples"), try row.value("first_token_over"))
        (promptTokens, completionTokens) = (try row.value("prompt_tokens"), try row.value("completion_tokens"))
        (rateLimited, disconnects, streams) = (try row.value("rate_limited"), try row.value("disconnects"), try row.value("streams"))
        (lastTokenSamples, lastTokenOver) = (try row.value("last_token_samples"), try row.value("last_token_over"))
        firstTokenHistogram = try counts("first_token_histogram")
        queueHistogram = try counts("queue_histogram")
        lastTokenHistogram = try counts("last_token_histogram")
        longLastTokenHistogram = try counts("long_last_token_histogram")
        retrievalHistogram = try counts("retrieval_histogram")
        retrievedFirstTokenHistogram = try counts("retrieved_first_token_histogram")
        retrievedLastTokenHistogram = try counts("retrieved_last_token_histogram")
    }

    /// One usage record, as the gateway counts a request that has ended.
    mutating func count(_ row: PostgresRow, _ thresholds: MinuteRecount.Thresholds) throws {
        let code: String = try row.value("outcome")
        guard Outcome.Verdict(code: code) != nil else { return }
        outcomes[code, default: 0] += 1
        // One that only a newer release has is no special one.
        let outcome = Outcome(rawValue: code) ?? .good
        // Nothing is known of the rest of a request that was cut.
        guard outcome != .interrupted else { return }
        if [.quota, .shed, .throttled].contains(outcome) { rateLimited += 1 }
        if outcome == .clientAbort { disconnects += 1 }
        if try row.value("stream") { streams = (streams ?? 0) + 1 }
        let tokens = try row.value("completion_tokens", as: Int64.self)
        promptTokens += try row.value("prompt_tokens")
        completionTokens += tokens
        queueHistogram.add(try row.value("queued_for_us"))
        let finished = try row.value("finished_after_us", as: Int64.self)
        if code == Outcome.good.rawValue { countLastToken(Int(tokens), finished, thresholds.lastToken) }
        if let told = try row.value("retrieval_us", as: Int64?.self) {
            count(retrieval: told, try row.value("first_token_after_us"), finished, isGood: code == Outcome.good.rawValue)
        }
        let sample = FirstTokenSample(
            firstTokenAfter: try row.value("first_token_after_us"), finishedAfter: finished, outcome: outcome,
            objectiveMicroseconds: thresholds.firstToken)
        guard let sample else { return }
        firstTokenSamples += 1
        if sample.microseconds > thresholds.firstToken { firstTokenOver += 1 }
        firstTokenHistogram[LatencyHistogram.index(of: sample.microseconds), default: 0] += 1
    }

    private mutating func count(retrieval told: Int64, _ firstTokenAfter: Int64?, _ finishedAfter: Int64, isGood: Bool) {
        retrievalHistogram.add(told)
        guard isGood else { return }
        if let first = firstTokenAfter { retrievedFirstTokenHistogram.add(told + first) }
        retrievedLastTokenHistogram.add(told + finishedAfter)
    }

    private mutating func countLastToken(_ tokens: Int, _ after: Int64, _ threshold: Int64) {
        if FixedLengthSample.admits(completionTokens: tokens) {
            lastTokenSamples = (lastTokenSamples ?? 0) + 1
            lastTokenOver = (lastTokenOver ?? 0) + (after > threshold ? 1 : 0)
            lastTokenHistogram.add(after)
        } else if FixedLengthSample.admits(completionTokens: tokens, fixedTokens: 2 * FixedLengthSample.defaultTokens) {
            longLastTokenHistogram.add(after)
        }
    }

    /// These are what records show: what was told with all that is missing in it. Nil when nothing is.
    ///
    /// - Parameter late: Counted apart, because it ended when its minute was long over.
    func completing(_ told: MinuteCounters?, beside late: MinuteCounters?) -> MinuteCounters? {
        var whole = self
        let none = self.emptied
        let (told, late) = (told ?? none, late ?? none)
        whole.outcomes = outcomes.lacking(told.outcomes, late.outcomes.filter { $0.key != Outcome.interrupted.rawValue })
        func sum(_ value: (MinuteCounters) -> Int64) -> Int64 { value(told) + max(0, value(self) - value(told) - value(late)) }
        whole.firstTokenSamples = sum(\.firstTokenSamples)
        whole.firstTokenOver = min(sum(\.firstTokenOver), whole.firstTokenSamples)
        (whole.promptTokens, whole.completionTokens) = (sum(\.promptTokens), sum(\.completionTokens))
        (whole.rateLimited, whole.disconnects, whole.streams) = (sum(\.rateLimited), sum(\.disconnects), sum { $0.streams ?? 0 })
        let lastSamples = sum { $0.lastTokenSamples ?? 0 }
        (whole.lastTokenSamples, whole.lastTokenOver) = (lastSamples, min(sum { $0.lastTokenOver ?? 0 }, lastSamples))
        whole.firstTokenHistogram = firstTokenHistogram.lacking(told.firstTokenHistogram, late.firstTokenHistogram)
        func histogram(_ value: (MinuteCounters) -> [Int: Int64]?) -> [Int: Int64] {
            (value(self) ?? [:]).lacking(value(told) ?? [:], value(late) ?? [:])
        }
        whole.queueHistogram = histogram(\.queueHistogram)
        whole.lastTokenHistogram = histogram(\.lastTokenHistogram)
        whole.longLastTokenHistogram = histogram(\.longLastTokenHistogram)
        whole.retrievalHistogram = histogram(\.retrievalHistogram)
        whole.retrievedFirstTokenHistogram = histogram(\.retrievedFirstTokenHistogram)
        whole.retrievedLastTokenHistogram = histogram(\.retrievedLastTokenHistogram)
        return whole.requests > told.requests ? whole : nil
    }

    private var emptied: MinuteCounters {
        MinuteCounters(minute: minute, tenant: tenant, tier: tier, model: model, region: region, provider: provider, drill: drill)
    }
}

extension Dictionary where Value == Int64 {
    /// What was told, and what of this is in neither.
    fileprivate func lacking(_ told: Self, _ late: Self) -> Self {
        var whole = told
        for (key, count) in self {
            let missing = count - (told[key] ?? 0) - (late[key] ?? 0)
            if missing > 0 { whole[key, default: 0] += missing }
        }
        return whole
    }
}

extension Dictionary<Int, Int64>? {
    fileprivate mutating func add(_ microseconds: Int64) {
        var counts = self ?? [:]
        counts[LatencyHistogram.index(of: microseconds), default: 0] += 1
        self = counts
    }
}
