/// Durations that were measured, in microseconds.
struct Samples {
    private var values: [Int64] = []

    mutating func add(_ microseconds: Int64) {
        values.append(microseconds)
    }

    /// Percentiles as JSON.
    var json: String {
        let sorted = values.sorted()
        func at(_ share: Double) -> Int64 { sorted.isEmpty ? 0 : sorted[min(sorted.count - 1, Int(Double(sorted.count) * share))] }
        return "{\"n\":\(sorted.count),\"p50\":\(at(0.5)),\"p99\":\(at(0.99)),\"max\":\(sorted.last ?? 0)}"
    }
}
