/// Chooses a release of a model by its share of the traffic.
package enum ReleaseChoice {
    /// - Parameter weights: Shares; only their proportion counts, and none below 1 is ever chosen.
    /// - Returns: Index of the chosen share; nil when there is none above 0.
    package static func pick(_ weights: [Int], using generator: inout some RandomNumberGenerator) -> Int? {
        let total = weights.reduce(0) { $0 + max($1, 0) }
        guard total > 0 else { return nil }
        var draw = Int.random(in: 0..<total, using: &generator)
        for (index, weight) in weights.enumerated() where weight > 0 {
            if draw < weight { return index }
            draw -= weight
        }
        return nil
    }
}
