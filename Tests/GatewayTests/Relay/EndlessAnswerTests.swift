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
}
