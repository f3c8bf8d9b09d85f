import Domain
import Glibc
import Logging
import NIOCore
import Reactor

/// The customers' port: each loop has a listening socket and an accept queue of its own (SO_REUSEPORT), so that loops share nothing.
struct CustomerListener {
    private let sockets: [NIOLoopBound<ListeningSocket>]
    let port: Int

    static func bind(
        _ loops: [NIOLoopBound<GatewayLoop>], settings: GatewaySettings, certificates: EdgeCertificates?, logger: Logger
    ) async throws -> CustomerListener {
        let book = ConnectionBook(settings)
        guard let loop = loops.first?.eventLoop,
            var address = try await HostAddresses.resolve(settings.host, port: settings.port, on: loop).get().first
        else { throw UnknownHost(description: "\(settings.host) has no address") }
        if loops.count > 1, settings.port != 0 { try ListeningSocket.checkIsFree(address) }
        var listener = CustomerListener(sockets: [], port: settings.port)
        do {
            for loop in loops {
                let door = try await loop.eventLoop.submit { [address, isShared = loops.count > 1] in
                    let socket = try ListeningSocket(address, isShared: isShared, reactor: .on(loop.eventLoop))
                    CustomerDoor(loop.value, book: book, certificates: certificates).open(socket, logger: logger)
                    return NIOLoopBound(socket, eventLoop: loop.eventLoop)
                }.get()
                let port = try await loop.eventLoop.submit { door.value.port }.get()
                // The first one may have been given any free port.
                address.port = port
                listener = CustomerListener(sockets: listener.sockets + [door], port: port)
            }
        } catch {
            listener.close()
            throw error
        }
        return listener
    }

    /// Returns when the first of them is closed.
    func closed() async {
        if let first = sockets.first { await whole(first) }
    }

    func close() {
        for socket in sockets { socket.eventLoop.execute { socket.value.close() } }
    }

    func closedWhole() async {
        for socket in sockets { await whole(socket) }
    }

    private func whole(_ socket: NIOLoopBound<ListeningSocket>) async {
        // A loop that is gone listens no more.
        try? await socket.eventLoop.flatSubmit { socket.value.closeFuture }.get()
    }
}
