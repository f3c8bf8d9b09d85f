import ArgumentParser
import Glibc

/// A worker that costs next to nothing: fixed answers, one thread.
struct UpstreamCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "upstream", abstract: "OpenAI-shaped worker with fixed answers; the first port serves mock-a, the second mock-b, and so on.")

    @Option(help: "Ports on 127.0.0.1; 0 takes a free one.") var port: [Int]
    @Option(help: "Tokens of a stream.") var tokens = BenchText.usualTokens(stream: true)
    @Option(help: "Tokens of an answer that is no stream.") var wholeTokens = BenchText.usualTokens(stream: false)
    @Option(help: "Streams only: milliseconds to the first token.") var firstTokenMs = 20.0
    @Option(help: "Streams only: milliseconds between tokens.") var gapMs = 20.0

    func validate() throws {
        guard port.count <= 26 else { throw ValidationError("At most 26 ports.") }
        guard tokens > 0, wholeTokens > 0 else { throw ValidationError("An answer has at least one token.") }
    }

    func run() throws {
        try OpenFiles.raiseLimit()
        let ports = try zip(port, "abcdefghijklmnopqrstuvwxyz").map { port, letter in
            (socket: try Socket.listening(port: port), answers: UpstreamAnswers(model: "mock-\(letter)", tokens: tokens, wholeTokens: wholeTokens))
        }
        var loop = try UpstreamLoop(ports: ports, first: firstTokenMs, gap: gapMs)
        print("READY " + (try ports.map { "\(try $0.socket.port())" }).joined(separator: " "))
        fflush(nil)
        try loop.run()
    }
}
