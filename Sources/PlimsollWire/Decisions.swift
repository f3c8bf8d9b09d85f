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

    /// Why a request was refused before it was admitted; it has no usage record. An object, because most decisions have none.
    package final class Refusal: Sendable, Codable, Equatable {
        /// The code that the customer saw (`docs/errors.md`).
        package let code: String
        package let status: Int
        /// The parameter that was wrong.
        package let param: String?
        /// Whose request it was; nil: no valid key was presented.
        package let tenant: String?
        package let key: String?
        package let tier: String?
        /// Nil: its body was not read so far.
        package let model: String?
        /// After acceptance.
        package let refusedAfter: Int64
        /// What the customer was told.
        package let retryAfter: Int64?

        package init(
            code: String, status: Int, param: String? = nil, tenant: String? = nil, key: String? = nil, tier: String? = nil, model: String? = nil,
            refusedAfter: Int64 = 0, retryAfter: Int64? = nil
        ) {
            self.code = code
            self.status = status
            self.param = param
            self.tenant = tenant
            self.key = key
            self.tier = tier
            self.model = model
            self.refusedAfter = refusedAfter
            self.retryAfter = retryAfter
        }

        package static func == (one: Refusal, other: Refusal) -> Bool {
            (one.code, one.status, one.param, one.tenant, one.key) == (other.code, other.status, other.param, other.tenant, other.key)
                && (one.tier, one.model, one.refusedAfter, one.retryAfter) == (other.tier, other.model, other.refusedAfter, other.retryAfter)
        }
    }

    package var requestId: String
    /// Microseconds since 1970.
    package var acceptedAt: Int64
    package var queuedFor: Int64
    /// How long it waited, before it was admitted, for a lease on a quota or for what other gateways leave of a limit of the minute; nil: of a gateway of the
    /// release before.
    package var leasedFor: Int64?
    /// What the customer says that its own retrieval took before it asked; nil: it says nothing.
    package var retrieval: Int64?
    /// Tokens of the prompt as the gateway estimated them, and of those the ones that the first worker was taken to hold.
    package var promptTokens: Int
    package var cachedTokens: Int
    /// Of the first choice.
    package var candidates: [Candidate]
    package var attempts: [Attempt]
    /// Whose fault it is that there was no good answer: `customer`, `gateway`, `host` or `runtime`; nil: nobody's.
    package var fault: String?
    /// Nil: it was admitted.
    package var refusal: Refusal?

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
