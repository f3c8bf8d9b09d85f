import NIOCore
import NIOPosix
import Testing

@testable import Exchange

@Suite("Writing at once") struct SocketWriterTests {
    /// Writes all its pieces in one step, far more than the kernel takes, and closes behind them.
    private final class Source: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer

        private let pieces: Int
        private let written: EventLoopPromise<Int>

        init(pieces: Int, written: EventLoopPromise<Int>) {
            self.pieces = pieces
            self.written = written
        }

        /// The reader has said that it is there.
        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            guard let writer = SocketWriter(context) else { return written.fail(ChannelError.operationUnsupported) }
            for number in 0..<pieces { writer.write(SocketWriterTests.piece(number), isLast: number % 3 == 0, to: context) }
            let waiting = try? context.channel.syncOptions?.getOption(.bufferedWritableBytes)
            written.succeed(waiting ?? -1)
            // Behind those that wait.
            context.close(mode: .output, promise: nil)
            // With nothing that waits the socket is shut now, and a byte more reaches nobody.
            if waiting == 0 { writer.write(ByteBuffer(string: "late"), to: context) }
        }
    }

    private final class Sink: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer

        private var bytes = ByteBuffer()
        private let whole: EventLoopPromise<ByteBuffer>

        init(whole: EventLoopPromise<ByteBuffer>) {
            self.whole = whole
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            var more = unwrapInboundIn(data)
            bytes.writeBuffer(&more)
        }

        func channelInactive(context: ChannelHandlerContext) { whole.succeed(bytes) }
        func errorCaught(context: ChannelHandlerContext, error: any Error) { whole.fail(error) }
    }

    private static func piece(_ number: Int) -> ByteBuffer {
        ByteBuffer(string: "\(number):" + String(repeating: "x", count: number % 4000) + ";")
    }

    @Test("bytes keep their order when the socket takes only some of them", arguments: [1, 5000])
    func order(pieces: Int) async throws {
        let group = MultiThreadedEventLoopGroup.singleton
        let (written, whole) = (group.any().makePromise(of: Int.self), group.any().makePromise(of: ByteBuffer.self))
        let server = try await ServerBootstrap(group: group)
            .childChannelOption(.socketOption(.so_sndbuf), value: 65536)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(Source(pieces: pieces, written: written)) }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        // Reads when all has been written: then some of many pieces had to wait.
        let client = try await ClientBootstrap(group: group)
            .channelOption(.autoRead, value: false)
            .channelOption(.socketOption(.so_rcvbuf), value: 65536)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(Sink(whole: whole)) }
            }
            .connect(to: try #require(server.localAddress)).get()
        try await client.writeAndFlush(ByteBuffer(string: "go"))
        #expect(try await written.futureResult.get() > 0 || pieces == 1, "some of many had to wait")
        // One with little to read may have it already, and the end.
        _ = try? await client.setOption(.autoRead, value: true).get()
        let expected = (0..<pieces).reduce(into: ByteBuffer()) { $0.writeImmutableBuffer(Self.piece($1)) }
        #expect(try await whole.futureResult.get() == expected)
        try await server.close()
    }
}
