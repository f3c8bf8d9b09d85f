import NIOCore
import PlimsollWire
import TestSupport
import Testing

@testable import Gateway

/// A worker that does not hold to the tokens that were asked for.
@Suite struct EndlessAnswerTests {
    @Test(arguments: ["/v1/chat/completions", "/v1/responses", "/v1/messages"])
    func `an answer that goes on beyond its cap is ended`(_ path: String) async throws {
        let piece = Answers.chunk((0..<50).map { #"data: {"model":"m","choices":[{"index":0,"delta":{"content":"token \#($0)"}}]}\#n\#n"# }.joined())
        let isHeard = ScriptedRuntime.promise()
        let runtime = try await ScriptedRuntime { _, _ in
            [.send(Answers.streamHead + Samples.role + Samples.token("begun")), .after(isHeard.futureResult)] + (0..<400).map { _ in .send(piece) }
                + [
                    .send(Samples.stop + Samples.done + Answers.streamEnd)
                ]
        }
        let words =
            path == "/v1/responses" ? #""input":"hi","max_output_tokens":20"# : #""messages":[{"role":"user","content":"hi"}],"max_tokens":20"#
        let records = try await GatewayFixture.run([runtime]) { gateway in
            let client = try await TestClient(port: gateway.port)
            try await client.post(#"{"model":"m",\#(words),"stream":true}"#, path: path)
            try await client.receive { $0.contains("begun") }
            isHeard.succeed()
            let answer = try await client.answer()
            #expect(answer.contains("stream_interrupted") && !answer.contains("[DONE]"), "\(answer.suffix(300))")
            #expect(answer.matches(of: /token \d/).count < 15_000)
        }
        #expect(records.count == 1 && records[0].billableCompletionTokens <= 20, "\(records)")
    }

    @Test func `what is too long to be put together is the request's fault, and told to be streamed`() async throws {
        let pieces = (0..<12).map { _ in Samples.token(String(repeating: "x", count: 1000)) }.joined()
        var runtimes: [ScriptedRuntime] = []
        for _ in 0..<2 {
            runtimes.append(
                try await ScriptedRuntime { _, _ in [.send(Answers.streamHead + pieces + Samples.stop + Samples.done + Answers.streamEnd)] })
        }
        var setup = GatewayFixture.Setup()
        setup.dialect = .llamacpp
        setup.settings.answerBytes = 10_000
        let records = try await GatewayFixture.run(runtimes, setup) { gateway in
            let client = try await TestClient(port: gateway.port)
            try await client.post(Samples.request.replacing(#"{"model""#, with: #"{"n":2,"model""#))
            let answer = try await client.answer()
            #expect(
                answer.hasPrefix("HTTP/1.1 400 ") && answer.contains(#""code":"invalid_value""#) && answer.contains(#""param":"stream""#), "\(answer)"
            )
        }
        #expect(runtimes.map(\.seen.requests.count).reduce(0, +) == 1)
        #expect(records.map(\.outcome) == ["excluded:4xx"] && records.map(\.billableCompletionTokens) == [0])
    }

    @Test(arguments: [
        ("/v1/chat/completions", #""messages":[{"role":"user","content":"hi"}]"#, "stream"), ("/v1/embeddings", #""input":["a","b"]"#, "input"),
    ])
    func `what is too long to be told in one piece is asked of one worker only`(_ path: String, _ words: String, _ param: String) async throws {
        var runtimes: [ScriptedRuntime] = []
        for _ in 0..<2 {
            runtimes.append(try await ScriptedRuntime { _, _ in [.send(Answers.json(#"{"x":"\#(String(repeating: "x", count: 12_000))"}"#))] })
        }
        var setup = GatewayFixture.Setup()
        setup.settings.answerBytes = 10_000
        if param == "input" { setup.edit = { $0.models["m"]?.kind = .embedding } }
        let records = try await GatewayFixture.run(runtimes, setup) { gateway in
            let client = try await TestClient(port: gateway.port)
            try await client.post(#"{"model":"m",\#(words)}"#, path: path)
            let answer = try await client.answer()
            #expect(answer.hasPrefix("HTTP/1.1 400 ") && answer.contains(#""param":"\#(param)""#), "\(answer)")
        }
        #expect(runtimes.map(\.seen.requests.count).reduce(0, +) == 1)
        #expect(records.map(\.outcome) == ["excluded:4xx"])
    }
}
