/// The decisions of a few seconds on one loop: all that were out of the ordinary, as far as there is room, and a fair sample of the others. Each
/// sort has room of its own, so that none takes that of another; refusals without a key have the least, because anybody can make them.
final class DecisionRing {
    struct Kept {
        var traces: [DecisionTrace]
        var refusals: [RefusalTrace]
        /// Requests out of the ordinary for which there was no room.
        var dropped: Int
    }

    private var notable = Reservoir<DecisionTrace>(1_000)
    private var ordinary = Reservoir<DecisionTrace>(500)
    private var refused = Reservoir<RefusalTrace>(1_000)
    private var strangers = Reservoir<RefusalTrace>(100)
    private var dropped = 0
    private var random = LoopRandom()

    /// - Parameter isNotable: It did not go the straight way, was slow, or did not end well.
    func note(_ trace: DecisionTrace, isNotable: Bool) {
        guard isNotable else { return _ = ordinary.note(trace, using: &random) }
        if !notable.note(trace, using: &random) { dropped += 1 }
    }

    func note(_ refusal: RefusalTrace) {
        let isKept = refusal.key == nil ? strangers.note(refusal, using: &random) : refused.note(refusal, using: &random)
        if !isKept { dropped += 1 }
    }

    /// What was kept since the last call.
    func take() -> Kept {
        defer { dropped = 0 }
        return Kept(traces: notable.take() + ordinary.take(), refusals: refused.take() + strangers.take(), dropped: dropped)
    }
}
