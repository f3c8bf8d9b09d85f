import NIOCore
import NIOPosix
import Synchronization

/// A runtime on a unix socket whose answers are bytes written down in the test.
final class ScriptedRuntime: Sendable {
    enum Script: Sendable {
        /// These bytes, then keep the connection.
        case answer(String)
        /// These bytes, then close.
        case cut(String)
        /// Nothing.
        case hang
    }

    struct Heard: Sendable {
        /// Everything that was received, by connection.
        var requests: [String] = []
        var closed = 0
    }

    let path: String
    private let script: Script
    private let heard = Mutex(Heard())

    init(path: String, _ script: Script) {
        self.path = path
        self.script = script
    }

    var now: Heard { heard.withLock { $0 } }

    func serve<Result>(_ body: () async throws -> Result) async throws -> Result {
        let server = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(Connection(self)) }
            }
            .bind(unixDomainSocketPath: path).get()
        do {
            let result = try await body()
            try await server.close()
            return result
        } catch {
            try await server.close()
            throw error
        }
    }

    private final class Connection: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        typealias OutboundOut = ByteBuffer

        private let runtime: ScriptedRuntime
        private var received = ""

        init(_ runtime: ScriptedRuntime) { self.runtime = runtime }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            received += String(buffer: unwrapInboundIn(data))
            guard received.hasSuffix("}") else { return }
            runtime.heard.withLock { $0.requests.append(received) }
            received = ""
            switch runtime.script {
            case .hang: return
            case .answer(let text): context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: text)), promise: nil)
            case .cut(let text):
                context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: text)), promise: nil)
                context.close(promise: nil)
            }
        }

        func channelInactive(context: ChannelHandlerContext) { runtime.heard.withLock { $0.closed += 1 } }

        func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
    }
}
