import HTTPWire
import NIOCore
import PlimsollWire
import TestSupport
import Testing

@Suite struct ResponsesTests {
    @Test func anAnswerIsAResponse() async throws {
        let request = #"{"model":"m","input":"hi","instructions":"be brief","max_output_tokens":9,"cache_salt":"x","top_k":3}"#
        let call = try await APICall.make("/v1/responses", request, reply: Answers.json(Samples.answer))
        #expect(call.status == "200" && call.asked.hasPrefix("POST /v1/chat/completions "))
        let response = try call.json()
        #expect(response["object"] == "response" && response["status"] == "completed" && response["instructions"] == "be brief")
        #expect(response["output"]?.array?.first?["content"]?.array?.first?["text"] == "hello")
        #expect(response["usage"]?["input_tokens"] == 9 && response["usage"]?["output_tokens"] == 3)
        let sent = try JSONValue.parse(call.sent)
        #expect(sent["cache_salt"] == "5a17" && sent["max_tokens"] == 9 && sent["top_k"] == 3)
        #expect(call.records == [.init(outcome: "good", prompt: 9, completion: 3, attempts: 1, errorCode: nil)])
    }

    @Test func aStreamHasItsEventsAndNoDone() async throws {
        let call = try await APICall.make("/v1/responses", #"{"model":"m","input":"hi","stream":true}"#, reply: Samples.wholeStream)
        #expect(call.events.first == "response.created" && call.events.last == "response.completed")
        #expect(call.events.count { $0 == "response.output_text.delta" } == 2)
        #expect(!call.body.contains("[DONE]") && call.body.contains(#""output_tokens":2"#))
    }

    @Test func parallelCallsOfToolsAreItems() async throws {
        let call = try await APICall.make("/v1/responses", #"{"model":"m","input":"hi","stream":true}"#, reply: APICall.tools)
        #expect(call.events.count { $0 == "response.function_call_arguments.done" } == 2)
    }

    /// Token and end came in one read: the client has seen nothing, so it is told as any failure.
    @Test func aStreamThatBreaksBeforeAnythingWasSentIsAFailure() async throws {
        let broken = Answers.streamHead + Samples.token("a") + Answers.event(#"{"choices":[{"index":0,"delta":{},"finish_reason":"abort"}]}"#)
        let call = try await APICall.make("/v1/responses", #"{"model":"m","input":"hi","stream":true}"#, reply: broken + Answers.streamEnd)
        #expect(call.status == "502" && call.body.contains(#""code":"upstream_error""#))
        #expect(call.records == [.init(outcome: "bad:5xx", prompt: 0, completion: 0, attempts: 1, errorCode: "upstream_error")])
    }

    /// What cannot be told comes in one read with what breaks the stream: it ends once.
    @Test func aStreamThatCannotBeToldAndBreaksEndsOnce() async throws {
        let calls = (0..<130).map { #"{"index":\#($0),"id":"c\#($0)","type":"function","function":{"name":"f","arguments":""}}"# }
        let untold = Answers.event(#"{"model":"m","choices":[{"index":0,"delta":{"tool_calls":[\#(calls.joined(separator: ","))]}}]}"#)
        let goesOn = ScriptedRuntime.promise()
        let runtime = try await ScriptedRuntime { _, _ in
            [
                .send(Answers.streamHead + Samples.role + Samples.token("a")), .after(goesOn.futureResult),
                .send(untold + Answers.event(#"{"choices":[{"index":0,"delta":{},"finish_reason":"abort"}]}"#)),
            ]
        }
        let records = try await GatewayFixture.run([runtime]) { gateway in
            let client = try await TestClient(port: gateway.port)
            try await client.post(#"{"model":"m","input":"hi","stream":true}"#, path: "/v1/responses")
            try await client.receive { $0.contains("response.output_text.delta") }
            goesOn.succeed()
            #expect(try await client.answer().contains("response.failed"))
        }
        #expect(records.map(\.errorCode) == ["stream_interrupted"])
    }

    @Test(arguments: [#""store":true"#, #""previous_response_id":"r""#, #""conversation":"c""#, #""background":true"#])
    func whatNeedsAStoreIsRefusedBeforeARuntimeIsAsked(_ member: String) async throws {
        let call = try await APICall.make("/v1/responses", #"{"model":"m","input":"hi",\#(member)}"#, reply: "")
        #expect(call.status == "400" && call.asked.isEmpty)
        let error = try call.json()["error"]
        #expect(error?["code"] == "unsupported_parameter" && error?["message"]?.string?.contains("stores") == true)
    }

    @Test func capsOfThePlanHoldUnderTheNamesOfTheAPI() async throws {
        let call = try await APICall.make("/v1/responses", #"{"model":"m","input":"hi","max_output_tokens":101}"#, reply: "")
        #expect(try call.json()["error"]?["param"] == "max_output_tokens")
        #expect(call.body.contains("the plan pro allows"))
        let long = String(repeating: "word ", count: 1000)
        let prompt = try await APICall.make("/v1/responses", #"{"model":"m","input":"\#(long)"}"#, reply: "")
        #expect(try prompt.json()["error"]?["param"] == "input")
    }
}
