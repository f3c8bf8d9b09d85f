/// A fair sample, of bounded size, of a stream whose length nobody knows before (Vitter 1985, algorithm R).
struct Reservoir<Element> {
    private let most: Int
    private var kept: [Element] = []
    private var seen = 0

    init(_ most: Int) {
        self.most = most
    }

    /// False: this one, or another in its place, is not kept.
    mutating func note(_ element: Element, using random: inout LoopRandom) -> Bool {
        seen += 1
        guard kept.count == most else {
            kept.append(element)
            return true
        }
        let place = Int.random(in: 0..<seen, using: &random)
        if place < most { kept[place] = element }
        return false
    }

    /// What was kept since the last call.
    mutating func take() -> [Element] {
        defer {
            // What a spike needed is given back.
            kept.removeAll(keepingCapacity: kept.count < most)
            seen = 0
        }
        return kept
    }
}
