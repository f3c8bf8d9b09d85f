/// How requests of one tier wait, as data of the tier. Defaults are what a tier has that says nothing.
package struct QueueRules: Sendable, Equatable {
    /// Greater is served first, strictly.
    package var rank = 0
    /// Per cent of what is served that lines of this tier get at least while greater ranks would take all of it.
    package var floorPercent = 5
    /// While a deadline of this tier is missed, or nearly, floors of lesser ranks are suspended.
    package var isProtected = false
    /// Requests of one service class that may wait for one model at one gateway.
    package var requests = 512
    /// Bytes of their bodies.
    package var bytes = 64 << 20
    /// Per cent of a worker's slots that lesser ranks leave free for bursts of this tier.
    package var burstPercent = 0
    /// Per cent of a worker's slots that no other tier may hold.
    package var reservedPercent = 0
    /// Per cent of a worker's slots and KV cache that one tenant may hold.
    package var tenantSharePercent = 100
    /// Microseconds from acceptance to the end of a batch answer.
    package var batchDeadline: Int64 = 900_000_000
    /// Longest wait of an interactive request, microseconds; nil: up to the objective of the time to the first token, less the prefill.
    package var wait: Int64?

    package init() {}
}
