import Gateway
import HTTPWire
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

    /// Numbers in odd forms, white space, escapes, and letters of all kinds, in names and values.
    private static let unknown = [
        #""vendor":{"deep":[[{"a":[{"b":{}}]}],[]],"e":"" , "n" : null,"model":"x","cache_salt":"y" }"#,
        #""numbers":[-0,1.0,0.10,1E+2,2e-7,12345678901234567890123456789,-0.0e0]"#,
        #""ünï \u00fc\/\"" : "h\u00e9 é e\u0301 語 😀 \ud83d\ude00 \n\\ \/""#,
        "\"spaced\" :\t[ 1 ,\r\n 2 ]", #""top_k":5"#,
    ]

    private static func body(_ path: String, _ members: String) -> String {
        let prompt =
            switch path {
            case "/v1/completions": #""prompt":"hi""#
            case "/v1/embeddings", "/v1/responses": #""input":"hi""#
            default: #""messages":[{"role":"user","content":"hi"}],"max_tokens":7"#
            }
        return #"{"first":[1e0, "\u0041"],"model":"m",\#(prompt),\#(members)}"#
    }

    /// Byte for byte: a runtime's own parameters are none of the gateway's business.
    @Test(arguments: ["/v1/chat/completions", "/v1/completions", "/v1/embeddings"])
    func whatNobodyHereKnowsGoesThrough(_ path: String) async throws {
        let members = Self.unknown.joined(separator: " ,")
        let setup = path == "/v1/embeddings" ? APICall.embeddingSetup : GatewayFixture.Setup()
        let call = try await APICall.make(path, Self.body(path, members), reply: Answers.json(Samples.answer), setup: setup)
        let end = Array((members + "}").utf8)
        #expect(Array(call.sent.utf8.suffix(end.count)) == end, "\(call.sent)")
        #expect(call.sent.contains(#""first":[1e0, "\u0041"]"#), "\(call.sent)")
    }

    /// A body that is put into other words is written anew; values stay what they were.
    @Test(arguments: ["/v1/responses", "/v1/messages"])
    func whatNobodyHereKnowsKeepsItsValueInOtherWords(_ path: String) async throws {
        let body = Self.body(path, Self.unknown.joined(separator: ","))
        let call = try await APICall.make(path, body, reply: Answers.json(Samples.answer))
        let (asked, sent) = (try JSONValue.parse(body), try JSONValue.parse(call.sent))
        let names = try #require(asked.object?.names.filter { !["model", "input", "messages", "max_tokens"].contains($0) })
        #expect(names.count == Self.unknown.count + 1)
        for name in names { #expect(sent[name] == asked[name], "\(name): \(call.sent)") }
    }

    @Test(arguments: ["/v1/chat/completions", "/v1/responses", "/v1/messages"])
    func leversInsideWhatATemplateIsToldAreTakenOut(_ path: String) async throws {
        let levers = [
            "chat_template", "conversation", "messages", "tokenize", "add_generation_prompt", "continue_final_message", "padding", "truncation",
            "max_length", "return_tensors", "return_dict", "return_assistant_tokens_mask", "tokenizer_kwargs", "chat_\\u0074emplate",
        ]
        let prompt = path == "/v1/responses" ? #""input":"hi""# : #""messages":[{"role":"user","content":"hi"}],"max_tokens":7"#
        func arguments(_ arguments: String) async throws -> JSONValue? {
            try JSONValue.parse(
                try await sent(#"{"model":"m",\#(prompt),"chat_template_kwargs":{\#(arguments)},"top_k":5}"#, path: path))[
                    "chat_template_kwargs"]
        }
        for lever in levers {
            let told = try #require(try await arguments(#""enable_thinking":true, "\#(lever)" : {"a":["}",1]} ,"thinking":true"#))
            #expect(told == ["enable_thinking": true, "thinking": true])
        }
        let alone = try #require(try await arguments(levers.dropLast().map { #""\#($0)":1"# }.joined(separator: ",") + #","thinking":false"#))
        #expect(alone["thinking"] == false && levers.allSatisfy { alone[$0] == nil })
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
