/// Times to the first token of a region's probes, minute by minute: they stand for hours in which a customer asked too little.
package struct EvidenceProbes: Sendable, Equatable {
    /// Longest month that there is, with what a change of the clock adds.
    private static let most = 32 * 1_440

    /// Id of the promise whose quiet hours they stand for.
    package let promise: String
    /// First minute since 1970.
    package let since: Int64
    package let counters: [LatencyCounter]

    package init(promise: String, since: Int64, counters: [LatencyCounter]) {
        self.promise = promise
        self.since = since
        self.counters = counters
    }

    /// Equal minutes in a row are written once, such as `1,0*58`.
    var line: String {
        var (texts, start): ([String], Int) = ([], 0)
        while start < counters.count {
            let end = counters[start...].firstIndex { $0 != counters[start] } ?? counters.count
            let times = end - start
            texts.append("\(counters[start].samples),\(counters[start].over)\(times == 1 ? "" : "*\(times)")")
            start = end
        }
        return ["probes", BundleText.escape(promise), UTCMinute.text(since), texts.joined(separator: " ")].joined(
            separator: "|")
    }

    /// Reads exactly what `line` gives, of at most a month.
    init?(_ fields: [String]) {
        guard fields.count == 4, let promise = BundleText.unescape(fields[1]), let since = UTCMinute.parse(fields[2]) else { return nil }
        var counters: [LatencyCounter] = []
        for text in fields[3].split(separator: " ") {
            let parts = text.split(separator: "*", omittingEmptySubsequences: false)
            let counts = parts[0].split(separator: ",", omittingEmptySubsequences: false).compactMap { Int64($0) }
            let times = parts.count == 2 ? Int(parts[1]) ?? 0 : 1
            guard counts.count == 2, counts.allSatisfy({ (0...(1 << 40)).contains($0) }), (1...Self.most).contains(times),
                counters.count + times <= Self.most
            else { return nil }
            counters += Array(repeating: LatencyCounter(samples: counts[0], over: counts[1]), count: times)
        }
        self.init(promise: promise, since: since, counters: counters)
        guard line == fields.joined(separator: "|") else { return nil }
    }
}
