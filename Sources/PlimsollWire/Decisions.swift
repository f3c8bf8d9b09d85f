/// How one request was routed, for operators who ask why. Never content. Durations are microseconds.
package struct RequestDecision: Sendable, Codable, Equatable {
    package struct Candidate: Sendable, Codable, Equatable {
        package var worker: String
        /// `owner` has the prompt's beginning in its cache, `placed` is where such a beginning goes, `drawn` was drawn at random.
        package var role: String
        /// What the request would have cost there, in microseconds of the worker by its weight.
        package var cost: Int64
        /// Of a slot for an hour; nil: not known.
        package var priceMicroUsd: Int64?

        package init(worker: String, role: String, cost: Int64, priceMicroUsd: Int64?) {
            self.worker = worker
            self.role = role
            self.cost = cost
            self.priceMicroUsd = priceMicroUsd
        }
    }

    package struct Attempt: Sendable, Codable, Equatable {
        package var worker: String
        /// `first`, `retry`, `reroute`, `hedge` or `continuation`.
        package var reason: String
        /// After acceptance.
        package var startedAfter: Int64
        package var firstTokenAfter: Int64?
        package var endedAfter: Int64?
        /// `answered`, `failed`, `lost`, `refused`, `cancelled` or `broken`; nil while it runs.
        package var result: String?

        package init(worker: String, reason: String, startedAfter: Int64, firstTokenAfter: Int64?, endedAfter: Int64?, result: String?) {
            self.worker = worker
            self.reason = reason
            self.startedAfter = startedAfter
            self.firstTokenAfter = firstTokenAfter
            self.endedAfter = endedAfter
            self.result = result
        }
    }

    package var requestId: String
    /// Microseconds since 1970.
    package var acceptedAt: Int64
    package var queuedFor: Int64
    /// Tokens of the prompt as the gateway estimated them, and of those the ones that the first worker was taken to hold.
    package var promptTokens: Int
    package var cachedTokens: Int
    /// Of the first choice.
    package var candidates: [Candidate]
    package var attempts: [Attempt]
    /// Whose fault it is that there was no good answer: `customer`, `gateway`, `host` or `runtime`; nil: nobody's.
    package var fault: String?

    package init(
        requestId: String, acceptedAt: Int64, queuedFor: Int64, promptTokens: Int, cachedTokens: Int, candidates: [Candidate], attempts: [Attempt],
        fault: String? = nil
    ) {
        self.requestId = requestId
        self.acceptedAt = acceptedAt
        self.queuedFor = queuedFor
        self.promptTokens = promptTokens
        self.cachedTokens = cachedTokens
        self.candidates = candidates
        self.attempts = attempts
        self.fault = fault
    }
}

package struct DecisionBatch: Sendable, Codable {
    package var decisions: [RequestDecision]

    package init(decisions: [RequestDecision]) {
        self.decisions = decisions
    }
}
