/// Requests of a few seconds on one loop that were refused before they were admitted, of which no record tells: as many as there is room for, a fair
/// sample where there are more. Those without a key have room of their own, and the least, because anybody can make them.
final class RefusalRing {
    struct Kept {
        var refusals: [RefusalTrace]
        /// Those for which there was no room.
        var dropped: Int
    }

    private var refused = Reservoir<RefusalTrace>(1_000)
    private var strangers = Reservoir<RefusalTrace>(100)
    private var dropped = 0
    private var random = LoopRandom()

    func note(_ refusal: RefusalTrace) {
        let isKept = refusal.key == nil ? strangers.note(refusal, using: &random) : refused.note(refusal, using: &random)
        if !isKept { dropped += 1 }
    }

    /// What was kept since the last call.
    func take() -> Kept {
        defer { dropped = 0 }
        return Kept(refusals: refused.take() + strangers.take(), dropped: dropped)
    }
}
