import ArgumentParser
import NIOCore
import NIOPosix

/// Customers in a closed loop: each asks again when its answer is complete.
struct LoadCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "load", abstract: "Load in a closed loop; prints one JSON object. Times are microseconds.")

    @Option(help: "Port on 127.0.0.1.") var port: Int
    @Option(help: "API key.") var key: String
    @Option(help: "Models, taken in turn by the connections.") var model: [String] = ["mock-a", "mock-b"]
    @Option(help: "Connections.") var connections = 64
    @Option(help: "Seconds.") var seconds = 5.0
    @Option(help: "Tokens of each answer.") var tokens = 64
    @Option(help: "Milliseconds over which the connections begin.") var rampMs = 0
    @Flag(help: "Ask for streams.") var stream = false

    func run() async throws {
        let loop = MultiThreadedEventLoopGroup(numberOfThreads: 1).next()
        let plan = LoadPlan(requests: model.map(request), tokens: tokens, ends: .now() + .nanoseconds(Int64(seconds * 1e9)))
        let tally = try await loop.submit { NIOLoopBound(LoadTally(), eventLoop: loop) }.get()
        var closed: [EventLoopFuture<Void>] = []
        for number in 0..<connections {
            let bootstrap = ClientBootstrap(group: loop)
                .channelOption(.tcpOption(.tcp_nodelay), value: 1)
                .channelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try channel.pipeline.syncOperations.addHandler(LoadConnection(plan: plan, number: number, tally: tally.value))
                    }
                }
            closed.append(try await bootstrap.connect(host: "127.0.0.1", port: port).get().closeFuture)
            if rampMs > 0 { try await Task.sleep(for: .microseconds(rampMs * 1000 / max(1, connections))) }
        }
        for future in closed { try await future.get() }
        print(try await loop.submit { tally.value.json }.get())
    }

    private func request(_ model: String) -> ByteBuffer {
        let streaming = stream ? ",\"stream\":true" : ""
        let body =
            "{\"model\":\"\(model)\",\"messages\":[{\"role\":\"system\",\"content\":\"You answer questions about ships and harbours in a few words.\"},"
            + "{\"role\":\"user\",\"content\":\"What does the line on the hull of a ship mean, and who had it painted there?\"}],"
            + "\"max_tokens\":\(tokens),\"temperature\":0.7\(streaming)}"
        return ByteBuffer(
            string: "POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1:\(port)\r\nAuthorization: Bearer \(key)\r\n"
                + "Content-Type: application/json\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)")
    }
}

/// What every connection does.
struct LoadPlan: Sendable {
    /// One for each model.
    let requests: [ByteBuffer]
    let tokens: Int
    /// No request begins after this.
    let ends: NIODeadline
}

/// What was seen, on one event loop.
final class LoadTally {
    var completed = 0
    var wrong = 0
    var lost = 0
    var latency = Samples()
    var firstToken = Samples()
    var gap = Samples()

    var json: String {
        "{\"completed\":\(completed),\"wrong\":\(wrong),\"lost\":\(lost),\"latency\":\(latency.json),\"first_token\":\(firstToken.json),\"gap\":\(gap.json)}"
    }
}
