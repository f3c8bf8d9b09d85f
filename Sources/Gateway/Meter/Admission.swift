package import Domain

/// What is written before the first byte of a request goes upstream.
package struct Admission: Sendable {
    package var requestId: RequestId
    package var subject: UsageSubject
    /// Microseconds since 1970.
    package var acceptedAt: Int64
    package var stream: Bool
    /// Of a batch request, microseconds after acceptance by which its answer is to be delivered.
    package var batchDeadline: Int64?

    package init(requestId: RequestId, subject: UsageSubject, acceptedAt: Int64, stream: Bool, batchDeadline: Int64? = nil) {
        self.requestId = requestId
        self.subject = subject
        self.acceptedAt = acceptedAt
        self.stream = stream
        self.batchDeadline = batchDeadline
    }
}

/// What is written before the last byte of an answer goes to the client. Durations are microseconds on the monotonic clock.
package final class Completion {
    package var admission: Admission
    /// From `LoopMeter.admit`.
    package var sequence: Int64
    /// Nil when no worker was chosen.
    package var target: UsageTarget?
    /// Status, first token, end, abort and tokens; outcome and billing are derived from it.
    package var evidence: RequestEvidence
    package var queuedFor: Int64
    /// Such as `stop` or `length`, only after the gateway has checked it against the values it knows.
    package var finishReason: String?
    /// Our own code of the error that the customer saw.
    package var errorCode: String?
    package var cachedPromptTokens = 0
    package var reasoningTokens = 0
    /// The runtime gave no usage; counts are the gateway's own.
    package var estimated = false
    package var attempts = 1
    /// The stream broke and went on at another worker.
    package var isContinued = false
    /// Of the price that held at admission; 0: none did.
    package var priceVersion: Int64 = 0
    /// Before admission, until its limits had room.
    package var leasedFor: Int64 = 0
    /// Before acceptance, as the client told it.
    package var retrieval: Int64?

    package init(admission: Admission, sequence: Int64, target: UsageTarget?, evidence: RequestEvidence, queuedFor: Int64 = 0) {
        self.admission = admission
        self.sequence = sequence
        self.target = target
        self.evidence = evidence
        self.queuedFor = queuedFor
    }

    /// Nothing is billed for what the installation asks itself.
    var billable: BillableTokens {
        admission.subject.purpose == nil ? BillableTokens(evidence) : BillableTokens(prompt: 0, completion: 0)
    }
}
