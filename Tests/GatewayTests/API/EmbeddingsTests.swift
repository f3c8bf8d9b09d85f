import Gateway
import HTTPWire
import NIOCore
import NIOPosix
import PlimsollWire
import TestSupport
import Testing

@Suite struct EmbeddingsTests {
    private static let vectors =
        #"{"object":"list","data":[{"object":"embedding","index":0,"embedding":"AACAPw=="}],"model":"X","usage":{"prompt_tokens":4,"total_tokens":4}}"#

    @Test func embeddingsGoThroughWithTheirParameters() async throws {
        let request = #"{"model":"m","input":["a","b"],"dimensions":1,"encoding_format":"base64","user":"u","truncate_prompt_tokens":5}"#
        let call = try await APICall.make("/v1/embeddings", request, reply: Answers.json(Self.vectors), setup: APICall.embeddingSetup)
        #expect(call.status == "200")
        #expect(call.asked.hasPrefix("POST /v1/embeddings "))
        let sent: JSONValue = [
            "model": "m", "cache_salt": "5a17", "input": ["a", "b"], "dimensions": 1, "encoding_format": "base64", "truncate_prompt_tokens": 5,
        ]
        #expect(try JSONValue.parse(call.sent) == sent)
        #expect(try call.json()["model"] == "m")
        #expect(call.body.contains(#""embedding":"AACAPw==""#))
        #expect(call.records == [.init(outcome: "good", prompt: 4, completion: 0, attempts: 1, errorCode: nil)])
    }

    @Test func aModelIsOnlyForWhatItIsFor() async throws {
        let text = try await APICall.make("/v1/embeddings", #"{"model":"m","input":"a"}"#, reply: "")
        let vector = try await APICall.make("/v1/chat/completions", Samples.request, reply: "", setup: APICall.embeddingSetup)
        for call in [text, vector] {
            #expect(call.status == "400" && call.asked.isEmpty)
            #expect(try call.json()["error"]?["code"] == "unsupported_endpoint")
        }
    }

    @Test(arguments: [
        ("501 Not Implemented", #"{"error":{"code":501,"message":"no --embeddings","type":"not_supported_error"}}"#),
        ("404 Not Found", #"{"detail":"Not Found"}"#),
    ])
    func aRuntimeThatHasNoneIsToldFromAFailure(_ status: String, _ body: String) async throws {
        let call = try await APICall.make(
            "/v1/embeddings", #"{"model":"m","input":"a"}"#, reply: Answers.json(body, status: status), setup: APICall.embeddingSetup)
        #expect(call.status == "400" && call.records.map(\.outcome) == ["excluded:4xx"])
        #expect(try call.json()["error"]?["code"] == "unsupported_endpoint")
        #expect(!call.body.contains("--embeddings"))
    }

    /// llama.cpp's server calls it a failure of its own.
    @Test func aTextThatIsLongerThanTheRuntimeTakesIsNoFailureOfIt() async throws {
        let error = #"{"error":{"code":500,"message":"input (2101 tokens) is too large to process. x (2048)","type":"server_error"}}"#
        let call = try await APICall.make(
            "/v1/embeddings", #"{"model":"m","input":"a"}"#, reply: Answers.json(error, status: "500 Internal Server Error"),
            setup: APICall.embeddingSetup)
        #expect(call.status == "400" && call.records.map(\.outcome) == ["excluded:over_limit"])
        #expect(try call.json()["error"]?["code"] == "context_length_exceeded")
        #expect(!call.body.contains("2048"))
    }

    /// As many texts as OpenAI takes, of each kind in which they may come.
    @Test(arguments: [#""a""#, "[1]"]) func asManyTextsAsMayBeInOneRequestAndNoMore(_ text: String) async throws {
        var setup = APICall.embeddingSetup
        (setup.tier.maxPromptTokens, setup.tier.maxBodyBytes) = (10_000, 32_768)
        func call(_ count: Int) async throws -> APICall {
            let input = Array(repeating: text, count: count).joined(separator: ",")
            return try await APICall.make("/v1/embeddings", #"{"model":"m","input":[\#(input)]}"#, reply: Answers.json(Self.vectors), setup: setup)
        }
        let most = try await call(2_048)
        #expect(most.status == "200" && most.sent.ranges(of: text).count == 2_048, "\(most.answer)")
        let tooMany = try await call(2_049)
        #expect(tooMany.status == "400" && tooMany.sent.isEmpty && tooMany.records.isEmpty)
        let error = try #require(try tooMany.json()["error"])
        #expect(error["code"] == "invalid_value" && error["param"] == "input", "\(tooMany.body)")
        #expect(error["message"] == "'input' must hold from 1 to 2048 texts.")
    }

    /// Of many texts the longest one has to fit in, not all of them at once.
    @Test func manyTextsWaitForNoMoreRoomThanTheLongestNeeds() async throws {
        let gate = MultiThreadedEventLoopGroup.singleton.next().makePromise(of: Void.self)
        let runtime = try await ScriptedRuntime { number, _ in
            number == 0 ? [.after(gate.futureResult), .send(Answers.json(Self.vectors))] : [.send(Answers.json(Self.vectors))]
        }
        var setup = APICall.embeddingSetup
        setup.tier.maxPromptTokens = 10_000
        setup.tier.maxBodyBytes = 65_536
        setup.edit = { table in
            table.models["m"]?.kind = .embedding
            (table.workers[0].slots, table.workers[0].kvTokens) = (8, 500)
        }
        let texts = Array(repeating: #""\#(String(repeating: "word ", count: 40))""#, count: 100).joined(separator: ",")
        try await GatewayFixture.run([runtime], setup) { gateway in
            let (running, second) = (try await TestClient(port: gateway.port), try await TestClient(port: gateway.port))
            try await running.post(#"{"model":"m","input":"a"}"#, path: "/v1/embeddings")
            try await until { runtime.seen.requests.count == 1 }
            try await second.post(#"{"model":"m","input":[\#(texts)]}"#, path: "/v1/embeddings")
            try await until { gateway.metric("plimsoll_gateway_queued_requests") == "1" || runtime.seen.requests.count == 2 }
            #expect(runtime.seen.requests.count == 2)
            gate.succeed()
            for client in [running, second] { #expect(try await client.answer().hasPrefix("HTTP/1.1 200 ")) }
        }
    }

    @Test func anAnswerWithoutVectorsIsAFailureOfTheRuntime() async throws {
        let call = try await APICall.make(
            "/v1/embeddings", #"{"model":"m","input":"a"}"#, reply: Answers.json(#"{"object":"list","data":[]}"#), setup: APICall.embeddingSetup)
        #expect(call.status == "502" && call.records.map(\.outcome) == ["bad:5xx"])
    }
}
