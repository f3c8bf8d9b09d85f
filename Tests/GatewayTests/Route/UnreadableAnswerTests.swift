import Gateway
import PlimsollWire
import TestSupport
import Testing

@Suite("Answers of a model that its runtime cannot read")
struct UnreadableAnswerTests {
    private static let words =
        #"{"error":{"code":500,"message":"The model produced output that does not match the expected peg-native format","type":"server_error"}}"#

    private static func reply(_ form: String) -> String {
        switch form {
        case "status": Answers.json(words, status: "500 Internal Server Error")
        case "body": Answers.json(words)
        default: Answers.streamHead + Answers.event(words) + Answers.streamEnd
        }
    }

    @Test("a few are asked twice, and their workers stay in rotation", arguments: ["status", "body", "stream"])
    func nobodyIsBlamed(_ form: String) async throws {
        var runtimes: [ScriptedRuntime] = []
        for _ in 0..<2 { runtimes.append(try await ScriptedRuntime { _, _ in [.send(Self.reply(form))] }) }
        let records = try await GatewayFixture.run(runtimes) { gateway in
            let client = try await TestClient(port: gateway.port)
            for _ in 0..<12 {
                client.clear()
                try await client.post(form == "stream" ? Samples.stream : Samples.request)
                let answer = try await client.answer()
                #expect(answer.hasPrefix("HTTP/1.1 502") && answer.contains(#""code":"upstream_error""#) && !answer.contains("peg-native"))
            }
            #expect(gateway.metric(#"plimsoll_gateway_workers_out{reason="failures"}"#) != "1")
        }
        #expect(records.count == 12 && records.allSatisfy { $0.attempts <= 2 && $0.billableCompletionTokens == 0 })
        #expect(records.contains { $0.attempts == 1 }, "a second one is asked out of a budget")
    }

    @Test("a worker that says so of all it is asked is out, and costs no customer an answer")
    func onlyOne() async throws {
        let broken = try await ScriptedRuntime { _, _ in [.send(Self.reply("status"))] }
        let good = try await ScriptedRuntime { _, _ in [.send(Answers.json(Samples.answer))] }
        var setup = GatewayFixture.Setup()
        // The broken one is asked first as long as it is in rotation.
        setup.edit = { $0.workers[1].weight = 1 }
        try await GatewayFixture.run([broken, good], setup) { gateway in
            let client = try await TestClient(port: gateway.port)
            for _ in 0..<500 where broken.seen.requests.count < 3 {
                client.clear()
                try await client.post(Samples.request)
                #expect(try await client.answer().hasPrefix("HTTP/1.1 200"))
            }
            try await until { gateway.metric(#"plimsoll_gateway_workers_out{reason="failures"}"#) == "1" }
        }
    }
}
