package import NIOCore

/// Status line and the few headers of an answer that the relay looks at.
package struct ExchangeHead: Sendable, Equatable {
    package var status: Int
    /// The content type is `text/event-stream`.
    package var isEventStream: Bool
    /// Value of `plimsoll-refusal`: the agent answered in place of the runtime, which never saw the request.
    package var refusal: String?

    package init(status: Int, isEventStream: Bool, refusal: String? = nil) {
        self.status = status
        self.isEventStream = isEventStream
        self.refusal = refusal
    }
}

/// Why an exchange ended without a whole answer.
package enum ExchangeFailure: String, Error, Sendable, CaseIterable {
    /// No connection to the runtime; the request was not sent.
    case connectFailed
    /// The pool or the link has no room for another request; the request was not sent.
    case overloaded
    /// The connection was lost before the head of an answer; the runtime may have begun to work.
    case lostBeforeHead
    /// The connection was lost after the head and before the end of the body.
    case lostBeforeEnd
    /// The other side gave this exchange up (HTTP/2 RST_STREAM) while the connection lives.
    case reset
    /// The answer broke the protocol or a limit.
    case malformed
    /// A deadline of the transport passed (connect, dead link).
    case timedOut
    /// `cancel()` was called. Receivers are not told; for logs and counters.
    case cancelled
}

/// Takes the answer of one exchange. Every call comes on the exchange's event loop, never before `start` has returned, in the order head,
/// body..., end; `exchangeFailed` may come at any point in place of the rest. Nothing comes after end, failure or `cancel()`.
package protocol ExchangeReceiver: AnyObject {
    /// The final head (informational 1xx heads are swallowed).
    func exchangeHead(_ head: ExchangeHead)
    /// Body bytes with transfer framing removed; never empty. `exchangeReadComplete` follows when the turn's bytes are through.
    func exchangeBody(_ bytes: ByteBuffer)
    /// All bytes of one read have been handed over: the moment to flush.
    func exchangeReadComplete()
    /// The answer is complete.
    func exchangeEnd()
    /// No more will come. See `ExchangeFailure` for what the runtime may have seen.
    func exchangeFailed(_ failure: ExchangeFailure)
}

/// An exchange that has been started. Both calls must be made on its event loop.
package protocol RunningExchange: AnyObject {
    /// Gives the answer up: the connection or stream is closed at once, which frees the runtime's slot. No call to the receiver follows.
    func cancel()
    /// Backpressure: `false` stops reading answer bytes, `true` goes on. Reading is on at the start.
    func setReading(_ on: Bool)
}
