import PlimsollWire
import Domain
import NIOCore
import OpenAIWire

/// A request whose head has been accepted.
struct ArrivingRequest {
    var requestId: RequestId
    var key: CustomerKey
    var endpoint: GenerationEndpoint
    /// Of acceptance.
    var started: NIODeadline
    /// Microseconds since 1970.
    var acceptedAt: Int64
}
