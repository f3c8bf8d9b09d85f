import NIOCore
import NIOPosix
import Synchronization

/// A server on loopback that does what a test says with each request's head.
final class ScriptedServer: Sendable {
    typealias Script = @Sendable (_ head: String, _ channel: any Channel) -> Void

    private let channel: any Channel
    let log = ServerLog()
    var url: String { "http://127.0.0.1:\(channel.localAddress?.port ?? 0)" }

    init(_ script: @escaping Script) async throws {
        let log = log
        channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    log.opened()
                    try channel.pipeline.syncOperations.addHandler(ScriptHandler(script: script, log: log))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
    }

    deinit { channel.close(promise: nil) }
}

/// What a server has seen.
final class ServerLog: Sendable {
    private struct State {
        var connections = 0
        var closed = 0
        var bytes = 0
        var waiters: [(@Sendable (Int) -> Bool, CheckedContinuation<Void, Never>)] = []
    }

    private let state = Mutex(State())

    var connections: Int { state.withLock { $0.connections } }
    var bytes: Int { state.withLock { $0.bytes } }

    func opened() { state.withLock { $0.connections += 1 } }
    func received(_ count: Int) { state.withLock { $0.bytes += count } }

    func closed() {
        let ready = state.withLock { state in
            state.closed += 1
            let ready = state.waiters
            state.waiters = []
            return ready
        }
        for (_, waiter) in ready { waiter.resume() }
    }

    /// Waits until a connection has been closed.
    func firstClose() async {
        await withCheckedContinuation { continuation in
            let isClosed = state.withLock { state in
                if state.closed == 0 { state.waiters.append(({ $0 > 0 }, continuation)) }
                return state.closed > 0
            }
            if isClosed { continuation.resume() }
        }
    }
}

private final class ScriptHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    private let script: ScriptedServer.Script
    private let log: ServerLog
    private var text = ""

    init(script: @escaping ScriptedServer.Script, log: ServerLog) {
        self.script = script
        self.log = log
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let buffer = unwrapInboundIn(data)
        log.received(buffer.readableBytes)
        text += String(buffer: buffer)
        guard isComplete else { return }
        script(text, context.channel)
        text = ""
    }

    /// A request with a body is handed over when the body's end has come.
    private var isComplete: Bool {
        let parts = text.split(separator: "\r\n\r\n", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2 else { return false }
        let head = parts[0].lowercased()
        if head.contains("transfer-encoding: chunked") { return text.hasSuffix("\r\n0\r\n\r\n") }
        let length = head.split(separator: "\r\n").first { $0.hasPrefix("content-length: ") }.flatMap { Int($0.dropFirst(16)) } ?? 0
        return parts[1].utf8.count >= length
    }

    func channelInactive(context: ChannelHandlerContext) {
        log.closed()
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }
}

extension Channel {
    func send(_ text: String) {
        writeAndFlush(ByteBuffer(string: text), promise: nil)
    }
}
