/// What one request counts as in the availability of its minute (reference, section 2.1). Raw values are what records and counters carry.
package enum Outcome: String, Sendable, CaseIterable {
    case good
    case serverError = "bad:5xx"
    case streamBroken = "bad:stream_broken"
    case emptyCompletion = "bad:empty_completion"
    /// 429 although the tenant was inside its quota and burst.
    case shed = "bad:shed"
    /// 429 inside quota and burst, because the tenant is left less than that for a while. It says nothing of how others are served.
    case throttled = "bad:throttled"
    /// The gateway died before the request's end was recorded, or its disk refused the record; closed at its next start.
    case interrupted = "bad:interrupted"
    case maintenance = "excluded:maintenance"
    case overLimit = "excluded:over_limit"
    case prohibited = "excluded:prohibited"
    case quota = "excluded:quota"
    case clientAbort = "excluded:client_abort"
    case clientError = "excluded:4xx"

    package var verdict: Verdict {
        switch self {
        case .good: .good
        case .serverError, .streamBroken, .emptyCompletion, .shed, .throttled, .interrupted: .bad
        case .maintenance, .overLimit, .prohibited, .quota, .clientAbort, .clientError: .excluded
        }
    }

    package enum Verdict: String, Sendable {
        case good
        case bad
        case excluded

        /// Of an outcome's raw value, and of one that only a newer release has: what stands before the colon says what it counts as. Nil: nothing says so.
        package init?(code: String) {
            self.init(rawValue: String(code.prefix { $0 != ":" }))
        }
    }
}

/// Whose failure an error was. Only what the customer is to blame for counts in no objective.
package enum Fault: String, Sendable, CaseIterable {
    case customer
    case gateway
    /// A machine or the way to it.
    case host
    case runtime
}

/// What the gateway knows about a request when it is over; the only input of the classification.
package struct RequestEvidence: Sendable {
    /// Status that the client saw, 499 when it left before one was sent, 0 when none is known.
    package var status: Int
    package var inMaintenance = false
    package var promptOverLimit = false
    package var prohibitedContent = false
    /// For 429: whether the tenant was inside its quota and burst, so that the refusal is ours.
    package var withinQuota = false
    package var clientAborted = false
    package var streamBroken = false
    /// Of an error that the client was told; nil where there was none, or none is known.
    package var fault: Fault?
    package var hasFinishReason = false
    package var promptTokens = 0
    package var completionTokens = 0
    /// Microseconds from acceptance to the first token delivered; nil when none was.
    package var firstTokenAfter: Int64?
    /// Microseconds from acceptance to the end.
    package var finishedAfter: Int64 = 0

    package init(status: Int) {
        self.status = status
    }
}

extension Outcome {
    /// Classifies by the first rule that matches, in the order of the reference, section 2.1.
    package init(_ evidence: RequestEvidence) {
        self = Self.refusal(evidence) ?? Self.failure(evidence) ?? .good
    }

    private static func refusal(_ evidence: RequestEvidence) -> Outcome? {
        if evidence.inMaintenance { return .maintenance }
        if evidence.promptOverLimit { return .overLimit }
        if evidence.prohibitedContent { return .prohibited }
        if evidence.status == 429 { return evidence.withinQuota ? .shed : .quota }
        return nil
    }

    private static func failure(_ evidence: RequestEvidence) -> Outcome? {
        if evidence.clientAborted { return .clientAbort }
        if evidence.fault == .customer { return .clientError }
        if evidence.status >= 500 { return .serverError }
        if evidence.status >= 400 { return .clientError }
        if evidence.streamBroken { return .streamBroken }
        if evidence.hasFinishReason { return nil }
        // An answer that ended without saying why is not known to be whole.
        return evidence.completionTokens == 0 ? .emptyCompletion : .streamBroken
    }
}

/// One sample of the time to the first token, microseconds.
package struct FirstTokenSample: Sendable, Equatable {
    package var microseconds: Int64
    /// The client left without a token: the true time is at least this long.
    package var censored: Bool

    package init(microseconds: Int64, censored: Bool) {
        self.microseconds = microseconds
        self.censored = censored
    }

    /// The sample that a request adds, if any. A client that left before its first token adds a censored sample only when it had waited
    /// longer than the objective; a failure without a token adds none, because availability is its remedy.
    package init?(_ evidence: RequestEvidence, objectiveMicroseconds: Int64) {
        self.init(
            firstTokenAfter: evidence.firstTokenAfter, finishedAfter: evidence.finishedAfter, outcome: Outcome(evidence),
            objectiveMicroseconds: objectiveMicroseconds)
    }

    /// The same of what is recorded of a request.
    package init?(firstTokenAfter: Int64?, finishedAfter: Int64, outcome: @autoclosure () -> Outcome, objectiveMicroseconds: Int64) {
        if let measured = firstTokenAfter {
            self.init(microseconds: measured, censored: false)
        } else if outcome() == .clientAbort, finishedAfter > objectiveMicroseconds {
            self.init(microseconds: finishedAfter, censored: true)
        } else {
            return nil
        }
    }
}
