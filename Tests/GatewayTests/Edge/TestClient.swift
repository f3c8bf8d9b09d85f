import NIOCore
import NIOPosix
import Synchronization

/// A customer on a raw connection: sends bytes, waits for bytes.
final class TestClient: Sendable {
    struct TimedOut: Error, CustomStringConvertible {
        var received: String
        var description: String { "waited in vain; received: \(received)" }
    }

    private let channel: any Channel
    private let inbox: Inbox

    /// - Parameter receiveBuffer: Bytes that the kernel holds for a client that does not read.
    init(port: Int, receiveBuffer: Int = 0) async throws {
        let inbox = Inbox()
        self.inbox = inbox
        var bootstrap = ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton).channelOption(.allowRemoteHalfClosure, value: true)
        if receiveBuffer > 0 { bootstrap = bootstrap.channelOption(.socketOption(.so_rcvbuf), value: .init(receiveBuffer)) }
        channel =
            try await bootstrap
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(InboxHandler(inbox)) }
            }
            .connect(host: "127.0.0.1", port: port).get()
    }

    func send(_ text: String) async throws {
        try await channel.writeAndFlush(ByteBuffer(string: text)).get()
    }

    /// One write for each, with nothing between them that could take longer than the gateway waits for the next one.
    func send(pieces: [String]) async throws {
        try await channel.eventLoop.flatSubmit { [channel] in
            for piece in pieces.dropLast() { channel.writeAndFlush(ByteBuffer(string: piece), promise: nil) }
            return channel.writeAndFlush(ByteBuffer(string: pieces.last ?? ""))
        }.get()
    }

    func post(_ body: String, path: String = "/v1/chat/completions", key: String? = "sk-test", fields: String = "") async throws {
        let authorization = key.map { "authorization: Bearer \($0)\r\n" } ?? ""
        try await send(
            "POST \(path) HTTP/1.1\r\nhost: test\r\n\(authorization)content-type: application/json\r\n\(fields)"
                + "content-length: \(body.utf8.count)\r\n\r\n\(body)")
    }

    /// Waits until what was received satisfies `isEnough`, or the connection ended; as long as `until` does.
    @discardableResult
    func receive(within limit: Duration = .seconds(60), until isEnough: @escaping @Sendable (String) -> Bool) async throws -> String {
        try await withThrowingTaskGroup(of: String?.self) { group in
            group.addTask { await self.inbox.wait(until: isEnough) }
            group.addTask {
                try await Task.sleep(for: limit)
                return nil
            }
            defer { group.cancelAll() }
            do {
                guard let text = try await group.next(), let text else { throw TimedOut(received: inbox.text) }
                return text
            } catch {
                // Also when another task of the test failed: the group waits for whoever waits.
                inbox.closed()
                throw error
            }
        }
    }

    /// One whole answer of known length, or a stream with its last chunk.
    func answer() async throws -> String {
        try await receive { text in
            guard let head = text.firstRange(of: "\r\n\r\n") else { return false }
            if text.contains("transfer-encoding: chunked") { return text.hasSuffix("0\r\n\r\n") }
            guard let length = text[..<head.lowerBound].split(separator: "\r\n").first(where: { $0.hasPrefix("content-length: ") }),
                let count = Int(length.dropFirst(16))
            else { return false }
            return text[head.upperBound...].utf8.count >= count
        }
    }

    func untilClosed() async throws -> String {
        try await receive { _ in false }
    }

    var received: String { inbox.text }

    func clear() { inbox.clear() }

    func setReading(_ on: Bool) async throws { try await channel.setOption(.autoRead, value: on).get() }

    /// Does nothing when the gateway has closed the connection before.
    func closeOutput() async throws {
        do {
            try await channel.close(mode: .output).get()
        } catch ChannelError.alreadyClosed {}
    }

    func close() async throws { try await channel.close().get() }

    fileprivate final class Inbox: Sendable {
        private struct State {
            var text = ""
            var isClosed = false
            var waiter: (isEnough: @Sendable (String) -> Bool, continuation: CheckedContinuation<String, Never>)?
        }

        private let state = Mutex(State())

        var text: String { state.withLock { $0.text } }

        func clear() { state.withLock { $0.text = "" } }

        func wait(until isEnough: @escaping @Sendable (String) -> Bool) async -> String {
            await withCheckedContinuation { continuation in
                let text: String? = state.withLock { state in
                    if state.isClosed || isEnough(state.text) { return state.text }
                    state.waiter = (isEnough, continuation)
                    return nil
                }
                if let text { continuation.resume(returning: text) }
            }
        }

        func add(_ text: String) { change { $0 += text } }

        func closed() {
            state.withLock { $0.isClosed = true }
            change(always: true) { _ in }
        }

        private func change(always: Bool = false, _ body: (inout String) -> Void) {
            let done: (CheckedContinuation<String, Never>, String)? = state.withLock { state in
                body(&state.text)
                guard let waiter = state.waiter, always || waiter.isEnough(state.text) else { return nil }
                state.waiter = nil
                return (waiter.continuation, state.text)
            }
            done?.0.resume(returning: done?.1 ?? "")
        }
    }
}

private final class InboxHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let inbox: TestClient.Inbox

    init(_ inbox: TestClient.Inbox) {
        self.inbox = inbox
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) { inbox.add(String(buffer: unwrapInboundIn(data))) }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case ChannelEvent.inputClosed = event { inbox.closed() }
    }

    func channelInactive(context: ChannelHandlerContext) { inbox.closed() }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}

extension String {
    /// First place of `text`.
    func firstRange(of text: String) -> Range<String.Index>? {
        var start = startIndex
        while start < endIndex {
            if self[start...].utf8.starts(with: text.utf8) {
                return start..<utf8.index(start, offsetBy: text.utf8.count)
            }
            start = utf8.index(after: start)
        }
        return nil
    }
}
