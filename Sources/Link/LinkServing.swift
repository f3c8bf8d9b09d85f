package import Cryptography
package import NIOCore

/// One request as an agent hears it. Everything else that a gateway sent is left out on purpose.
package struct LinkRequest: Sendable {
    package var method: String
    package var path: String
    package var contentType: String?
    /// Id of the worker that is meant (`LinkHeader.worker`).
    package var worker: String?
    package var requestId: String?
    /// How long it may wait for others of its worker, milliseconds, 0 to `longestBatchWindow`.
    package var batchWindow: Int
    /// Who asks.
    package var gateway: PeerIdentity
    /// False: the request ended with its head, no `streamBody` or `streamEnd` follows.
    package var hasBody: Bool

    /// Milliseconds; whatever a gateway says, nobody waits longer.
    package static let longestBatchWindow = 25

    package init(
        method: String, path: String, contentType: String?, worker: String?, requestId: String?, gateway: PeerIdentity, hasBody: Bool,
        batchWindow: Int = 0
    ) {
        self.method = method
        self.path = path
        self.contentType = contentType
        self.worker = worker
        self.requestId = requestId
        self.gateway = gateway
        self.hasBody = hasBody
        self.batchWindow = batchWindow
    }
}

/// What answers requests on an agent's links.
package protocol LinkServing: AnyObject, Sendable {
    /// A request began. Called on the stream's loop; answers may be sent from inside the call. The receiver is kept until the stream is over.
    func serve(_ request: LinkRequest, on stream: LinkServerStream) -> any LinkStreamReceiver
}

/// Hears the rest of one request. All calls come on the stream's loop; after `streamEnd` only `streamWritable` and `streamReset` may follow, and
/// `streamOver` is the last in any case.
package protocol LinkStreamReceiver: AnyObject {
    func streamBody(_ bytes: ByteBuffer)
    /// The request is complete.
    func streamEnd()
    /// The stream fell below its write bound after `isWritable` was false.
    func streamWritable()
    /// The gateway gave the request up, or the link was lost: stop the work at once. Not called after the answer was ended.
    func streamReset()
    /// Nothing of the stream is left on this side: its last byte has left the process, or it was reset or lost. Called once. An answer that was
    /// ended may be held here long after, for as long as a slow reader leaves it no window.
    func streamOver()
}
