import HTTPWire
import PlimsollWire
import TestSupport
import Testing

/// Habits of runtimes that a customer must not see.
@Suite struct RuntimeQuirkTests {
    private static let timings = #","timings":{"cache_n":0,"prompt_ms":4575.9,"predicted_n":4}"#

    private func timed(_ text: String) -> String { String(text.dropLast()) + Self.timings + "}" }

    @Test func timingsStayWithTheOperator() async throws {
        let whole = try await APICall.make("/v1/chat/completions", Samples.request, reply: Answers.json(timed(Samples.answer)))
        #expect(whole.body == Samples.answer)
        let stop = #"{"model":"m","choices":[{"index":0,"delta":{},"finish_reason":"length"}]}"#
        let usage = #"{"model":"m","choices":[],"usage":{"prompt_tokens":9,"completion_tokens":2,"total_tokens":11}}"#
        let stream = Answers.streamHead + Samples.token("a") + Answers.event(timed(stop)) + Answers.event(timed(usage)) + Samples.done
        let request = #"{"model":"m","messages":[{"role":"user","content":"hi"}],"stream":true,"stream_options":{"include_usage":true}}"#
        let call = try await APICall.make("/v1/chat/completions", request, reply: stream + Answers.streamEnd)
        #expect(!call.body.contains("timings"))
        #expect(call.body.contains("data: \(stop)\n\n") && call.body.contains("data: \(usage)\n\n"))
    }

    @Test func aggregatedAnswersKeepTheProbabilitiesOfTheirTokens() async throws {
        func event(_ choice: Int, _ token: String) -> String {
            let entry = #"{"token":"\#(token)","logprob":-0.5,"bytes":null,"top_logprobs":[]}"#
            return Answers.event(
                #"{"model":"m","choices":[{"index":\#(choice),"delta":{"content":"\#(token)"},"logprobs":{"content":[\#(entry)]}}]}"#)
        }
        func stop(_ choice: Int) -> String { Answers.event(#"{"choices":[{"index":\#(choice),"delta":{},"logprobs":null,"finish_reason":"stop"}]}"#) }
        let stream = Answers.streamHead + event(0, "a") + event(1, "x") + event(0, "b") + stop(0) + stop(1) + Samples.done + Answers.streamEnd
        var setup = GatewayFixture.Setup()
        setup.dialect = .llamacpp
        let request = #"{"model":"m","messages":[{"role":"user","content":"hi"}],"n":2,"logprobs":true}"#
        let choices = try await APICall.make("/v1/chat/completions", request, reply: stream, setup: setup).json()["choices"]?.array
        let tokens = choices?.map { $0["logprobs"]?["content"]?.array?.compactMap { $0["token"]?.string } }
        #expect(tokens == [["a", "b"], ["x"]])
    }

    @Test(arguments: [
        #"{"object":"error","message":"secret","type":"BadRequestError","param":null,"code":400}"#,
        #"{"error":"secret","error_type":"validation"}"#, #"{"error":{"message":"secret","type":"invalid_request_error","code":"400"}}"#,
    ])
    func errorsInsideAStreamAreReadInEveryShape(_ error: String) async throws {
        for event in [Answers.event(error), Answers.chunk("event: error\ndata: \(error)\n\n")] {
            let call = try await APICall.make("/v1/chat/completions", Samples.stream, reply: Answers.streamHead + event + Answers.streamEnd)
            #expect(call.status == "400" && !call.body.contains("secret"))
            #expect(try call.json()["error"]?["code"] == "invalid_request")
        }
    }

    @Test func anAnswerThatTheRuntimeGaveUpIsNoAnswer() async throws {
        let call = try await APICall.make(
            "/v1/chat/completions", Samples.request, reply: Answers.json(Samples.answer.replacing(#""stop""#, with: #""abort""#)))
        #expect(call.status == "502" && call.records.map(\.outcome) == ["bad:5xx"])
    }

    @Test func anEmptyReasonIsNoEnd() async throws {
        let going = Answers.event(#"{"model":"m","choices":[{"index":0,"delta":{"content":"a"},"finish_reason":""}]}"#)
        let call = try await APICall.make(
            "/v1/chat/completions", Samples.stream, reply: Answers.streamHead + going + going + Samples.stop + Samples.done + Answers.streamEnd)
        #expect(call.records.map(\.completion) == [2] && call.body.contains("[DONE]"))
    }
}
