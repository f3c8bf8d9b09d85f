/// The decisions of a few seconds on one loop: all that were out of the ordinary, as far as there is room, and a fair sample of the others.
final class DecisionRing {
    private static let most = 500

    private var notable: [DecisionTrace] = []
    private var ordinary: [DecisionTrace] = []
    private var seen = 0
    private(set) var dropped = 0
    private var random = LoopRandom()

    /// - Parameter isNotable: It did not go the straight way, or did not end well.
    func note(_ trace: DecisionTrace, isNotable: Bool) {
        guard !isNotable else {
            if notable.count < Self.most { notable.append(trace) } else { dropped += 1 }
            return
        }
        seen += 1
        guard ordinary.count == Self.most else { return ordinary.append(trace) }
        dropped += 1
        let place = Int.random(in: 0..<seen, using: &random)
        if place < Self.most { ordinary[place] = trace }
    }

    /// What was kept since the last call.
    func take() -> [DecisionTrace] {
        defer {
            notable.removeAll(keepingCapacity: true)
            ordinary.removeAll(keepingCapacity: true)
            seen = 0
        }
        return notable + ordinary
    }
}
