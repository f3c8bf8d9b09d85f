import Glibc
package import NIOCore
package import NIOPosix
import Synchronization

/// A runtime on a loopback port that answers each request as its script says.
package final class ScriptedRuntime: Sendable {
    package enum Step: Sendable {
        case send(String)
        case close
        /// With a reset in place of an orderly end.
        case reset
        /// The whole runtime goes, as a process that dies: its port is closed before the connection is.
        case exit
        /// So often, each time when the one before has left.
        case flood(String, times: Int)
        /// Goes on when the future is done.
        case after(EventLoopFuture<Void>)

        /// Goes on so much later than this is made, so make it when the request has come.
        package static func wait(milliseconds: Int64) -> Self {
            .after(MultiThreadedEventLoopGroup.singleton.next().scheduleTask(in: .milliseconds(milliseconds)) {}.futureResult)
        }
    }

    /// - Parameters: number of the request from 0, and its text with head and body.
    package typealias Script = @Sendable (_ number: Int, _ request: String) -> [Step]

    package struct Seen: Sendable {
        package var requests: [String] = []
        package var connections = 0
        package var open = 0
        /// Bytes of floods that have left.
        package var flooded = 0
    }

    package let port: Int
    package let group: MultiThreadedEventLoopGroup
    private let channel: any Channel
    private let state = Mutex(Seen())
    private let script: Script

    package init(_ script: @escaping Script) async throws {
        self.script = script
        group = MultiThreadedEventLoopGroup.singleton
        let relay = Relay()
        channel = try await ServerBootstrap(group: group)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(ScriptHandler(relay)) }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        port = channel.localAddress?.port ?? 0
        relay.runtime.withLock { $0 = self }
    }

    package var seen: Seen { state.withLock { $0 } }

    package func close() async throws {
        // One that has gone by itself is closed.
        guard channel.isActive else { return }
        try await channel.close().get()
    }

    fileprivate func exit() -> EventLoopFuture<Void> { channel.close() }

    package static func promise() -> EventLoopPromise<Void> { MultiThreadedEventLoopGroup.singleton.next().makePromise(of: Void.self) }

    package func makePromise() -> EventLoopPromise<Void> { group.next().makePromise(of: Void.self) }

    fileprivate func opened() {
        state.withLock {
            $0.connections += 1; $0.open += 1
        }
    }

    fileprivate func flooded(_ count: Int) { state.withLock { $0.flooded += count } }

    fileprivate func closed() { state.withLock { $0.open -= 1 } }

    fileprivate func steps(for request: String) -> [Step] {
        let number = state.withLock { state in
            state.requests.append(request)
            return state.requests.count - 1
        }
        return script(number, request)
    }

    /// Hands the runtime to handlers that are made before it.
    fileprivate final class Relay: Sendable {
        let runtime = Mutex<ScriptedRuntime?>(nil)
        var current: ScriptedRuntime? { runtime.withLock { $0 } }
    }
}

private final class ScriptHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let relay: ScriptedRuntime.Relay
    private var received = ""

    init(_ relay: ScriptedRuntime.Relay) {
        self.relay = relay
    }

    func channelActive(context: ChannelHandlerContext) { relay.current?.opened() }

    func channelInactive(context: ChannelHandlerContext) { relay.current?.closed() }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        received += String(buffer: unwrapInboundIn(data))
        guard let head = received.firstRange(of: "\r\n\r\n"), let length = Self.contentLength(received[..<head.lowerBound]) else { return }
        guard received[head.upperBound...].utf8.count >= length else { return }
        let request = received
        received = ""
        run(relay.current?.steps(for: request)[...] ?? [], context)
    }

    private func run(_ steps: ArraySlice<ScriptedRuntime.Step>, _ context: ChannelHandlerContext) {
        var rest = steps
        while let step = rest.popFirst() {
            switch step {
            case .send(let text): context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: text)), promise: nil)
            case .flood(let text, let times):
                if times > 1 { rest = [.flood(text, times: times - 1)] + rest }
                return flood(text, rest, context)
            case .close: context.close(promise: nil)
            case .reset:
                _ = (context.channel as? any SocketOptionProvider)?.setSoLinger(linger(l_onoff: 1, l_linger: 0))
                context.close(promise: nil)
            case .exit:
                let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
                relay.current?.exit().hop(to: context.eventLoop).whenComplete { _ in bound.value.close(promise: nil) }
            case .after(let future):
                let bound = NIOLoopBound((self, context, rest), eventLoop: context.eventLoop)
                return future.hop(to: context.eventLoop).whenComplete { _ in bound.value.0.run(bound.value.2, bound.value.1) }
            }
        }
    }

    /// It ends with its connection.
    private func flood(_ text: String, _ rest: ArraySlice<ScriptedRuntime.Step>, _ context: ChannelHandlerContext) {
        let written = context.eventLoop.makePromise(of: Void.self)
        context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: text)), promise: written)
        let bound = NIOLoopBound((self, context, rest), eventLoop: context.eventLoop)
        written.futureResult.whenSuccess {
            bound.value.0.relay.current?.flooded(text.utf8.count)
            // Not within the call that wrote it.
            bound.eventLoop.execute { bound.value.0.run(bound.value.2, bound.value.1) }
        }
    }

    private static func contentLength(_ head: Substring) -> Int? {
        for line in head.split(separator: "\r\n") where line.lowercased().hasPrefix("content-length:") {
            return Int(line.dropFirst("content-length:".count).drop { $0 == " " })
        }
        return nil
    }
}

/// What steps of a script can wait for. It must come before it is forgotten.
package struct ScriptedMoment: Sendable {
    private let promise = ScriptedRuntime.promise()

    package init() {}

    package var step: ScriptedRuntime.Step { .after(promise.futureResult) }

    package func come() { promise.succeed() }
}

/// Answers as runtimes write them.
package enum Answers {
    package static func json(_ body: String, status: String = "200 OK") -> String {
        "HTTP/1.1 \(status)\r\ncontent-type: application/json\r\ncontent-length: \(body.utf8.count)\r\n\r\n\(body)"
    }

    package static let streamHead = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
    package static let streamEnd = "0\r\n\r\n"

    package static func chunk(_ data: String) -> String { "\(String(data.utf8.count, radix: 16))\r\n\(data)\r\n" }

    package static func event(_ json: String) -> String { chunk("data: \(json)\n\n") }
}
