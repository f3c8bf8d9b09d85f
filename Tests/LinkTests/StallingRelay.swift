import NIOCore
import NIOPosix
import Synchronization

/// A TCP relay that can stop reading on both sides: to the ends it looks like a dropped path or a stopped process.
final class StallingRelay: Sendable {
    private let channels = Mutex<[any Channel]>([])

    /// Listens and relays to `port`; returns its own port.
    func open(to port: Int) async throws -> Int {
        let server = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelOption(ChannelOptions.autoRead, value: false)
            .childChannelInitializer { near in self.connect(near, to: port) }
            .bind(host: "127.0.0.1", port: 0).get()
        channels.withLock { $0.append(server) }
        return server.localAddress?.port ?? 0
    }

    func stall() {
        for channel in channels.withLock({ $0 }) { channel.setOption(ChannelOptions.autoRead, value: false).whenFailure { _ in } }
    }

    func close() {
        for channel in channels.withLock({ $0 }) { channel.close(promise: nil) }
    }

    private func connect(_ near: any Channel, to port: Int) -> EventLoopFuture<Void> {
        ClientBootstrap(group: near.eventLoop)
            .channelOption(ChannelOptions.autoRead, value: false)
            .connect(host: "127.0.0.1", port: port)
            .flatMapThrowing { far in
                try near.pipeline.syncOperations.addHandler(Forwarder(to: far))
                try far.pipeline.syncOperations.addHandler(Forwarder(to: near))
                self.channels.withLock { $0 += [near, far] }
                return far
            }
            .flatMap { far in
                near.setOption(ChannelOptions.autoRead, value: true).flatMap { far.setOption(ChannelOptions.autoRead, value: true) }
            }
    }
}

private final class Forwarder: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let other: any Channel

    init(to other: any Channel) {
        self.other = other
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        other.writeAndFlush(unwrapInboundIn(data), promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) { other.close(promise: nil) }
}
