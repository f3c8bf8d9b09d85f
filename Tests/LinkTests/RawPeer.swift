import NIOCore
import NIOPosix
import NIOSSL

@testable import Link

/// A peer with good certificates that then writes whatever bytes a test wants.
final class RawPeer: Sendable {
    let closed = Watched(false)
    private let channel: any Channel

    private init(channel: any Channel) {
        self.channel = channel
    }

    static func connect(port: Int, as credentials: LinkCredentials) async throws -> RawPeer {
        let handshaken = MultiThreadedEventLoopGroup.singleton.next().makePromise(of: Void.self)
        let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let tls = try NIOSSLClientHandler(context: credentials.dialling, serverHostname: nil)
                    try channel.pipeline.syncOperations.addHandlers([tls, Count(handshaken)])
                }
            }
            .connect(host: "127.0.0.1", port: port).get()
        try await handshaken.futureResult.get()
        let peer = RawPeer(channel: channel)
        channel.closeFuture.whenComplete { _ in peer.closed.change { $0 = true } }
        return peer
    }

    /// Client preface and an empty SETTINGS frame.
    func preface() async throws {
        var bytes = ByteBuffer(string: "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
        bytes.writeImmutableBuffer(Self.frame(type: 4, stream: 0))
        try await channel.writeAndFlush(bytes)
    }

    func write(_ bytes: ByteBuffer) { channel.writeAndFlush(bytes, promise: nil) }

    static func frame(type: UInt8, flags: UInt8 = 0, stream: UInt32, payload: [UInt8] = []) -> ByteBuffer {
        var frame = ByteBuffer()
        frame.writeInteger(UInt8(payload.count >> 16))
        frame.writeInteger(UInt16(truncatingIfNeeded: payload.count))
        frame.writeInteger(type)
        frame.writeInteger(flags)
        frame.writeInteger(stream)
        frame.writeBytes(payload)
        return frame
    }

    /// `:method POST`, `:scheme https`, `:path /`, all from the static table.
    static let requestHead: [UInt8] = [0x83, 0x87, 0x84]

    private final class Count: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        private let handshaken: EventLoopPromise<Void>

        init(_ handshaken: EventLoopPromise<Void>) { self.handshaken = handshaken }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) { handshaken.succeed() }
        func channelInactive(context: ChannelHandlerContext) { handshaken.fail(ChannelError.eof) }
        func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
    }
}
