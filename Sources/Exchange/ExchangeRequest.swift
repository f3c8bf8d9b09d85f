package import NIOCore

/// One request to a runtime: always `POST` with `content-type: application/json`.
///
/// The body is in two parts so that policy can put members in front of a large body without copying it. Whoever sends the request must
/// send `bodyStart` and then `bodyRest`; `bodyLength` is their sum.
package struct ExchangeRequest: Sendable {
    package var path: String
    /// UUIDv7, lower case; the only thing that a host learns about who asks.
    package var requestId: String
    /// Id of the worker that is meant, for hosts with more than one runtime.
    package var worker: String
    /// How long the worker's agent may let it wait for others, milliseconds; 0: not at all. Without an agent it means nothing.
    package var batchWindow = 0
    /// First bytes of the body; may be empty.
    package var bodyStart: ByteBuffer
    /// The bytes of the body after `bodyStart`.
    package var bodyRest: ByteBuffer

    package init(path: String, requestId: String, worker: String, bodyStart: ByteBuffer, bodyRest: ByteBuffer) {
        self.path = path
        self.requestId = requestId
        self.worker = worker
        self.bodyStart = bodyStart
        self.bodyRest = bodyRest
    }

    /// A request whose body is in one piece.
    package init(path: String, requestId: String, worker: String, body: ByteBuffer) {
        self.init(path: path, requestId: requestId, worker: worker, bodyStart: ByteBuffer(), bodyRest: body)
    }

    /// Bytes of the whole body.
    package var bodyLength: Int { bodyStart.readableBytes + bodyRest.readableBytes }
}
