import HTTPWire
import OpenAIWire
import Testing

@Suite struct ResponsesStreamTests {
    @Test func aTextAnswerHasEveryEventInOrder() throws {
        let events = try Translated.run(
            try Translated.responses(), [#"{"role":"assistant","content":""}"#, #"{"content":"a"}"#, #"{"content":"b"}"#])
        #expect(
            events.names == [
                "response.created", "response.in_progress", "response.output_item.added", "response.content_part.added",
                "response.output_text.delta", "response.output_text.delta", "response.output_text.done", "response.content_part.done",
                "response.output_item.done", "response.completed",
            ])
        #expect(events.map { $0["sequence_number"] } == (0..<10).map { .integer($0) })
        #expect(events.allSatisfy { $0["type"]?.string == $0.name })
        #expect(events.values("response.output_text.done", "text") == ["ab"])
        let response = try #require(events.last?["response"])
        #expect(events[0]["response"]?["created_at"] == 7 && events[0]["response"]?["completed_at"] == .null)
        #expect(response["created_at"] == 7 && response["completed_at"] == 12)
        #expect(response["id"] == "resp_0199ab" && response["status"] == "completed" && response["store"] == false)
        #expect(response.at("output.0.content.0.text") == "ab")
        #expect(response.at("output.0.status") == "completed")
        let details: JSONValue = ["input_tokens": 10, "input_tokens_details": ["cached_tokens": 4], "output_tokens": 5]
        #expect(response.at("usage.input_tokens_details") == details["input_tokens_details"])
        #expect(response.at("usage.output_tokens_details.reasoning_tokens") == 2 && response.at("usage.total_tokens") == 15)
    }

    @Test(arguments: ["reasoning", "reasoning_content"])
    func reasoningIsAnItemBeforeTheText(_ name: String) throws {
        let events = try Translated.run(
            try Translated.responses(), [#"{"\#(name)":"let "}"#, #"{"\#(name)":"me"}"#, #"{"content":"x"}"#])
        #expect(events.values("response.reasoning_text.delta", "delta") == ["let ", "me"])
        #expect(events.values("response.reasoning_text.done", "text") == ["let me"])
        #expect(events.values("response.output_item.added", "output_index") == [0, 1])
        let output = events.last?["response"]?["output"]
        #expect(output?.at("0.type") == "reasoning" && output?.at("0.content.0.text") == "let me" && output?.at("0.summary") == [])
        #expect(output?.at("1.content.0.text") == "x")
    }

    @Test func parallelCallsKeepTheirArgumentsApart() throws {
        let events = try Translated.run(
            try Translated.responses(),
            [
                Translated.call(0, id: "c0", name: "f", ""), Translated.call(0, #"{"a""#), Translated.call(1, id: "c1", name: "g", "{"),
                Translated.call(0, ":1}"), Translated.call(1, "}"),
            ], finish: "tool_calls")
        let done = events.filter { $0.name == "response.function_call_arguments.done" }
        #expect(done.map { $0["arguments"] } == [#"{"a":1}"#, "{}"])
        #expect(done.map { $0["name"] } == ["f", "g"])
        #expect(events.values("response.output_item.added", "item").map { $0["call_id"] } == ["c0", "c1"])
        #expect(events.values("response.output_item.added", "item").map { $0["arguments"] } == ["", ""])
        let deltas = events.filter { $0.name == "response.function_call_arguments.delta" }
        #expect(deltas.map { $0["output_index"] } == [0, 1, 0, 1])
        #expect(events.last?["response"]?.at("output.1") == events.values("response.output_item.done", "item").last)
    }

    /// Some runtimes tell it again with each piece, one tells it in pieces perhaps; what comes once the arguments have begun is none.
    @Test(arguments: [["get_weather", "get_weather", "get_weather"], ["get_", "weather", ""], ["get_", "get_weather", "get_weather"]])
    func theNameOfACallIsTheSameHoweverOftenItIsTold(_ names: [String]) throws {
        let deltas =
            zip(names, ["", "", #"{"a":1}"#]).map { Translated.call(0, id: "c", name: $0, $1) } + [Translated.call(0, name: "get_weather", " ")]
        let responses = try Translated.run(try Translated.responses(), deltas, finish: "tool_calls")
        #expect(responses.values("response.function_call_arguments.done", "name") == ["get_weather"])
        #expect(responses.values("response.function_call_arguments.done", "arguments") == [#"{"a":1} "#])
        guard names[0] == "get_weather" else { return }
        let messages = try Translated.run(Translated.messages, deltas, finish: "tool_calls")
        #expect(messages.values("content_block_start", "content_block").map { $0["name"] } == ["get_weather"])
    }

    @Test(arguments: [("length", "max_output_tokens"), ("content_filter", "content_filter")])
    func anAnswerThatWasCutIsIncomplete(_ finish: String, _ reason: String) throws {
        let events = try Translated.run(try Translated.responses(), [#"{"content":"a"}"#], finish: finish)
        #expect(events.last?.name == "response.incomplete")
        #expect(events.last?["response"]?.at("incomplete_details.reason") == .string(reason))
        #expect(events.last?["response"]?.at("output.0.status") == "incomplete" && events.last?["response"]?["completed_at"] == .null)
    }

    @Test func aRefusalIsAContentPartOfItsOwn() throws {
        let events = try Translated.run(try Translated.responses(), [#"{"refusal":"no"}"#])
        #expect(events.values("response.refusal.done", "refusal") == ["no"])
        #expect(events.last?["response"]?.at("output.0.content.0") == ["type": "refusal", "refusal": "no"])
    }

    @Test func aBrokenAnswerFailsAndEndsWithAnError() throws {
        var stream = try Translated.responses()
        var bytes = try Translated.take(Translated.chunk(#"{"content":"a"}"#), &stream)
        bytes += stream.fail(APIError(.streamInterrupted))
        let events = try Translated.events(bytes)
        #expect(events.names.suffix(2) == ["response.failed", "error"])
        #expect(events[events.count - 2]["response"]?["status"] == "failed")
        #expect(events[events.count - 2]["response"]?.at("error.code") == "server_error")
        #expect(events.last?["code"] == "stream_interrupted" && events.last?.value.at("error.code") == "stream_interrupted")
    }

    @Test func probabilitiesOfTokensStayWithTheText() throws {
        let entry = #"{"token":"a","logprob":-0.5,"bytes":[97],"top_logprobs":[]}"#
        var stream = try Translated.responses()
        var bytes = try Translated.take(
            #"{"choices":[{"index":0,"delta":{"content":"a"},"logprobs":{"content":[\#(entry)]},"finish_reason":"stop"}]}"#, &stream)
        bytes += stream.finish(Translated.usage, atSeconds: 12)
        let events = try Translated.events(bytes)
        #expect(events.last?["response"]?.at("output.0.content.0.logprobs.0") == (try JSONValue.parse(entry)))
    }

    @Test func aWholeAnswerIsTheLastStateOfAStream() throws {
        let answer =
            #"{"choices":[{"index":0,"message":{"role":"assistant","content":"a","tool_calls":[{"id":"c","type":"function","function":{"name":"f","arguments":"{}"}}]},"finish_reason":"tool_calls"}]}"#
        let echo = try ResponsesRequest(Array(#"{"model":"m","input":"x","metadata":{"k":"v"},"temperature":1}"#.utf8)).echo
        let body = ResponsesStream.whole(Array(answer.utf8), Translated.identity, echo: echo, usage: Translated.usage, atSeconds: 12)
        let response = try JSONValue.parse(try #require(body))
        #expect(response["object"] == "response" && response["metadata"] == ["k": "v"] && response["temperature"] == 1)
        #expect(response.at("output.0.content.0.text") == "a" && response.at("output.1.name") == "f")
        #expect(ResponsesStream.whole(Array(#"{"choices":[]}"#.utf8), Translated.identity, echo: echo, usage: Translated.usage, atSeconds: 12) == nil)
    }
}
