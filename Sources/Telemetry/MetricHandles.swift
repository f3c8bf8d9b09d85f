public import Synchronization

/// A count that only rises. Counting is inlined into other modules: a call there would first count a reference to this object.
@usableFromInline
package final class CounterMetric: MetricSeries {
    @usableFromInline let count = Atomic<Int>(0)

    @inlinable
    package func increment(by amount: Int = 1) {
        count.wrappingAdd(amount, ordering: .relaxed)
    }

    package var current: Int { count.load(ordering: .relaxed) }

    var value: MetricValue { .number(Double(current)) }
}

/// A value that rises and falls.
@usableFromInline
package final class GaugeMetric: MetricSeries {
    @usableFromInline let bits = Atomic<UInt64>(0)

    package func set(_ value: Double) {
        bits.store(value.bitPattern, ordering: .relaxed)
    }

    @inlinable
    package func add(_ change: Double) {
        var seen = bits.load(ordering: .relaxed)
        while true {
            let wanted = (Double(bitPattern: seen) + change).bitPattern
            let (exchanged, now) = bits.weakCompareExchange(expected: seen, desired: wanted, ordering: .relaxed)
            if exchanged { return }
            seen = now
        }
    }

    package var current: Double { Double(bitPattern: bits.load(ordering: .relaxed)) }

    var value: MetricValue { .number(current) }
}

/// A distribution over fixed buckets.
package final class HistogramMetric: MetricSeries {
    /// Upper bounds in seconds for the times of requests.
    package static let seconds: [Double] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 1.5, 2.5, 5, 8, 15, 30, 60, 120]

    private let bounds: [Double]
    /// One for each bucket and one for what is above all bounds. They and the sum change one after the other: a reading in between is off by what is
    /// being observed, and nothing that event loops share is locked.
    private let counts: [CounterMetric]
    private let sum = GaugeMetric()

    init(bounds: [Double]) {
        precondition(zip(bounds, bounds.dropFirst()).allSatisfy(<), "bucket bounds must rise")
        self.bounds = bounds
        counts = (0...bounds.count).map { _ in CounterMetric() }
    }

    package func observe(_ value: Double) {
        counts[bounds.firstIndex { value <= $0 } ?? bounds.count].increment()
        sum.add(value)
    }

    package func observe(_ duration: Duration) {
        observe(Double(duration.components.seconds) + Double(duration.components.attoseconds) * 1e-18)
    }

    var value: MetricValue { .histogram(bounds: bounds, counts: counts.map { UInt64($0.current) }, sum: sum.current) }
}
