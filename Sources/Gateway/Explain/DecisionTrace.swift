import Domain

/// How one request was routed, in the compact form in which a loop notes it: fixed fields, no text, never content. Times are microseconds.
struct DecisionTrace {
    var requestId: RequestId
    /// Since 1970.
    var acceptedAt: Int64
    var queuedFor: Int64 = 0
    /// Until its limits had room, before it was admitted.
    var leasedFor: Int64 = 0
    /// As the client told it.
    var retrieval: RetrievalTime?
    var promptTokens = 0
    var cachedTokens = 0
    /// Nil: nobody's.
    var fault: Fault?
    /// The first one.
    var choice = RoutingChoice()
    private var storage = InlineArray<6, AttemptTrace>(repeating: AttemptTrace(worker: 0, reason: .first, startedAfter: 0))
    private(set) var count = 0

    init(requestId: RequestId, acceptedAt: Int64) {
        self.requestId = requestId
        self.acceptedAt = acceptedAt
    }

    var attempts: [AttemptTrace] { (0..<count).map { storage[$0] } }

    mutating func note(_ attempt: AttemptTrace) {
        guard count < storage.count else { return }
        storage[count] = attempt
        count += 1
    }
}

final class KeptTrace {
    var trace: DecisionTrace

    init(_ trace: DecisionTrace) {
        self.trace = trace
    }
}

/// One attempt of it.
struct AttemptTrace {
    enum Reason: String {
        case first, retry, reroute, hedge, continuation
    }

    enum Result: String {
        case answered
        /// With an error, a malformed answer or a silence.
        case failed
        /// Host, link or connection.
        case lost
        /// The request itself was refused.
        case refused
        case cancelled
        /// After the first token.
        case broken
    }

    let worker: UInt32
    let reason: Reason
    /// After acceptance, like the two below.
    let startedAfter: Int64
    var firstTokenAfter: Int64 = -1
    var endedAfter: Int64 = 0
    var result = Result.lost

    init(worker: UInt32, reason: Reason, startedAfter: Int64) {
        self.worker = worker
        self.reason = reason
        self.startedAfter = startedAfter
    }
}
