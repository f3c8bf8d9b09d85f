import Gateway
import TestSupport
import Testing

/// What a runtime is sent in place of what the client wrote.
@Suite struct RequestEditTests {
    private func sent(_ body: String, path: String = "/v1/chat/completions") async throws -> String {
        let runtime = try await ScriptedRuntime { _, _ in [.send(Answers.json(Samples.answer))] }
        var setup = GatewayFixture.Setup()
        setup.servedModel = "served"
        try await GatewayFixture.run([runtime], setup) { gateway in
            let client = try await TestClient(port: gateway.port)
            try await client.post(body, path: path)
            _ = try await client.answer()
        }
        let request = try #require(runtime.seen.requests.first)
        return String(request[try #require(request.firstRange(of: "\r\n\r\n")).upperBound...])
    }

    @Test func aModelIsNamedOnce() async throws {
        let body = try await sent(#"{"messages":[{"role":"user","content":"hi"}],"model":"m"}"#)
        #expect(body.ranges(of: #""model""#).count == 1)
        #expect(body.contains(#""model":"served""#))
    }

    @Test(arguments: [#""max_tokens":7,"max_completion_tokens":90"#, #""max_completion_tokens":7"#])
    func oneCapIsSentOn(_ caps: String) async throws {
        let body = try await sent(#"{"model":"m",\#(caps),"messages":[{"role":"user","content":"hi"}]}"#)
        #expect(body.contains(#""max_tokens":7"#))
        #expect(!body.contains("max_completion_tokens") && !body.contains("90"))
    }

    @Test func aCapAboveThePlanIsRefusedWhicheverNameHasIt() async throws {
        let runtime = try await ScriptedRuntime { _, _ in [.send(Answers.json(Samples.answer))] }
        try await GatewayFixture.run([runtime]) { gateway in
            let client = try await TestClient(port: gateway.port)
            try await client.post(#"{"model":"m","max_tokens":1,"max_completion_tokens":1000000,"messages":[{"role":"user","content":"hi"}]}"#)
            let answer = try await client.answer()
            #expect(answer.contains("max_tokens_too_large") && answer.contains(#""param":"max_completion_tokens""#))
        }
        #expect(runtime.seen.requests.isEmpty)
    }
}
