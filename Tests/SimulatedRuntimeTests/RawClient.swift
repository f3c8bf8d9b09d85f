import NIOCore
import NIOPosix

/// A client that shows the very bytes of an answer.
struct RawClient {
    let port: Int

    /// Asks on a connection of its own and reads until it closes.
    func ask(_ method: String, _ path: String, _ body: String = "") async throws -> String {
        try await withConnection { connection in
            try await connection.send(method, path, body)
            return try await connection.readToEnd()
        }
    }

    func withConnection<Answer: Sendable>(_ body: (inout RawConnection) async throws -> Answer) async throws -> Answer {
        let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .connect(host: "127.0.0.1", port: port) { channel in
                channel.eventLoop.makeCompletedFuture {
                    try NIOAsyncChannel<ByteBuffer, ByteBuffer>(wrappingChannelSynchronously: channel)
                }
            }
        return try await channel.executeThenClose { inbound, outbound in
            var connection = RawConnection(inbound: inbound.makeAsyncIterator(), outbound: outbound)
            return try await body(&connection)
        }
    }
}

struct RawConnection {
    var inbound: NIOAsyncChannelInboundStream<ByteBuffer>.AsyncIterator
    let outbound: NIOAsyncChannelOutboundWriter<ByteBuffer>
    private(set) var received = ""

    init(inbound: NIOAsyncChannelInboundStream<ByteBuffer>.AsyncIterator, outbound: NIOAsyncChannelOutboundWriter<ByteBuffer>) {
        self.inbound = inbound
        self.outbound = outbound
    }

    func send(_ method: String, _ path: String, _ body: String) async throws {
        let head = "\(method) \(path) HTTP/1.1\r\nHost: test\r\nConnection: close\r\nContent-Length: \(body.utf8.count)\r\n\r\n"
        try await outbound.write(ByteBuffer(string: head + body))
    }

    mutating func readToEnd() async throws -> String {
        while let part = try await inbound.next(isolation: #isolation) { received += String(buffer: part) }
        return received
    }

    /// Reads until the text has come or the connection closed.
    mutating func read(until text: String) async throws {
        while !received.contains(text), let part = try await inbound.next(isolation: #isolation) { received += String(buffer: part) }
    }
}
