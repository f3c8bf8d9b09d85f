package import NIOCore

/// One request to a runtime: always `POST` with `content-type: application/json`. An object, handed on from whoever makes it to whoever writes it: as a
/// value each hand would count all that it holds.
///
/// The body is in two parts so that policy can put members in front of a large body without copying it. Whoever sends the request must
/// send `bodyStart` and then `bodyRest`; `bodyLength` is their sum.
package final class ExchangeRequest: Sendable {
    package let path: String
    /// UUIDv7, lower case; the only thing that a host learns about who asks.
    package let requestId: String
    /// Id of the worker that is meant, for hosts with more than one runtime.
    package let worker: String
    /// How long the worker's agent may let it wait for others, milliseconds; 0: not at all. Without an agent it means nothing.
    package let batchWindow: Int
    /// First bytes of the body; may be empty.
    package let bodyStart: [UInt8]
    /// The bytes of the body after `bodyStart`.
    package let bodyRest: ByteBuffer

    package init(path: String, requestId: String, worker: String, batchWindow: Int = 0, bodyStart: [UInt8] = [], bodyRest: ByteBuffer) {
        self.path = path
        self.requestId = requestId
        self.worker = worker
        self.batchWindow = batchWindow
        self.bodyStart = bodyStart
        self.bodyRest = bodyRest
    }

    /// A request whose body is in one piece.
    package convenience init(path: String, requestId: String, worker: String, batchWindow: Int = 0, body: ByteBuffer) {
        self.init(path: path, requestId: requestId, worker: worker, batchWindow: batchWindow, bodyRest: body)
    }

    /// Bytes of the whole body.
    package var bodyLength: Int { bodyStart.count + bodyRest.readableBytes }
}
