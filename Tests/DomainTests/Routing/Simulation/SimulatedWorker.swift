/// A worker as a simulation needs it: prompts one after the other, answers side by side in slots, and a prefix cache that forgets what was
/// not used longest. Times are microseconds.
struct SimulatedWorker {
    let prefillNanoseconds: Int64
    let interTokenMicroseconds: Int64
    let slots: Int
    let cacheTokens: Int

    private var prefillFreeAt: Int64 = 0
    /// Ends of running answers, in order.
    private var ends: [Int64] = []
    private var cached: [Int: (tokens: Int, usedAt: Int64)] = [:]
    private var cachedTotal = 0
    private(set) var busy: Int64 = 0
    private(set) var requests = 0

    init(prefillNanoseconds: Int64, interTokenMicroseconds: Int64, slots: Int = 16, cacheTokens: Int = 150_000) {
        self.prefillNanoseconds = prefillNanoseconds
        self.interTokenMicroseconds = interTokenMicroseconds
        self.slots = slots
        self.cacheTokens = cacheTokens
    }

    struct Answer {
        var cachedTokens: Int
        var firstTokenAt: Int64
        var endsAt: Int64
    }

    /// Tokens at the start of the turn's prompt that are in its cache.
    func cachedTokens(_ turn: SimulatedTurn) -> Int {
        max(min(cached[turn.conversation]?.tokens ?? 0, turn.promptTokens), min(cached[turn.systemPrompt]?.tokens ?? 0, turn.systemTokens))
    }

    mutating func serve(_ turn: SimulatedTurn, at now: Int64) -> Answer {
        ends.removeAll { $0 <= now }
        let hit = cachedTokens(turn)
        let slotFreeAt = ends.count < slots ? now : ends[ends.count - slots]
        let start = max(now, prefillFreeAt, slotFreeAt)
        let prefill = Int64(turn.promptTokens - hit) * prefillNanoseconds / 1000 + 5_000
        prefillFreeAt = start + prefill
        // A full batch takes half as long again for each token as a single answer.
        let pace = interTokenMicroseconds + interTokenMicroseconds * Int64(min(ends.count, slots)) / Int64(slots * 2)
        let decode = Int64(turn.outputTokens) * pace
        let end = start + prefill + decode
        let place = ends.firstIndex { $0 > end } ?? ends.count
        ends.insert(end, at: place)
        busy += prefill + decode / Int64(slots)
        requests += 1
        remember(turn.systemPrompt, turn.systemTokens, now)
        remember(turn.conversation, turn.promptTokens + turn.outputTokens, now)
        return Answer(cachedTokens: hit, firstTokenAt: start + prefill, endsAt: end)
    }

    private mutating func remember(_ key: Int, _ tokens: Int, _ now: Int64) {
        cachedTotal += tokens - (cached[key]?.tokens ?? 0)
        cached[key] = (tokens, now)
        while cachedTotal > cacheTokens, let oldest = cached.min(by: { ($0.value.usedAt, $0.key) < ($1.value.usedAt, $1.key) }) {
            cachedTotal -= oldest.value.tokens
            cached[oldest.key] = nil
        }
    }
}

/// One request of a conversation.
struct SimulatedTurn {
    var conversation: Int
    /// What the beginning of its prompt is known by: the conversation's number, or one that other conversations have too.
    var opener: Int
    /// What the customer calls the conversation; 0: nothing.
    var session = 0
    /// Negative, so that it is no conversation's number.
    var systemPrompt: Int
    var systemTokens: Int
    var promptTokens: Int
    var outputTokens: Int
    var turn: Int
}
