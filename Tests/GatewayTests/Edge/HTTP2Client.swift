import NIOCore
import NIOHPACK
import NIOHTTP2
import NIOPosix
import Synchronization

/// A customer that speaks HTTP/2 with prior knowledge; what comes back is kept by stream.
final class HTTP2Client: Sendable {
    struct Answer: Sendable {
        var fields: [(String, String)] = []
        var body = ""
        var isEnded = false
        var reset: HTTP2ErrorCode?

        var status: String? { fields.last { $0.0 == ":status" }?.1 }
        var isOver: Bool { isEnded || reset != nil }

        subscript(name: String) -> String? { fields.first { $0.0 == name }?.1 }
    }

    struct Seen: Sendable {
        var answers: [Int: Answer] = [:]
        var goAway: [HTTP2ErrorCode] = []
        var isClosed = false
        /// Bytes of the answers' bodies.
        var taken = 0
    }

    private let channel: any Channel
    private let seen: Box

    /// - Parameters:
    ///   - window: That the server may fill of each stream.
    ///   - preamble: Bytes in front of the preface.
    init(port: Int, window: Int = 65_535, givesWindow: Bool = true, preamble: [UInt8] = []) async throws {
        let seen = Box()
        self.seen = seen
        channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    var frames = NIOHTTP2Handler.ConnectionConfiguration()
                    frames.initialSettings = [HTTP2Setting(parameter: .initialWindowSize, value: window)]
                    frames.headerBlockValidation = .disabled
                    frames.contentLengthValidation = .disabled
                    let pipeline = channel.pipeline.syncOperations
                    if !preamble.isEmpty { try pipeline.addHandler(Preamble(preamble)) }
                    try pipeline.addHandler(NIOHTTP2Handler(mode: .client, connectionConfiguration: frames))
                    try pipeline.addHandler(Recorder(seen, givesWindow: givesWindow))
                }
            }
            .connect(host: "127.0.0.1", port: port).get()
    }

    func send(_ stream: Int, _ payload: HTTP2Frame.FramePayload) async throws {
        try await channel.writeAndFlush(HTTP2Frame(streamID: HTTP2StreamID(stream), payload: payload)).get()
    }

    /// Whether it has left is not waited for.
    func post(_ stream: Int, _ body: String, key: String = "sk-test", fields: [(String, String)] = [], isEnd: Bool = true) {
        let head = [
            (":method", "POST"), (":scheme", "http"), (":path", "/v1/chat/completions"), (":authority", "test"),
            ("authorization", "Bearer \(key)"), ("content-type", "application/json"),
        ]
        let id = HTTP2StreamID(stream)
        channel.write(HTTP2Frame(streamID: id, payload: .headers(.init(headers: HPACKHeaders(head + fields)))), promise: nil)
        channel.writeAndFlush(
            HTTP2Frame(streamID: id, payload: .data(.init(data: .byteBuffer(ByteBuffer(string: body)), endStream: isEnd))), promise: nil)
    }

    func get(_ stream: Int, _ path: String, method: String = "GET", fields: [(String, String)] = []) {
        let head = [(":method", method), (":scheme", "http"), (":path", path), (":authority", "test"), ("x-api-key", "sk-test")]
        let payload = HTTP2Frame.FramePayload.headers(.init(headers: HPACKHeaders(head + fields), endStream: true))
        channel.writeAndFlush(HTTP2Frame(streamID: HTTP2StreamID(stream), payload: payload), promise: nil)
    }

    func answer(_ stream: Int) async throws -> Answer {
        try await until { self.seen.value.answers[stream]?.isOver ?? false }
        return seen.value.answers[stream] ?? Answer()
    }

    var all: Seen { seen.value }

    func close() async throws { try await channel.close().get() }

    /// Bytes that a proxy says before the client does.
    private final class Preamble: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        typealias OutboundOut = ByteBuffer

        private let bytes: [UInt8]

        init(_ bytes: [UInt8]) {
            self.bytes = bytes
        }

        func channelActive(context: ChannelHandlerContext) {
            context.write(wrapOutboundOut(ByteBuffer(bytes: bytes)), promise: nil)
            context.fireChannelActive()
        }
    }

    final class Box: Sendable {
        private let state = Mutex(Seen())
        var value: Seen { state.withLock { $0 } }
        func change(_ body: (inout Seen) -> Void) { state.withLock { body(&$0) } }
    }

    private final class Recorder: ChannelInboundHandler {
        typealias InboundIn = HTTP2Frame
        typealias OutboundOut = HTTP2Frame

        private let seen: Box
        private let givesWindow: Bool

        init(_ seen: Box, givesWindow: Bool) {
            self.seen = seen
            self.givesWindow = givesWindow
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            let frame = unwrapInboundIn(data)
            let id = Int(frame.streamID)
            switch frame.payload {
            case .headers(let payload):
                seen.change { seen in
                    seen.answers[id, default: Answer()].fields += payload.headers.map { ($0.name, $0.value) }
                    seen.answers[id]?.isEnded = payload.endStream
                }
            case .data(let payload): take(context, frame.streamID, payload)
            case .rstStream(let code): seen.change { $0.answers[id, default: Answer()].reset = code }
            case .goAway(_, let code, _): seen.change { $0.goAway.append(code) }
            default: break
            }
        }

        private func take(_ context: ChannelHandlerContext, _ id: HTTP2StreamID, _ payload: HTTP2Frame.FramePayload.Data) {
            guard case .byteBuffer(let bytes) = payload.data else { return }
            seen.change { seen in
                seen.answers[Int(id), default: Answer()].body += String(buffer: bytes)
                seen.answers[Int(id)]?.isEnded = payload.endStream
                seen.taken += bytes.readableBytes
            }
            guard givesWindow, bytes.readableBytes > 0 else { return }
            for stream in payload.endStream ? [HTTP2StreamID.rootStream] : [.rootStream, id] {
                let update = HTTP2Frame(streamID: stream, payload: .windowUpdate(windowSizeIncrement: bytes.readableBytes))
                context.writeAndFlush(wrapOutboundOut(update), promise: nil)
            }
        }

        func channelInactive(context: ChannelHandlerContext) { seen.change { $0.isClosed = true } }

        func errorCaught(context: ChannelHandlerContext, error: any Error) {}
    }
}
