/// Power of two choices (Mitzenmacher 2001): two candidates at random, the less loaded one wins.
package enum WorkerChoice {
    /// - Parameters:
    ///   - count: Number of candidates; they are known by index.
    ///   - weight: Relative share of a candidate, above 0.
    ///   - cost: Load of a candidate; smaller is better.
    /// - Returns: Nil when there is no candidate.
    package static func pick(
        count: Int, weight: (Int) -> Int, cost: (Int) -> Int64, using generator: inout some RandomNumberGenerator
    ) -> Int? {
        guard count > 1 else { return count == 1 ? 0 : nil }
        let first = Int.random(in: 0..<count, using: &generator)
        var second = Int.random(in: 0..<count - 1, using: &generator)
        if second >= first { second += 1 }
        // A candidate with half the weight looks twice as loaded; the added one lets weights count among idle workers too.
        let firstScore = scaled(cost(first), by: weight(second))
        let secondScore = scaled(cost(second), by: weight(first))
        return secondScore < firstScore ? second : first
    }

    private static func scaled(_ cost: Int64, by weight: Int) -> Int64 {
        let (product, overflow) = (max(cost, 0) &+ 1).multipliedReportingOverflow(by: Int64(max(weight, 1)))
        return overflow ? .max : product
    }
}
