import HTTPWire
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

    @Test func anAnswerWithoutVectorsIsAFailureOfTheRuntime() async throws {
        let call = try await APICall.make(
            "/v1/embeddings", #"{"model":"m","input":"a"}"#, reply: Answers.json(#"{"object":"list","data":[]}"#), setup: APICall.embeddingSetup)
        #expect(call.status == "502" && call.records.map(\.outcome) == ["bad:5xx"])
    }
}
