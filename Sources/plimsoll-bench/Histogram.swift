/// Durations that were measured. Each power of two has 128 steps, so that what is read out is less than one percent off.
struct Histogram {
    private static let bits = 7
    private static let steps = 1 << bits

    private var counts = [UInt32](repeating: 0, count: (64 - bits) * steps)
    private var total = 0
    private var longest: Int64 = 0

    mutating func add(nanoseconds: Int64) {
        counts[Self.step(UInt64(max(0, nanoseconds)))] += 1
        total += 1
        longest = max(longest, nanoseconds)
    }

    /// Percentiles as JSON, in microseconds.
    var json: String {
        "{\"n\":\(total),\"p50\":\(at(0.5) / 1000),\"p90\":\(at(0.9) / 1000),\"p99\":\(at(0.99) / 1000),\"max\":\(longest / 1000)}"
    }

    private func at(_ share: Double) -> Int64 {
        var left = Int(Double(total) * share)
        for (step, count) in counts.enumerated() {
            left -= Int(count)
            if left < 0 { return min(longest, Self.value(step)) }
        }
        return longest
    }

    private static func step(_ value: UInt64) -> Int {
        guard value >= steps else { return Int(value) }
        let shift = 63 - value.leadingZeroBitCount - bits
        return (shift + 1) * steps + Int(value >> UInt64(shift)) - steps
    }

    /// The middle of what falls into a step.
    private static func value(_ step: Int) -> Int64 {
        guard step >= steps else { return Int64(step) }
        let shift = step / steps - 1
        return Int64(step % steps + steps) << Int64(shift) + (Int64(1) << Int64(shift)) / 2
    }
}
