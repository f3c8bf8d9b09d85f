/// Log-linear histogram of microseconds with 7 sub-bucket bits: exact to 127, then at most 1/128 wide (reference, section 2.6).
///
/// It is for display and capacity. Whether an objective was met is decided by `LatencyCounter`, because a threshold may lie inside a bucket.
package struct LatencyHistogram: Sendable, Equatable {
    package private(set) var counts: [Int: Int64]

    package init(counts: [Int: Int64] = [:]) {
        self.counts = counts
    }

    /// Bucket of a value; negative values count as 0.
    package static func index(of microseconds: Int64) -> Int {
        let value = UInt64(max(microseconds, 0))
        guard value >= 128 else { return Int(value) }
        let exponent = 64 - value.leadingZeroBitCount - 8
        return exponent * 128 + Int(value >> UInt64(exponent))
    }

    /// Smallest and greatest value of a bucket, both inside it.
    package static func bounds(of index: Int) -> ClosedRange<Int64> {
        guard index >= 128 else { return Int64(index)...Int64(index) }
        let exponent = min((index - 128) / 128, 55)
        let lower = Int64(index - exponent * 128) << Int64(exponent)
        return lower...lower + (Int64(1) << Int64(exponent)) - 1
    }

    package var total: Int64 { counts.values.reduce(0, +) }

    package mutating func add(_ microseconds: Int64, times: Int64 = 1) {
        counts[Self.index(of: microseconds), default: 0] += times
    }

    package mutating func merge(_ other: LatencyHistogram) {
        counts.merge(other.counts, uniquingKeysWith: +)
    }

    /// Bucket that holds the sample of a rank counted from 1; nil when there are fewer samples.
    package func bucket(rank: Int64) -> Int? {
        guard rank >= 1 else { return nil }
        var passed: Int64 = 0
        for (index, count) in counts.sorted(by: { $0.key < $1.key }) {
            passed += count
            if passed >= rank { return index }
        }
        return nil
    }
}
