/// A request that asks for a place in a queue. Times are microseconds of a monotonic clock.
package struct QueuedRequest: Sendable {
    /// Which line of a queue: a tier's, and within it a service class's.
    package struct Line: Sendable, Hashable {
        package var tier: String
        package var service: ServiceClass

        package init(tier: String, service: ServiceClass) {
            self.tier = tier
            self.service = service
        }
    }

    package var line: Line
    package var rules: QueueRules
    package var tenant: String
    package var promptTokens: Int
    /// The most that the answer may have.
    package var outputTokens: Int
    package var bytes: Int
    package var arrived: Int64
    /// Begun later than this it would miss its objective.
    package var deadline: Int64

    /// Running requests of shared tiers make way for it.
    package var displaces: Bool { rules.isProtected && line.service == .interactive }

    package init(
        line: Line, rules: QueueRules, tenant: String, promptTokens: Int, outputTokens: Int, bytes: Int, arrived: Int64, deadline: Int64
    ) {
        self.line = line
        self.rules = rules
        self.tenant = tenant
        self.promptTokens = promptTokens
        self.outputTokens = outputTokens
        self.bytes = bytes
        self.arrived = arrived
        self.deadline = deadline
    }
}

/// A place in a queue.
package struct QueueTicket: Sendable, Hashable {
    let number: UInt64
}

/// What the workers behind a queue can do at the moment.
package struct QueueCapacity: Sendable {
    /// Of all workers that can be reached; 0: none can.
    package var slots: Int
    /// Microseconds for which a request holds a slot on average; 0: not known yet.
    package var holdTime: Int64
    /// Running requests that make way for those of protected lines.
    package var yielding: Int

    package init(slots: Int, holdTime: Int64, yielding: Int = 0) {
        self.slots = slots
        self.holdTime = holdTime
        self.yielding = yielding
    }

    /// Microseconds between two starts when all slots are taken.
    var interval: Int64 { slots > 0 ? holdTime / Int64(slots) : 0 }
}
