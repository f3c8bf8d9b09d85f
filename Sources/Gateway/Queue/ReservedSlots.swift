/// Per cent of a worker's slots that tiers have for themselves, by their place among the ranks.
struct ReservedSlots: Sendable, Equatable {
    private var percents = SIMD4<UInt8>()

    init() {}

    mutating func add(_ percent: Int, of place: Int) {
        percents[place] = UInt8(clamping: Int(percents[place]) + percent)
    }

    var isEmpty: Bool { percents == SIMD4() }

    /// Slots of the worker that are to stay free although nobody has them yet: what those tiers hold of their own they need no longer be kept.
    func unfilled(of slots: Int, _ holding: (Int) -> Int) -> Int {
        var sum = 0
        for place in 0..<TenantHoldings.ranks where percents[place] > 0 { sum += max(0, slots * Int(percents[place]) / 100 - holding(place)) }
        return sum
    }
}
