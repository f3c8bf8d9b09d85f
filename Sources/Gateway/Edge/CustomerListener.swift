import Domain
import Telemetry
import Logging
import NIOCore
import NIOPosix
import NIOSSL

/// The customers' port: each loop has a listening socket and an accept queue of its own (SO_REUSEPORT), so that loops share nothing.
struct CustomerListener {
    private let channels: [any Channel]

    var port: Int { channels.first?.localAddress?.port ?? 0 }

    static func bind(
        _ loops: [NIOLoopBound<GatewayLoop>], settings: GatewaySettings, certificates: EdgeCertificates?, logger: Logger
    ) async throws -> CustomerListener {
        let book = ConnectionBook(most: settings.connections, mostEach: settings.connectionsPerAddress)
        var channels: [any Channel] = []
        if loops.count > 1 { try await checkIsOurs(settings, on: loops) }
        do {
            for loop in loops {
                // The first one may have been given any free port.
                let port = channels.first?.localAddress?.port ?? settings.port
                let bootstrap = bootstrap(loop, isShared: loops.count > 1, book: book, certificates: certificates, logger: logger)
                channels.append(try await bootstrap.bind(host: settings.host, port: port).get())
            }
        } catch {
            for channel in channels { channel.close(promise: nil) }
            throw error
        }
        return CustomerListener(channels: channels)
    }

    /// Several sockets share a port among ourselves only: where somebody else has it, the start must fail.
    private static func checkIsOurs(_ settings: GatewaySettings, on loops: [NIOLoopBound<GatewayLoop>]) async throws {
        guard settings.port != 0, let loop = loops.first?.eventLoop else { return }
        let bootstrap = ServerBootstrap(group: loop).serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
        try await bootstrap.bind(host: settings.host, port: settings.port).get().close().get()
    }

    private static func bootstrap(
        _ loop: NIOLoopBound<GatewayLoop>, isShared: Bool, book: ConnectionBook, certificates: EdgeCertificates?, logger: Logger
    ) -> ServerBootstrap {
        ServerBootstrap(group: loop.eventLoop)
            .serverChannelOption(.backlog, value: 4096)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .serverChannelOption(.socketOption(.init(rawValue: SO_REUSEPORT)), value: isShared ? 1 : 0)
            .serverChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(AcceptGate(loop: loop.value, book: book, logger: logger))
                }
            }
            // What the kernel hands on to each connection that is accepted.
            .serverChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try setOptions(of: channel)
                    try accept(channel, loop.value, book, certificates)
                }
            }
    }

    /// One after the other here they cost a tenth of what a bootstrap takes for them.
    private static func setOptions(of channel: any Channel) throws {
        try channel.syncOptions?.setOption(.allowRemoteHalfClosure, value: true)
        try channel.syncOptions?.setOption(.maxMessagesPerRead, value: 4)
        // Each connection keeps its last buffer, however long its stream is.
        let receiving = AdaptiveRecvByteBufferAllocator(minimum: 512, initial: 1024, maximum: 65536)
        try channel.syncOptions?.setOption(.recvAllocator, value: receiving)
    }

    private static func accept(_ channel: any Channel, _ loop: GatewayLoop, _ book: ConnectionBook, _ certificates: EdgeCertificates?) throws {
        let peer = NetworkAddress(channel.remoteAddress)
        let speaksProxy = loop.settings.usesProxyProtocol
        guard !speaksProxy || loop.settings.trust.isProxy(peer) else {
            loop.metrics.edge.countProxyRefusal(.untrusted)
            return channel.close(promise: nil)
        }
        guard book.enter(channel, from: peer, loop) else { return channel.close(promise: nil) }
        book.enter(channel)
        let pipeline = channel.pipeline.syncOperations
        let gate = ProtocolGate(loop: loop, peer: peer, isTLS: certificates != nil)
        if speaksProxy { try pipeline.addHandler(ProxyGate(loop: loop, book: book, next: gate)) }
        if let certificates { try pipeline.addHandler(NIOSSLServerHandler(context: certificates.context)) }
        try pipeline.addHandler(gate)
    }

    /// Returns when the first of them is closed.
    func closed() async {
        // How it ended does not matter.
        try? await channels.first?.closeFuture.get()
    }

    func close() {
        for channel in channels { channel.close(promise: nil) }
    }

    func closedWhole() async {
        for channel in channels {
            // How it ended does not matter.
            try? await channel.closeFuture.get()
        }
    }
}
