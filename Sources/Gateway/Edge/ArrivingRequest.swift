import PlimsollWire
import Domain
import NIOCore
import OpenAIWire

/// A request whose head has been accepted. One object, handed on from whoever reads it: as a value each hand would count all that it holds.
final class ArrivingRequest {
    let requestId: RequestId
    let key: CustomerKey
    let endpoint: GenerationEndpoint
    /// -1: the client told none. In four bytes that are free here, so that no request grows by it.
    var retrievalMicroseconds: Int32 = -1
    /// It is about captures and asks no model; nil for all others.
    let captures: CaptureTarget?
    /// Nil when the client sent none.
    var idempotencyKey: IdempotencyKey?
    /// Hash of what the customer's head calls the conversation; 0: nothing.
    var session: UInt64 = 0
    /// Of acceptance.
    let started: NIODeadline
    /// Microseconds since 1970.
    let acceptedAt: Int64

    init(
        requestId: RequestId, key: CustomerKey, endpoint: GenerationEndpoint, captures: CaptureTarget? = nil, started: NIODeadline, acceptedAt: Int64
    ) {
        self.requestId = requestId
        self.key = key
        self.endpoint = endpoint
        self.captures = captures
        self.started = started
        self.acceptedAt = acceptedAt
    }

    /// In whose words an error is told.
    var errorShape: ErrorShape { captures?.shape ?? endpoint.errorShape }

    var retrieval: RetrievalTime? { RetrievalTime(microseconds: retrievalMicroseconds) }
}
