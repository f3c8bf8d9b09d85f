import NIOCore
import NIOHPACK
import NIOHTTP2

/// One side's streams on a connection: requests that a gateway started, or that an agent serves. Called on the loop only.
protocol LinkStreams: AnyObject {
    /// The last stream of the peer that was begun, for GOAWAY.
    var isDrained: Bool { get }

    /// The peer's first frame came.
    func linkOpened()
    func headers(_ id: HTTP2StreamID, _ headers: HPACKHeaders, isEnd: Bool)
    /// `size`: bytes that count against the window, padding included.
    func data(_ id: HTTP2StreamID, _ bytes: ByteBuffer, size: Int, isEnd: Bool)
    func peerReset(_ id: HTTP2StreamID, _ code: HTTP2ErrorCode)
    /// The frame layer reset the stream because the peer broke the protocol on it.
    func brokenStream(_ id: HTTP2StreamID)
    /// The peer said GOAWAY: it will not see streams above `lastStreamID`.
    func peerDraining(lastStreamID: HTTP2StreamID)
    /// We said GOAWAY.
    func draining()
    func readComplete()
    func writabilityChanged()
    func gather()
    /// The connection is gone; called once.
    func closed(_ reason: LinkError)
}

/// Names on the link, lower case as HTTP/2 wants them. `PlimsollWire` names the same for those who speak over it.
enum LinkName {
    static let worker = "plimsoll-worker"
    static let requestId = "x-request-id"
    static let batchWindow = "plimsoll-batch-window"
    static let refusal = "plimsoll-refusal"
    static let reports = "/link/v1/reports"
}
