import Link
import NIOCore
import PlimsollWire

/// A request that this agent answers itself. Its body is not kept.
final class RefusedRequest: LinkStreamReceiver {
    init(_ reason: RelayRefusal, on stream: LinkServerStream) {
        stream.sendHead(status: Self.status(reason), contentType: nil, refusal: reason.rawValue)
        stream.sendEnd()
    }

    static func status(_ reason: RelayRefusal) -> Int {
        switch reason {
        case .pathNotAllowed, .unknownWorker: 404
        case .draining, .runtimeUnreachable: 503
        }
    }

    func streamBody(_ bytes: ByteBuffer) {}
    func streamEnd() {}
    func streamWritable() {}
    func streamReset() {}
    func streamOver() {}
}
