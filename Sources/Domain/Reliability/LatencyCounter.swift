/// Samples of a latency and how many lay strictly above a threshold. Merging is adding, so the decision is exact over any set of nodes.
package struct LatencyCounter: Sendable, Equatable {
    package var samples: Int64
    package var over: Int64

    package init(samples: Int64 = 0, over: Int64 = 0) {
        self.samples = samples
        self.over = over
    }

    package mutating func add(_ microseconds: Int64, threshold: Int64) {
        samples += 1
        if microseconds > threshold { over += 1 }
    }

    package static func + (left: LatencyCounter, right: LatencyCounter) -> LatencyCounter {
        LatencyCounter(samples: left.samples + right.samples, over: left.over + right.over)
    }

    package static func - (left: LatencyCounter, right: LatencyCounter) -> LatencyCounter {
        LatencyCounter(samples: left.samples - right.samples, over: left.over - right.over)
    }

    /// Samples that may lie above the threshold while its 95th percentile does not.
    package var allowed: Int64 { samples / 20 }

    /// Whether the 95th percentile by nearest rank is above the threshold; nil without a sample.
    package var isBreach: Bool? {
        samples == 0 ? nil : over > allowed
    }
}

/// The 95th percentile by nearest rank.
package enum Percentile95 {
    /// Rank from 1 of the 95th percentile among `count` samples: 0.95 n, rounded up. 0 without samples.
    package static func rank(count: Int64) -> Int64 {
        (count * 95 + 99) / 100
    }

    /// Nil without samples. The order of `samples` does not matter.
    package static func value(_ samples: [Int64]) -> Int64? {
        samples.isEmpty ? nil : samples.sorted()[Int(rank(count: Int64(samples.count))) - 1]
    }
}

/// Time to the last token counts only at a fixed answer length, so that long answers do not look slow.
package enum FixedLengthSample {
    package static let defaultTokens = 256
    /// Microseconds to the last token, where a tier says nothing else.
    package static let usualObjective: Int64 = 8_000_000

    package static func admits(completionTokens: Int, fixedTokens: Int = defaultTokens) -> Bool {
        completionTokens == fixedTokens
    }
}
