/// What a gateway knows of a worker's load at the moment of a choice.
package struct RoutingLoad: Sendable, Equatable {
    /// Tokens that this gateway has sent or promised to the worker and not yet seen answered.
    package var outstandingTokens: Int
    /// Requests that wait inside the runtime, by its last report.
    package var waiting: Int
    /// Requests that the runtime can serve at once, at least 1.
    package var slots: Int
    /// Share of the KV cache in use, thousandths; nil when the runtime does not say.
    package var kvUsedPermille: Int?

    package init(outstandingTokens: Int, waiting: Int, slots: Int, kvUsedPermille: Int? = nil) {
        self.outstandingTokens = outstandingTokens
        self.waiting = waiting
        self.slots = slots
        self.kvUsedPermille = kvUsedPermille
    }

    /// Thousandths of a token of work for each slot: outstanding tokens, a typical request for each one that waits, and half as much again
    /// for each tenth of the KV cache used above eight tenths, because a full cache pre-empts running requests.
    package var cost: Int64 {
        let tokens = Int64(outstandingTokens) + Int64(waiting) * 512
        let base = tokens * 1000 / Int64(max(slots, 1))
        let pressure = Int64(max(0, min(kvUsedPermille ?? 0, 1000) - 800))
        return base + (base + 1000) * pressure / 200
    }
}
