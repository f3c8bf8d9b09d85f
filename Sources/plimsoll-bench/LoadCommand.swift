import ArgumentParser

struct LoadCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "load", abstract: "Load in a closed or an open loop; prints one JSON object. Times are microseconds.")

    @Option(help: "Port on 127.0.0.1.") var port: Int
    @Option(help: "API key.") var key: String
    @Option(help: "Models, taken in turn by the connections.") var model: [String] = ["mock-a", "mock-b"]
    @Option(help: "Connections; in an open loop the most that may be open.") var connections = 64
    @Option(help: "Seconds.") var seconds = 5.0
    @Option(
        help: "Requests a second, begun at their time whether others have ended or not; without it each connection asks again when it has its answer."
    )
    var rate: Double?
    @Option(help: "Requests after which none begins.") var requests: Int?
    @Option(help: "Bytes of the prompt (330).") var promptBytes: Int?
    @Option(help: "Streams only: milliseconds to the first token that the upstream is asked for.") var firstTokenMs: Double?
    @Option(help: "Streams only: milliseconds between tokens that the upstream is asked for.") var gapMs: Double?
    @Option(help: "Tokens of each answer (64 of a stream, else 32).") var tokens: Int?
    @Option(help: "Milliseconds over which the connections begin.") var rampMs = 0.0
    @Flag(help: "Ask for streams.") var stream = false
    @Flag(help: "The answers are not those of this program's upstream: any text is right.") var anyText = false

    private var answerTokens: Int { tokens ?? BenchText.usualTokens(stream: stream) }

    func run() throws {
        try OpenFiles.raiseLimit()
        let begins = Moment.now
        let plan = LoadPlan(
            port: port, connections: connections, requests: model.map(request), tokens: anyText ? nil : answerTokens, begins: begins, ramp: rampMs,
            ends: begins.after(milliseconds: seconds * 1000), rate: rate, most: requests ?? .max)
        var loop = try LoadLoop(plan)
        try loop.run()
        print(loop.tally.json(seconds: Double(Moment.now - begins) / 1e9))
    }

    private func request(_ model: String) -> [UInt8] {
        let body = body(model)
        return Array(
            ("POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1:\(port)\r\nAuthorization: Bearer \(key)\r\nContent-Type: application/json\r\n"
                + "Accept: \(stream ? "text/event-stream" : "application/json")\r\nUser-Agent: plimsoll-bench\r\nContent-Length: \(body.utf8.count)\r\n\r\n"
                + body).utf8)
    }

    private func body(_ model: String) -> String {
        let streaming = stream ? "\"stream\":true,\"stream_options\":{\"include_usage\":true}," : ""
        return "{\"model\":\"\(model)\",\(streaming)\"max_tokens\":\(answerTokens),\"temperature\":0.7,\"messages\":["
            + "{\"role\":\"system\",\"content\":\"You answer questions about ships and harbours in a few words.\(pace)\"},"
            + "{\"role\":\"user\",\"content\":\"\(filling)What does the line on the hull of a ship mean, who had it painted there, and why do the "
            + "marks on it differ between fresh and salt water?\"}]}"
    }

    private var pace: String {
        guard stream, firstTokenMs != nil || gapMs != nil else { return "" }
        return " " + Pace(first: firstTokenMs ?? 20, gap: gapMs ?? 20, tokens: answerTokens).text
    }

    /// Words of five letters, so that four bytes make about a token.
    private var filling: String {
        guard let promptBytes else { return "" }
        var random = SmallRandom(state: 12345)
        let bytes = (0..<max(0, promptBytes - 330)).map { $0 % 6 == 5 ? UInt8(ascii: " ") : UInt8(ascii: "a") + UInt8(random.next() % 26) }
        return String(decoding: bytes, as: UTF8.self)
    }
}

/// The same words in every run.
private struct SmallRandom {
    var state: UInt32

    mutating func next() -> UInt32 {
        state = state &* 1_103_515_245 &+ 12345
        return state >> 16
    }
}
