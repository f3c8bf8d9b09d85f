extension BundleVerification {
    /// What was first told of a place when its minute was closed: there is no leaf that it could correct, and no minute of it counts but by what is found here.
    mutating func tellLate(_ bundle: EvidenceBundle) {
        let stretches = bundle.trees.flatMap(\.parts).map(\.stretch)
        var places: [String: [Int64: LeafCounts]] = [:]
        for leaf in bundle.corrections.sorted(by: { $0.number < $1.number }).map(\.leaf) {
            let hasLeaf = stretches.contains {
                $0.series.model == leaf.model && $0.series.region == leaf.region && $0.since <= leaf.minute && leaf.minute < $0.until
            }
            if !hasLeaf { places["\(leaf.model) in \(leaf.region)", default: [:]][leaf.minute] = LeafCounts(leaf) }
        }
        for (place, minutes) in places.sorted(by: { $0.key < $1.key }) {
            let (good, bad) = minutes.values.reduce((Int64(0), Int64(0))) { ($0.0 + $1.good, $0.1 + $1.bad) }
            let count = Counted.text(minutes.count, "minute")
            note("late", "\(place): \(count) without a leaf, first told when closed: \(good) good and \(bad) bad requests by corrections", true)
        }
    }
}
