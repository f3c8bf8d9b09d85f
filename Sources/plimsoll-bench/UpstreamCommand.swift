import ArgumentParser
import Glibc
import NIOCore
import NIOPosix

/// A worker that costs next to nothing: fixed answers, one event loop.
struct UpstreamCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "upstream", abstract: "OpenAI-shaped worker with fixed answers.")

    @Option(help: "Ports on 127.0.0.1; 0 takes a free one.") var port: [Int]
    @Option(help: "Tokens of an answer.") var tokens = 64
    @Option(help: "Streams only: milliseconds to the first token.") var firstTokenMs = 20
    @Option(help: "Streams only: milliseconds between tokens.") var gapMs = 20

    func run() async throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let answers = UpstreamAnswers(tokens: tokens)
        let times = (first: TimeAmount.milliseconds(Int64(firstTokenMs)), gap: TimeAmount.milliseconds(Int64(gapMs)))
        var closed: [EventLoopFuture<Void>] = []
        var ports = ""
        for port in port {
            let channel = try await ServerBootstrap(group: group)
                .serverChannelOption(.backlog, value: 4096)
                .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
                .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
                .childChannelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try channel.pipeline.syncOperations.addHandler(UpstreamHandler(answers: answers, first: times.first, gap: times.gap))
                    }
                }
                .bind(host: "127.0.0.1", port: port).get()
            closed.append(channel.closeFuture)
            ports += " \(channel.localAddress?.port ?? port)"
        }
        print("READY\(ports)")
        fflush(nil)
        for future in closed { try await future.get() }
    }
}

/// Every byte that an upstream can send, made once.
struct UpstreamAnswers: Sendable {
    let whole: [String: ByteBuffer]
    let health: ByteBuffer
    let models: ByteBuffer
    let head: ByteBuffer
    let events: [String: [ByteBuffer]]
    let usage: [String: ByteBuffer]
    let end: ByteBuffer

    init(tokens: Int) {
        let names = ["mock-a", "mock-b"]
        whole = Self.each(names) { Self.wholeAnswer($0, tokens) }
        health = Self.answer("{\"status\":\"ok\"}")
        models = Self.answer(
            "{\"object\":\"list\",\"data\":[" + names.map { "{\"id\":\"\($0)\",\"object\":\"model\",\"owned_by\":\"bench\"}" }.joined(separator: ",")
                + "]}")
        head = ByteBuffer(string: "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n")
        events = Self.each(names) { Self.events($0, tokens) }
        usage = Self.each(names) { name in
            Self.chunk(
                "data: {\"id\":\"chatcmpl-bench\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"\(name)\",\"choices\":[],"
                    + "\"usage\":{\"prompt_tokens\":20,\"total_tokens\":\(20 + tokens),\"completion_tokens\":\(tokens)}}\n\n")
        }
        end = ByteBuffer(string: "e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n")
    }

    private static func each<Value>(_ names: [String], _ make: (String) -> Value) -> [String: Value] {
        Dictionary(uniqueKeysWithValues: names.map { ($0, make($0)) })
    }

    private static func wholeAnswer(_ name: String, _ tokens: Int) -> ByteBuffer {
        let text = String(decoding: BenchText.text(tokens: tokens), as: UTF8.self)
        return answer(
            "{\"id\":\"chatcmpl-bench\",\"object\":\"chat.completion\",\"created\":1,\"model\":\"\(name)\",\"choices\":[{\"index\":0,"
                + "\"message\":{\"role\":\"assistant\",\"content\":\"\(text)\"},\"finish_reason\":\"length\"}],"
                + "\"usage\":{\"prompt_tokens\":20,\"total_tokens\":\(20 + tokens),\"completion_tokens\":\(tokens)}}")
    }

    private static func answer(_ body: String) -> ByteBuffer {
        ByteBuffer(string: "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: \(body.utf8.count)\r\n\r\n\(body)")
    }

    /// The role, each token, and the finish, one chunk each.
    private static func events(_ name: String, _ tokens: Int) -> [ByteBuffer] {
        func event(_ delta: String, _ finish: String) -> ByteBuffer {
            chunk(
                "data: {\"id\":\"chatcmpl-bench\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"\(name)\","
                    + "\"choices\":[{\"index\":0,\"delta\":\(delta),\"finish_reason\":\(finish)}]}\n\n")
        }
        let texts = (0..<tokens).map { event("{\"content\":\"\(String(decoding: BenchText.token($0), as: UTF8.self))\"}", "null") }
        return [event("{\"role\":\"assistant\",\"content\":\"\"}", "null")] + texts + [event("{}", "\"length\"")]
    }

    private static func chunk(_ text: String) -> ByteBuffer {
        ByteBuffer(string: String(text.utf8.count, radix: 16) + "\r\n" + text + "\r\n")
    }
}
