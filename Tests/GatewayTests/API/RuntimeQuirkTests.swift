import HTTPWire
import NIOCore
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

    private static let build = #""system_fingerprint":"b9-host17""#

    /// An event whose build stands in front of its choices, or behind them, and the same without it.
    private static func built(_ content: String, inFront: Bool, finish: String = "null") -> (sent: String, shown: String) {
        let choices = #""choices":[{"finish_reason":\#(finish),"index":0,"delta":\#(content)}]"#
        let parts =
            inFront ? [#"{"id":"c","model":"m""#, build, choices + "}"] : ["{" + choices, #""id":"c","model":"m""#, build, #""object":"x"}"#]
        return (parts.joined(separator: ","), parts.filter { $0 != build }.joined(separator: ","))
    }

    @Test(arguments: [true, false], ["m", "other-name"])
    func theBuildOfARuntimeStaysWithTheOperator(_ inFront: Bool, _ served: String) async throws {
        let texts = ["", "one", " two two", #" \"three\" "#, " 4"]
        let events =
            [Self.built(#"{"role":"assistant","content":null}"#, inFront: inFront)]
            + texts.map { Self.built(#"{"content":"\#($0)"}"#, inFront: inFront) } + [Self.built("{}", inFront: inFront, finish: #""stop""#)]
        let sent = events.map { $0.sent.replacing(#""model":"m""#, with: #""model":"\#(served)""#) }
        for (head, tail) in [("", ""), ("event: message\n", ""), ("id: host17\n", "\nevent:")] {
            let reply = Answers.streamHead + sent.map { Answers.chunk("\(head)data: \($0)\(tail)\n\n") }.joined() + Samples.done + Answers.streamEnd
            let call = try await APICall.make("/v1/chat/completions", Samples.stream, reply: reply)
            let lines = call.body.replacing("\r\n", with: "\n").split(separator: "\n")
            #expect(lines.filter { $0.hasPrefix("data: ") }.map { $0.dropFirst(6) } == events.map { $0.shown[...] } + ["[DONE]"])
            #expect(!call.body.contains("host17") && !call.body.contains("event:"), "\(call.body)")
            #expect(call.records.map(\.completion) == [4])
        }
    }

    @Test func theBuildIsTakenOutOfWholeAnswers() async throws {
        let opened = "{" + Self.build + "," + Self.timings.dropFirst() + "," + Samples.answer.dropFirst()
        for answer in [
            opened, String(Samples.answer.dropLast()) + "," + Self.build + "}", timed(String(Samples.answer.dropLast()) + "," + Self.build + "}"),
        ] {
            let call = try await APICall.make("/v1/chat/completions", Samples.request, reply: Answers.json(answer))
            #expect(call.body == Samples.answer)
        }
        let none = String(Samples.answer.dropLast()) + #","system_fingerprint":null}"#
        #expect(try await APICall.make("/v1/chat/completions", Samples.request, reply: Answers.json(none)).body == none)
    }

    /// As vLLM writes them with its extensions on; the second text differs from the first in nothing else.
    @Test func whatIsNoCustomersIsLeftOutOfEveryEvent() async throws {
        func event(_ delta: String, _ more: String, _ finish: String = "null") -> String {
            #"{"id":"c","model":"m","choices":[{"index":0,"delta":\#(delta),"logprobs":null,"finish_reason":\#(finish)\#(more)}]"#
        }
        let ids = #","token_ids":null"#
        let texts = [
            (#"{"role":"assistant","content":""}"#, ""), (#"{"content":"a"}"#, ids), (#"{"content":"bc"}"#, ids), (#"{"reasoning":"d"}"#, ids),
        ]
        let host = #","prompt_token_ids":[1],"kv_transfer_params":{"remote_host":"host17"}}"#
        let stop = event("{}", #","stop_reason":null,"token_ids":[2],"routed_experts":"host17""#, #""stop""#) + host
        let usage =
            #"{"model":"m","choices":[],"usage":{"prompt_tokens":9,"completion_tokens":3,"total_tokens":12,"host":17},"metrics":{"host17":1}}"#
        let sent = texts.map { event($0.0, $0.1) + (host.dropFirst($0.1.isEmpty ? 0 : host.count - 1)) } + [stop, usage]
        let shown = texts.map { event($0.0, "") + "}" } + [event("{}", #","stop_reason":null"#, #""stop""#) + "}"]
        let asked = Samples.stream.dropLast() + #","stream_options":{"include_usage":true}}"#
        let reply = Answers.streamHead + sent.map { Answers.event($0) }.joined() + Samples.done + Answers.streamEnd
        let call = try await APICall.make("/v1/chat/completions", String(asked), reply: reply)
        let lines = call.body.replacing("\r\n", with: "\n").split(separator: "\n").filter { $0.hasPrefix("data: ") }.map { $0.dropFirst(6) }
        let told = #"{"model":"m","choices":[],"usage":{"prompt_tokens":9,"completion_tokens":3,"total_tokens":12}}"#
        #expect(lines == (shown + [told, "[DONE]"]).map { $0[...] })
        let whole = String(Samples.answer.dropLast()) + #","metadata":{"weight_version":"host17"},"sglext":{"host17":1}}"#
        #expect(try await APICall.make("/v1/chat/completions", Samples.request, reply: Answers.json(whole)).body == Samples.answer)
    }

    @Test func soundIsTheFirstTokenOfAStream() async throws {
        func event(_ audio: String) -> String { Answers.event(#"{"model":"m","choices":[{"index":0,"delta":{"audio":\#(audio)}}]}"#) }
        let reply =
            Answers.streamHead + Samples.role + event(#"{"id":"a"}"#) + event(#"{"data":"UklG"}"#) + event(#"{"data":"Rg=="}"#) + Samples.stop
            + Samples.done + Answers.streamEnd
        let call = try await APICall.make("/v1/chat/completions", Samples.stream, reply: reply)
        #expect(call.records.map(\.completion) == [2] && call.body.contains("Rg=="))
    }

    @Test func interimHeadsOfARuntimeAreNoAnswer() async throws {
        let interim = "HTTP/1.1 103 Early Hints\r\nlink: </host17>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n"
        let call = try await APICall.make("/v1/chat/completions", Samples.request, reply: interim + Answers.json(Samples.answer))
        #expect(call.status == "200" && call.body == Samples.answer && call.records.map(\.attempts) == [1])
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

    /// vLLM and llama.cpp's server repeat what they could not read.
    @Test(arguments: [("400 Bad Request", "2 validation errors: input: "), ("500 Internal Server Error", "Failed to parse tools: x; tools = ")])
    func aRefusalThatRepeatsALongRequestIsOne(_ status: String, _ message: String) async throws {
        let repeated = String(repeating: "secret ", count: 30_000)
        let error = #"{"error":{"code":\#(status.prefix(3)),"message":"\#(message)\#(repeated)","type":"x"}}"#
        let call = try await APICall.make("/v1/chat/completions", Samples.request, reply: Answers.json(error, status: status))
        #expect(call.status == "400" && !call.body.contains("secret") && call.records.map(\.outcome) == ["excluded:4xx"], "\(call.answer)")
        #expect(try call.json()["error"]?["code"] == "invalid_request")
    }

    @Test func anAnswerThatTheRuntimeGaveUpIsNoAnswer() async throws {
        let call = try await APICall.make(
            "/v1/chat/completions", Samples.request, reply: Answers.json(Samples.answer.replacing(#""stop""#, with: #""abort""#)))
        #expect(call.status == "502" && call.records.map(\.outcome) == ["bad:5xx"])
    }

    /// With the probabilities of its tokens a prompt becomes many times as long, in one event.
    @Test(arguments: [(true, "200"), (false, "502")]) func aPromptThatComesAgainMayBeALargeEvent(_ echoes: Bool, _ status: String) async throws {
        let prompt = String(repeating: "ab ", count: 700)
        let tokens = String(repeating: "a", count: 1_400_000)
        let choice = #"{"index":0,"text":"\#(prompt)c","logprobs":{"tokens":["\#(tokens)"]},"finish_reason":"stop"}"#
        let reply = Answers.streamHead + Answers.event(#"{"model":"m","choices":[\#(choice)]}"#) + Samples.done + Answers.streamEnd
        let body = #"{"model":"m","prompt":"\#(prompt)","echo":\#(echoes),"logprobs":1,"stream":true}"#
        let call = try await APICall.make("/v1/completions", body, reply: reply)
        #expect(call.status == status && call.sent.contains(#""echo":\#(echoes)"#))
    }

    /// TGI's words, which are none of OpenAI's.
    @Test(arguments: ["stop_sequence", "eos_token"]) func aStopByAnotherNameIsToldAsOne(_ reason: String) async throws {
        let asked = Samples.stream.dropLast() + #","stream_options":{"include_usage":true}}"#
        let stop = Answers.event(#"{"model":"m","choices":[{"index":0,"delta":{},"finish_reason":"\#(reason)"}]}"#)
        let reply = Answers.streamHead + Samples.token("a") + stop + Samples.usage + Samples.done + Answers.streamEnd
        for request in [Samples.stream, String(asked)] {
            let call = try await APICall.make("/v1/chat/completions", request, reply: reply)
            #expect(call.body.contains(#""finish_reason":"stop""#) && call.body.contains("[DONE]") && !call.body.contains(reason), "\(call.body)")
        }
        let whole = Samples.answer.replacing(#""stop""#, with: #""\#(reason)""#)
        #expect(try await APICall.make("/v1/chat/completions", Samples.request, reply: Answers.json(whole)).body == Samples.answer)
    }

    @Test func anEmptyReasonIsNoEnd() async throws {
        let going = Answers.event(#"{"model":"m","choices":[{"index":0,"delta":{"content":"a"},"finish_reason":""}]}"#)
        let call = try await APICall.make(
            "/v1/chat/completions", Samples.stream, reply: Answers.streamHead + going + going + Samples.stop + Samples.done + Answers.streamEnd)
        #expect(call.records.map(\.completion) == [2] && call.body.contains("[DONE]"))
    }

    /// It is not known to be whole, so it is not billed, and the client must not take it for whole.
    @Test func aStreamThatEndsWithoutAReasonIsBroken() async throws {
        let promise = ScriptedRuntime.promise()
        let runtime = try await ScriptedRuntime { _, _ in
            [
                .send(Answers.streamHead + Samples.token("a")), .after(promise.futureResult),
                .send(Samples.token("b") + Samples.usage + Samples.done + Answers.streamEnd),
            ]
        }
        let records = try await GatewayFixture.run([runtime]) { gateway in
            let client = try await TestClient(port: gateway.port)
            try await client.post(Samples.stream)
            _ = try await client.receive { $0.contains(#""content":"a""#) }
            promise.succeed()
            let answer = try await client.answer()
            #expect(!answer.contains("[DONE]") && answer.contains(#""code":"stream_interrupted""#))
        }
        #expect(records.map(\.outcome) == ["bad:stream_broken"] && records.map(\.billableCompletionTokens) == [0])
    }

    @Test(arguments: ["{}", #"{"choices":[]}"#, #"{"choices":[{"message":{"role":"assistant","content":""},"finish_reason":null}]}"#])
    func anAnswerWithNothingInItIsNone(reply: String) async throws {
        let call = try await APICall.make("/v1/chat/completions", Samples.request, reply: Answers.json(reply))
        #expect(call.status == "502" && call.records.map(\.outcome) == ["bad:5xx"])
    }

    /// What the gateway counted, and bills.
    @Test func aClientIsToldUsageThatTheRuntimeDidNotCount() async throws {
        let asked = Samples.stream.dropLast() + #","stream_options":{"include_usage":true}}"#
        let reply = Answers.streamHead + Samples.token("a") + Samples.token("b") + Samples.stop + Samples.done + Answers.streamEnd
        let call = try await APICall.make("/v1/chat/completions", String(asked), reply: reply)
        let billed = try #require(call.records.first)
        #expect(call.body.contains(#"data: {"usage":{"prompt_tokens":\#(billed.prompt),"completion_tokens":\#(billed.completion),"#))
        #expect(try await !APICall.make("/v1/chat/completions", Samples.stream, reply: reply).body.contains("usage"))
        for untold in [#"],"usage":null}"#, "]}"] {
            let whole = Samples.answer.prefix { $0 != "]" } + untold
            let call = try await APICall.make("/v1/chat/completions", Samples.request, reply: Answers.json(String(whole)))
            let billed = try #require(call.records.first)
            #expect(billed.completion == 2 && billed.outcome == "good")
            #expect(
                try call.json()["usage"]?["completion_tokens"]?.integer == 2
                    && call.json()["usage"]?["prompt_tokens"]?.integer == Int64(billed.prompt))
        }
    }
}
