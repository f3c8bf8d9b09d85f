/// One attempt at a worker. Times are microseconds after acceptance.
package struct RoutingAttempt: Sendable, Equatable {
    package enum Reason: String, Sendable, CaseIterable {
        case first, retry, reroute, hedge, continuation
    }

    package enum Result: String, Sendable, CaseIterable {
        case answered
        /// With an error, a malformed answer or a silence.
        case failed
        /// Host, link or connection.
        case lost
        /// The request itself was refused, or what the model made of it is in no form: not the worker's fault.
        case refused
        case cancelled
        /// After the first token.
        case broken
    }

    /// Which of the request's choices it was made for.
    package let choice: UInt8
    package let reason: Reason
    package let startedAfter: Int64
    /// Negative: there was none.
    package var firstTokenAfter: Int64 = -1
    package var endedAfter: Int64 = 0
    package var result = Result.lost

    package init(choice: Int, reason: Reason, startedAfter: Int64) {
        self.choice = UInt8(truncatingIfNeeded: choice)
        self.reason = reason
        self.startedAfter = startedAfter
    }
}
