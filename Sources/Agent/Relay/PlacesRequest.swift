import Cryptography
import Link
import NIOCore
import PlimsollWire

/// A gateway tells of its places at a worker.
final class PlacesRequest: LinkStreamReceiver {
    private static let mostBytes = 256

    private let worker: String
    private let gateway: PeerIdentity
    private let places: ToldPlaces
    private let bell: ReportBell
    private let stream: LinkServerStream
    private var body = ByteBuffer()
    private var isTooLarge = false

    init(worker: String, gateway: PeerIdentity, places: ToldPlaces, bell: ReportBell, stream: LinkServerStream) {
        self.worker = worker
        self.gateway = gateway
        self.places = places
        self.bell = bell
        self.stream = stream
    }

    func streamBody(_ bytes: ByteBuffer) {
        isTooLarge = isTooLarge || body.readableBytes + bytes.readableBytes > Self.mostBytes
        if !isTooLarge { body.writeImmutableBuffer(bytes) }
    }

    func streamEnd() {
        var status = 400
        if !isTooLarge, let told = try? WireCoder.decode(PlacesTold.self, from: body.readableBytesView) {
            places.note(told, worker: worker, from: gateway)
            bell.ring()
            status = 204
        }
        stream.sendHead(status: status, contentType: nil)
        stream.sendEnd()
    }

    func streamWritable() {}
    func streamReset() {}
    func streamOver() {}
}
