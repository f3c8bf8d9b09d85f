/// How a tier's requests wait when workers are full. Every member may be missing: then the gateway's default holds.
package struct TierQueue: Sendable, Codable, Equatable {
    /// Greater is served first.
    package var priority: Int?
    /// While a deadline of this tier is missed, or nearly, floors of lesser tiers are suspended.
    package var isProtected: Bool?
    /// Per cent of what is served that the tier gets at least.
    package var floorPercent: Int?
    /// Requests that may wait for one model at one gateway, of each service class.
    package var requests: Int?
    /// Bytes of their bodies.
    package var bytes: Int?
    /// Longest wait, microseconds; nil: up to the objective of the time to the first token, less what the prompt takes.
    package var waitMicroseconds: Int64?
    /// Per cent of a worker's slots that lesser tiers leave free for bursts of this one.
    package var burstPercent: Int?
    /// Per cent of a worker's slots that no other tier may hold.
    package var reservedPercent: Int?
    /// Per cent of a worker's slots and KV cache that one tenant may hold.
    package var tenantSharePercent: Int?
    /// From acceptance to the end of a batch answer.
    package var batchDeadlineSeconds: Int?

    package init(
        priority: Int? = nil, isProtected: Bool? = nil, floorPercent: Int? = nil, requests: Int? = nil, bytes: Int? = nil,
        waitMicroseconds: Int64? = nil, burstPercent: Int? = nil, reservedPercent: Int? = nil, tenantSharePercent: Int? = nil,
        batchDeadlineSeconds: Int? = nil
    ) {
        self.priority = priority
        self.isProtected = isProtected
        self.floorPercent = floorPercent
        self.requests = requests
        self.bytes = bytes
        self.waitMicroseconds = waitMicroseconds
        self.burstPercent = burstPercent
        self.reservedPercent = reservedPercent
        self.tenantSharePercent = tenantSharePercent
        self.batchDeadlineSeconds = batchDeadlineSeconds
    }
}

/// Which prompts a worker is for, where a model has a threshold for long ones.
package enum ContextClass: String, Sendable, Codable, CaseIterable {
    case standard
    case long
}
