import Domain
import HTTPWire
import NIOCore
import NIOPosix
import PlimsollWire
import TestSupport
import Testing

@testable import Gateway

@Suite struct MessagesTests {
    private static let request = #"{"model":"m","max_tokens":9,"messages":[{"role":"user","content":"hi"}]}"#
    private static let stream = #"{"model":"m","max_tokens":9,"stream":true,"messages":[{"role":"user","content":"hi"}]}"#

    @Test func anAnswerIsAMessageAndIsBilledAsChat() async throws {
        let call = try await APICall.make("/v1/messages", Self.request, reply: Answers.json(Samples.answer))
        #expect(call.status == "200" && call.asked.hasPrefix("POST /v1/chat/completions "))
        #expect(call.answer.contains("\r\nrequest-id: "))
        let message = try call.json()
        #expect(message["type"] == "message" && message["model"] == "m" && message["stop_reason"] == "end_turn")
        #expect(message["content"] == [["type": "text", "text": "hello"]])
        #expect(message["usage"]?["input_tokens"] == 9 && message["usage"]?["output_tokens"] == 3)
        #expect(call.records == [.init(outcome: "good", prompt: 9, completion: 3, attempts: 1, errorCode: nil)])
    }

    @Test func theRequestGoesThroughPolicyLikeChat() async throws {
        let request =
            #"{"model":"m","max_tokens":9,"messages":[{"role":"user","content":"hi"}],"cache_salt":"x","priority":1,"metadata":{"user_id":"u"}}"#
        let call = try await APICall.make("/v1/messages", request, reply: Answers.json(Samples.answer))
        let sent = try JSONValue.parse(call.sent)
        #expect(sent["cache_salt"] == "5a17" && sent["max_tokens"] == 9)
        #expect(sent["priority"] == nil && sent["metadata"] == nil)
        #expect(sent["messages"] == [["role": "user", "content": "hi"]])
    }

