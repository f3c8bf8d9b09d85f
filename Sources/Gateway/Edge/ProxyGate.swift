import Domain
import NIOCore
import Reactor
import Telemetry

/// The first on a connection of a proxy that speaks the PROXY protocol: nothing passes before the proxy has said for whom it connects.
final class ProxyGate: EdgeConnection, StreamHandler {
    var position = 0
    var isBusy: Bool { false }
    var isUnanswered: Bool { false }
    private let loop: GatewayLoop
    private let socket: StreamSocket
    private let peer: NetworkAddress?
    private let pass: (StreamSocket, NetworkAddress?, ByteBuffer) -> Void
    private let deadline: NIODeadline
    private var arrived = ByteBuffer()

    /// - Parameter pass: Takes the socket over, with the customer's address and what came behind the proxy's words.
    init(_ socket: StreamSocket, peer: NetworkAddress?, loop: GatewayLoop, pass: @escaping (StreamSocket, NetworkAddress?, ByteBuffer) -> Void) {
        self.socket = socket
        self.peer = peer
        self.loop = loop
        self.pass = pass
        deadline = .now() + .seconds(Int64(loop.settings.headTime))
        socket.handler = self
        loop.add(self)
    }

    func received(_ bytes: UnsafeRawBufferPointer) {
        arrived.writeBytes(bytes)
        switch arrived.withUnsafeReadableBytes(ProxyHeader.read) {
        case .incomplete: break
        case .refused:
            loop.metrics.edge.countProxyRefusal(.malformed)
            socket.close()
        case .whole(let header):
            arrived.moveReaderIndex(forwardBy: header.length)
            socket.handler = nil
            loop.remove(self)
            // A connection of the proxy's own is the proxy's.
            pass(socket, header.source ?? peer, arrived)
        }
    }

    func receivedAll() {}
    func inputEnded() { socket.close() }
    func writableChanged(_ isWritable: Bool) {}
    func closed() { loop.remove(self) }

    func tick(_ now: NIODeadline) {
        if now >= deadline { closeNow() }
    }

    func drain() { closeNow() }
    func cut() { closeNow() }
    func closeNow() { socket.close() }
}
