import NIOCore
import NIOHPACK
import NIOPosix
import Synchronization

/// A client of HTTP/2 that sends frames of the test's making, whatever the rules say, and keeps the frames that come back.
final class FrameClient: Sendable {
    struct Frame: Sendable {
        var type: UInt8
        var flags: UInt8
        var stream: Int
        var payload: [UInt8]

        /// Of RST_STREAM, or GOAWAY.
        var errorCode: UInt8? { type == 3 || type == 7 ? payload.dropFirst(type == 3 ? 3 : 7).first : nil }
    }

    struct Seen: Sendable {
        var frames: [Frame] = []
        var isClosed = false

        /// Streams that were reset, with the code.
        var resets: [Int: UInt8] { frames.filter { $0.type == 3 }.reduce(into: [:]) { $0[$1.stream] = $1.errorCode } }
        var goAways: [UInt8] { frames.filter { $0.type == 7 }.compactMap(\.errorCode) }
        /// Streams that were answered with 200 (in HPACK's table: 8) and have ended.
        var served: Set<Int> {
            let good = Set(frames.filter { $0.type == 1 && $0.payload.first == 0x88 }.map(\.stream))
            return good.intersection(ended)
        }
        /// Streams of which the answer is whole.
        var ended: Set<Int> { Set(frames.filter { $0.type < 2 && $0.flags & 1 == 1 }.map(\.stream)) }

        /// What the answer says.
        func text(of stream: Int) -> String {
            String(decoding: frames.filter { $0.type == 0 && $0.stream == stream }.flatMap(\.payload), as: UTF8.self)
        }
    }

    /// The preface and settings that change nothing.
    static let opening = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8) + frame(4)
    static let acknowledgement = frame(4, flags: 1)

    private let channel: any Channel
    private let seen: Box

    init(port: Int) async throws {
        let seen = Box()
        self.seen = seen
        channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(Reader(seen)) }
            }
            .connect(host: "127.0.0.1", port: port).get()
    }

    var all: Seen { seen.state.withLock { $0 } }

    func send(_ bytes: [UInt8]) async throws { try await channel.writeAndFlush(ByteBuffer(bytes: bytes)).get() }

    static func frame(_ type: UInt8, flags: UInt8 = 0, stream: Int = 0, _ payload: [UInt8] = []) -> [UInt8] {
        let length = payload.count
        return [UInt8(length >> 16), UInt8(length >> 8 & 255), UInt8(length & 255), type, flags]
            + (0..<4).map { UInt8(stream >> (24 - 8 * $0) & 255) } + payload
    }

    /// Requests whose field blocks can be read only by who has read those before them.
    struct Requests {
        private var encoder = HPACKEncoder(allocator: ByteBufferAllocator())
        /// Of the last request.
        private(set) var stream = -1

        mutating func next(
            _ body: String = Samples.request, isEnd: Bool = true, key: String = "sk-test", fields more: [(String, String)] = []
        ) throws -> [UInt8] {
            stream += 2
            let fields = [
                (":method", "POST"), (":scheme", "http"), (":path", "/v1/chat/completions"), (":authority", "test"),
                ("authorization", "Bearer \(key)"), ("content-type", "application/json"), ("x-number", "\(stream)"),
            ]
            var block = ByteBuffer()
            try encoder.encode(headers: HPACKHeaders(fields + more), to: &block)
            return frame(1, flags: 4, stream: stream, Array(block.readableBytesView))
                + frame(0, flags: isEnd ? 1 : 0, stream: stream, Array(body.utf8))
        }

        mutating func next(count: Int) throws -> [UInt8] { try (0..<count).flatMap { _ in try next() } }
    }

    private final class Box: Sendable {
        let state = Mutex(Seen())
    }

    private final class Reader: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer

        private let seen: Box
        private var bytes = ByteBuffer()

        init(_ seen: Box) {
            self.seen = seen
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            var more = unwrapInboundIn(data)
            bytes.writeBuffer(&more)
            while let frame = next() { seen.state.withLock { $0.frames.append(frame) } }
        }

        private func next() -> Frame? {
            let start = bytes.readerIndex
            guard let word = bytes.getInteger(at: start, as: UInt32.self), bytes.readableBytes >= 9 + Int(word >> 8),
                let flags = bytes.getInteger(at: start + 4, as: UInt8.self), let stream = bytes.getInteger(at: start + 5, as: UInt32.self)
            else { return nil }
            bytes.moveReaderIndex(forwardBy: 9)
            let payload = bytes.readBytes(length: Int(word >> 8)) ?? []
            return Frame(type: UInt8(word & 255), flags: flags, stream: Int(stream), payload: payload)
        }

        func channelInactive(context: ChannelHandlerContext) { seen.state.withLock { $0.isClosed = true } }

        func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
    }
}
