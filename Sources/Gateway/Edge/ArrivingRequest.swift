import PlimsollWire
import Domain
import NIOCore
import OpenAIWire

/// A request whose head has been accepted.
struct ArrivingRequest {
    var requestId: RequestId
    var key: CustomerKey
    var endpoint: GenerationEndpoint
    /// -1: the client told none. In four bytes that are free here, so that no request grows by it.
    var retrievalMicroseconds: Int32 = -1
    /// It is about captures and asks no model; nil for all others.
    var captures: CaptureTarget?
    /// Nil when the client sent none.
    var idempotencyKey: IdempotencyKey?
    /// Hash of what the customer's head calls the conversation; 0: nothing.
    var session: UInt64 = 0
    /// Of acceptance.
    var started: NIODeadline
    /// Microseconds since 1970.
    var acceptedAt: Int64

    /// In whose words an error is told.
    var errorShape: ErrorShape { captures?.shape ?? endpoint.errorShape }

    var retrieval: RetrievalTime? { RetrievalTime(microseconds: retrievalMicroseconds) }
}
