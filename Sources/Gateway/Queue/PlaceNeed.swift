import PlimsollWire

/// What a request takes of a worker: a slot, and room in its KV cache.
struct PlaceNeed: Sendable {
    /// Tokens of KV cache that it is likely to use; 0: it needs none, and is not held up by a cache that is full.
    var tokens: Int
    /// Per cent of the worker's slots that are open to its tier.
    var slotPercent: Int32 = 100
    /// What other tiers have for themselves.
    var reserved = ReservedSlots()
    /// A running request makes way when one of a protected tier would be late.
    var yields = false
    /// Mark of its tenant, the same for all keys of it.
    var tenant: UInt64
    /// Of its tier among the ranks of all, 0 the greatest.
    var rank = 0
    /// Per cent of the worker's slots and KV cache that its tenant may hold.
    var tenantSharePercent = 100

    /// Output tokens for which room is asked before the answer is known; runtimes give more as it grows.
    static let usualOutput = 512
}

extension Worker {
    /// Share of the KV cache that is as good as full, where nothing more is known of it.
    private static let fullCache = 0.95

    /// Tokens that its KV cache holds; nil when nobody says. llama.cpp's server gives each slot its own context.
    var kvTokens: Int? {
        if let known = entry.kvTokens ?? load?.kvTokens { return known }
        return entry.dialect == .llamacpp && entry.contextTokens > 1 ? entry.slots * entry.contextTokens : nil
    }

    /// Requests of other gateways there, by the host's last reports.
    var others: Int { load?.others ?? 0 }

    private var slots: Int { max(entry.slots, 1) }

    /// Slots that this gateway's requests of all tiers may have, others' taken off.
    var openSlots: Int { max(0, slots - others) }

    /// There is a free slot, whatever else is needed.
    var hasSlot: Bool { tally.inFlight < openSlots && !isBackedUp }

    /// The request could be started at once.
    func hasRoom(for need: PlaceNeed) -> Bool { hasSlot(for: need) && hasCache(for: need) }

    /// Takes a place; false when there is none.
    func take(_ need: PlaceNeed) -> Bool {
        hasCache(for: need) && !isBackedUp && sharesSlots(need) && tally.take(need, limit: limit(need))
    }

    /// Takes a place whether there is one or not.
    func force(_ need: PlaceNeed) { _ = tally.take(need, limit: .max) }

    /// Free but for the KV cache.
    func hasSlot(for need: PlaceNeed) -> Bool { tally.inFlight < limit(need) && !isBackedUp && sharesSlots(need) }

    /// No prompt above the KV cache that is free. A request alone always fits: what exceeds the context is refused elsewhere.
    private func hasCache(for need: PlaceNeed) -> Bool {
        guard need.tokens > 0 else { return true }
        let capacity = kvTokens
        // A new report is looked at before anything is taken: what is held then is in it.
        let foreign = capacity.map(foreignTokens) ?? 0
        guard tally.inFlight + others > 0 else { return true }
        guard let capacity else { return (load?.kvUsedRatio ?? 0) < Worker.fullCache }
        guard tally.heldTokens + foreign + need.tokens <= capacity else { return false }
        guard need.tenantSharePercent < 100 else { return true }
        let held = tally.holding(need.tenant)
        return held.places == 0 || held.tokens + need.tokens <= capacity * need.tenantSharePercent / 100
    }

    /// What is in its KV cache by the last report and was not this gateway's.
    private func foreignTokens(_ capacity: Int) -> Int {
        guard let load, let used = load.kvUsedRatio else { return 0 }
        return max(0, Int(used * Double(capacity)) - tally.heldTokens(at: load.reportMark))
    }

    /// Slots that are open to its tier.
    func limit(_ need: PlaceNeed) -> Int {
        // What is free there is on its way to a protected request of another gateway.
        if need.yields, let load, load.placesWanted > 0 { return 0 }
        let open = need.slotPercent == 100 ? openSlots : max(1, slots - slots * (100 - Int(need.slotPercent)) / 100) - others
        return need.reserved.isEmpty ? open : open - need.reserved.unfilled(of: slots) { tally.holding(of: $0).places }
    }

    private func sharesSlots(_ need: PlaceNeed) -> Bool {
        guard need.tenantSharePercent < 100 else { return true }
        return tally.holding(need.tenant).places < max(1, slots * need.tenantSharePercent / 100)
    }

    /// Requests wait inside the runtime, more than it needs to keep its slots full: it has less room than it has slots, or fewer slots than are known.
    private var isBackedUp: Bool {
        guard let load else { return false }
        return load.waiting > slots / 8 + 2 || load.waitingSteadily > min(slots, load.running) / 8 + 2
    }
}