    @Test func aStreamIsOneOfAnthropicsEvents() async throws {
        let call = try await APICall.make("/v1/messages", Self.stream, reply: Samples.wholeStream)
        #expect(
            call.events == [
                "message_start", "ping", "content_block_start", "content_block_delta", "content_block_delta", "content_block_stop", "message_delta",
                "message_stop",
            ])
        #expect(!call.body.contains("[DONE]"))
        #expect(call.body.contains(#""usage":{"input_tokens":9,"cache_creation_input_tokens":0,"cache_read_input_tokens":0,"output_tokens":2}"#))
        #expect(call.records.map(\.outcome) == ["good"])
    }

    @Test func parallelCallsOfToolsAreBlocks() async throws {
        let call = try await APICall.make("/v1/messages", Self.stream, reply: APICall.tools)
        #expect(call.events.count { $0 == "content_block_start" } == 2)
        #expect(call.body.contains(#""stop_reason":"tool_use""#))
    }

    /// Token and error came in one read: the client has seen nothing, so it is told as any failure.
    @Test func aStreamThatBreaksBeforeAnythingWasSentIsAFailure() async throws {
        let broken = Answers.streamHead + Samples.role + Samples.token("a") + Answers.event(#"{"error":{"message":"CUDA at /host","code":500}}"#)
        let call = try await APICall.make("/v1/messages", Self.stream, reply: broken + Answers.streamEnd)
        #expect(call.status == "502" && call.events.isEmpty && !call.body.contains("CUDA"))
        #expect(call.body.contains(#""type":"api_error""#))
        #expect(call.records == [.init(outcome: "bad:5xx", prompt: 0, completion: 0, attempts: 1, errorCode: "upstream_error")])
    }

    @Test func refusalsHaveAnthropicsShape() async throws {
        let early = try await APICall.make("/v1/messages", Self.request, reply: "", fields: "content-encoding: gzip\r\n")
        let late = try await APICall.make("/v1/messages", #"{"model":"m","max_tokens":9,"messages":[]}"#, reply: "")
        let unknown = try await APICall.make("/v1/messages/batches", Self.request, reply: "")
        #expect([early.status, late.status, unknown.status] == ["415", "400", "404"])
        for call in [early, late, unknown] { #expect(try call.json()["type"] == "error") }
        #expect(try late.json()["error"]?["param"] == "messages")
        #expect(try unknown.json()["error"]?["type"] == "not_found_error")
    }

    @Test func tokensAreCountedByTheRuntimeAndBilledToNobody() async throws {
        let request = #"{"model":"m","messages":[{"role":"user","content":"hi"}],"tools":[{"name":"f","input_schema":{"type":"object"}}],"rid":"x"}"#
        let call = try await APICall.make("/v1/messages/count_tokens", request, reply: Answers.json(#"{"input_tokens":14,"host":"h"}"#))
        #expect(call.asked.hasPrefix("POST /v1/messages/count_tokens "))
        #expect(call.body == #"{"input_tokens":14}"#)
        let tools: JSONValue = [["name": "f", "input_schema": ["type": "object"]]]
        #expect(try JSONValue.parse(call.sent) == ["model": "m", "messages": [["role": "user", "content": "hi"]], "tools": tools])
        #expect(call.records == [.init(outcome: "good", prompt: 0, completion: 0, attempts: 1, errorCode: nil)])
    }

    private static let counting = #"{"model":"m","messages":[{"role":"user","content":"how many tokens are these words?"}]}"#

    @Test func countingTakesNothingOfTheMoneyAndGivesNoneEither() async throws {
        let gate = MultiThreadedEventLoopGroup.singleton.next().makePromise(of: Void.self)
        let runtime = try await ScriptedRuntime { _, _ in [.after(gate.futureResult), .send(Answers.json(#"{"input_tokens":14}"#))] }
        var setup = GatewayFixture.Setup()
        setup.tier.spendPerMonthMicroUsd = 1
        setup.limits = .unkept()
        setup.edit = { table in
            table.prices = [
                PriceEntry(
                    version: 7, model: "m", tier: "pro", serviceClass: "interactive", effectiveFromSeconds: 0, promptPicoUsd: 10,
                    cachedPromptPicoUsd: 10, completionPicoUsd: 1_000)
            ]
        }
        let limits = try #require(setup.limits)
        func taken() throws -> Int64 {
            let holder = try #require(limits.holder("tenant/tenant-1"))
            return holder.slot(.spendPerMonth, holder.number(.spendPerMonth)).taken.value
        }
        try await GatewayFixture.run([runtime], setup) { gateway in
            let client = try await TestClient(port: gateway.port)
            try await client.post(Self.counting, path: "/v1/messages/count_tokens")
            try await until { runtime.seen.requests.count == 1 }
            #expect(try taken() == 0)
            gate.succeed()
            #expect(try await client.answer().hasPrefix("HTTP/1.1 200 "))
            #expect(try taken() == 0)
        }
    }

    @Test func countingIsHeldToThePromptOfThePlan() async throws {
        var setup = GatewayFixture.Setup()
        setup.tier.maxPromptTokens = 5
        let call = try await APICall.make("/v1/messages/count_tokens", Self.counting, reply: Answers.json(#"{"input_tokens":14}"#), setup: setup)
        #expect(call.status == "400" && call.body.contains("prompt_too_long") && call.sent.isEmpty)
    }

    @Test func aRuntimeThatCannotCountIsNamedAsSuch() async throws {
        let call = try await APICall.make(
            "/v1/messages/count_tokens", #"{"model":"m","messages":[{"role":"user","content":"hi"}]}"#,
            reply: Answers.json(#"{"detail":"Not Found"}"#, status: "404 Not Found"))
        #expect(call.status == "400")
        #expect(try call.json()["error"]?["code"] == "unsupported_endpoint")
    }

    @Test func modelsAreListedInTheWordsOfTheClient() async throws {
        let runtime = try await ScriptedRuntime { _, _ in [] }
        try await GatewayFixture.run([runtime]) { gateway in
            let client = try await TestClient(port: gateway.port)
            let head = "host: t\r\nx-api-key: sk-test\r\nanthropic-version: 2023-06-01\r\n\r\n"
            try await client.send("GET /v1/models HTTP/1.1\r\n\(head)")
            #expect(try await client.answer().contains(#""has_more":false"#))
            client.clear()
            try await client.send("GET /v1/models/m HTTP/1.1\r\n\(head)")
            #expect(try await client.answer().contains(#"{"type":"model","id":"m""#))
            client.clear()
            try await client.send("GET /v1/models/none HTTP/1.1\r\n\(head)")
            #expect(try await client.answer().contains(#"{"type":"error","error":{"#))
        }
    }
}
