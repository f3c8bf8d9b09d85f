import Domain
import Logging
import NIOCore
import NIOSSL
import Reactor

/// What happens to a connection that one loop has accepted, up to its first request.
final class CustomerDoor {
    private let loop: GatewayLoop
    private let book: ConnectionBook
    private let certificates: EdgeCertificates?

    init(_ loop: GatewayLoop, book: ConnectionBook, certificates: EdgeCertificates?) {
        self.loop = loop
        self.book = book
        self.certificates = certificates
    }

    func open(_ listening: ListeningSocket, logger: Logger) {
        let gate = AcceptGate(listening, loop: loop, book: book, logger: logger)
        loop.gate = gate
        listening.accepted = { [unowned gate] descriptor, address in
            self.accept(descriptor, NetworkAddress(address))
            gate.accepted()
        }
    }

    private func accept(_ descriptor: Int32, _ peer: NetworkAddress?) {
        guard let socket = StreamSocket(connected: descriptor, reactor: .on(loop.eventLoop)) else { return }
        let speaksProxy = loop.settings.usesProxyProtocol
        guard !speaksProxy || loop.settings.trust.isProxy(peer) else {
            loop.metrics.edge.countProxyRefusal(.untrusted)
            return socket.close()
        }
        guard let place = book.enter(from: peer, loop) else { return socket.close() }
        socket.whenClosed = place.leave
        guard speaksProxy else { return welcome(socket, peer, ByteBuffer()) }
        _ = ProxyGate(socket, peer: peer, loop: loop) { socket, customer, rest in self.pass(socket, peer, customer, rest) }
    }

    /// The proxy has said for whom it connects.
    private func pass(_ socket: StreamSocket, _ proxy: NetworkAddress?, _ customer: NetworkAddress?, _ rest: ByteBuffer) {
        if customer != proxy {
            guard let place = book.enterSite(customer, loop) else { return socket.close() }
            let before = socket.whenClosed
            socket.whenClosed = {
                place.leave()
                before?()
            }
        }
        welcome(socket, customer, rest)
    }

    private func welcome(_ socket: StreamSocket, _ peer: NetworkAddress?, _ rest: ByteBuffer) {
        if let certificates { return secure(socket, peer, rest, certificates) }
        let connection = CustomerConnection(loop: loop, peer: peer, stream: socket)
        connection.onPreface = { [loop] connection in CustomerDoor.becomeHTTP2(connection, socket, loop) }
        socket.handler = connection
        loop.add(connection)
        if rest.readableBytes > 0 { rest.withUnsafeReadableBytes { connection.received($0) } }
    }

    private func secure(_ socket: StreamSocket, _ peer: NetworkAddress?, _ rest: ByteBuffer, _ certificates: EdgeCertificates) {
        let (descriptor, whenClosed) = socket.detach()
        EdgeChannel.open(descriptor, first: rest, loop: loop, whenClosed: whenClosed) { [loop] pipeline in
            try pipeline.addHandler(NIOSSLServerHandler(context: certificates.context))
            try pipeline.addHandler(ProtocolGate(loop: loop, peer: peer))
        }
    }

    private static func becomeHTTP2(_ connection: CustomerConnection, _ socket: StreamSocket, _ loop: GatewayLoop) {
        let (first, peer, deadline) = (connection.inbound, connection.peer, connection.deadline)
        let (descriptor, whenClosed) = socket.detach()
        connection.closed()
        EdgeChannel.open(descriptor, first: first, loop: loop, whenClosed: whenClosed) { pipeline in
            try HTTP2Connection.install(on: pipeline, loop: loop, peer: peer, deadline: deadline)
        }
    }
}
