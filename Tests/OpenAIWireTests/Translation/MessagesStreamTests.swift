import HTTPWire
import OpenAIWire
import Testing

@Suite struct MessagesStreamTests {
    @Test func aTextAnswerHasEveryEventInOrder() throws {
        let events = try Translated.run(Translated.messages, [#"{"role":"assistant","content":""}"#, #"{"content":"a"}"#, #"{"content":"b"}"#])
        #expect(
            events.names == [
                "message_start", "ping", "content_block_start", "content_block_delta", "content_block_delta", "content_block_stop", "message_delta",
                "message_stop",
            ])
        #expect(events.allSatisfy { $0["type"]?.string == $0.name })
        #expect(events[0]["message"]?.at("usage.input_tokens") == 9 && events[0]["message"]?["id"] == "msg_0199ab")
        #expect(events[0]["message"]?["stop_reason"] == .null)
        #expect(events[3]["delta"] == ["type": "text_delta", "text": "a"])
        #expect(events[6]["delta"] == ["stop_reason": "end_turn", "stop_sequence": .null])
        #expect(events[6].value.at("usage.input_tokens") == 6 && events[6].value.at("usage.cache_read_input_tokens") == 4)
        #expect(events[6].value.at("usage.output_tokens") == 5)
    }

    @Test func thinkingIsABlockBeforeTheText() throws {
        let events = try Translated.run(Translated.messages, [#"{"reasoning":"hm"}"#, #"{"content":"x"}"#])
        #expect(events.values("content_block_start", "content_block").map { $0["type"] } == ["thinking", "text"])
        #expect(events.values("content_block_delta", "delta").first == ["type": "thinking_delta", "thinking": "hm"])
        #expect(events.values("content_block_stop", "index") == [0, 1])
    }

    @Test func callsInTurnBecomeBlocksOneBehindTheOther() throws {
        let events = try Translated.run(
            Translated.messages,
            [
                Translated.call(0, id: "c0", name: "f", ""), Translated.call(0, #"{"a""#), Translated.call(1, id: "c1", name: "g", "{"),
                Translated.call(0, ":1}"), Translated.call(1, "}"),
            ], finish: "tool_calls")
        let places = events.filter { $0.name.hasPrefix("content_block") }.map { "\($0.name.dropFirst(14))\($0["index"]?.integer ?? -1)" }
        #expect(places == ["start0", "delta0", "delta0", "stop0", "start1", "delta1", "stop1"])
        #expect(events.values("content_block_start", "content_block")[1] == ["type": "tool_use", "id": "c1", "name": "g", "input": [:]])
        let pieces = events.values("content_block_delta", "delta").compactMap { $0["partial_json"]?.string }
        #expect(pieces == [#"{"a""#, ":1}", "{}"])
        #expect(events.values("message_delta", "delta").first?["stop_reason"] == "tool_use")
    }

    @Test func aCallAfterAWholeOneIsStreamedAtOnce() throws {
        var stream = Translated.messages
        _ = try Translated.take(Translated.chunk(Translated.call(0, id: "c0", name: "f", "{}")), &stream)
        let events = try Translated.events(try Translated.take(Translated.chunk(Translated.call(1, id: "c1", name: "g", "{")), &stream))
        #expect(events.names == ["content_block_stop", "content_block_start", "content_block_delta"])
    }

    @Test func moreOfAClosedCallIsAFault() throws {
        var stream = Translated.messages
        _ = try Translated.take(Translated.chunk(Translated.call(0, id: "c0", name: "f", "{}")), &stream)
        _ = try Translated.take(Translated.chunk(#"{"content":"x"}"#), &stream)
        #expect(throws: Translated.Refused.self) { try Translated.take(Translated.chunk(Translated.call(0, "{}")), &stream) }
    }

    @Test func whatIsSaidWithinACallComesBehindIt() throws {
        let events = try Translated.run(
            Translated.messages,
            [
                #"{"content":"a"}"#, Translated.call(0, id: "c0", name: "f", #"{"a":"#), #"{"content":"b"}"#, #"{"content":"c"}"#,
                #"{"reasoning":"hm"}"#, Translated.call(0, "1"), Translated.call(0, "}"), #"{"content":"d"}"#,
                Translated.call(1, id: "c1", name: "g", "{}"),
            ], finish: "tool_calls")
        let places = events.filter { $0.name.hasPrefix("content_block") }.map { "\($0.name.dropFirst(14))\($0["index"]?.integer ?? -1)" }
        #expect(
            places == [
                "start0", "delta0", "stop0", "start1", "delta1", "delta1", "delta1", "stop1", "start2", "delta2", "stop2", "start3", "delta3",
                "stop3", "start4", "delta4", "stop4", "start5", "delta5", "stop5",
            ])
        let deltas = events.values("content_block_delta", "delta")
        #expect(deltas.compactMap { $0["partial_json"]?.string } == [#"{"a":"#, "1", "}", "{}"])
        #expect(deltas.compactMap { $0["text"]?.string } == ["a", "bc", "d"] && deltas.compactMap { $0["thinking"]?.string } == ["hm"])
        #expect(events.values("message_delta", "delta").first?["stop_reason"] == "tool_use")
    }

    /// As where the answer was cut, or a call has no arguments at all.
    @Test(arguments: ["", #"{"a":"#]) func whatIsSaidBehindACallThatNeverBecomesWholeIsNotLost(_ arguments: String) throws {
        let events = try Translated.run(
            Translated.messages,
            [Translated.call(0, id: "c0", name: "f", arguments), #"{"content":"x"}"#, Translated.call(1, id: "c1", name: "g", "{}")],
            finish: "length")
        #expect(events.values("content_block_start", "content_block").map { $0["type"] } == ["tool_use", "text", "tool_use"])
        #expect(events.values("content_block_stop", "index") == [0, 1, 2] && events.last?.name == "message_stop")
    }

    @Test func noMoreWaitsForACallThanAnAnswerHolds() throws {
        var stream = Translated.messages
        _ = try Translated.take(Translated.chunk(Translated.call(0, id: "c0", name: "f", "{")), &stream)
        let text = String(repeating: "x", count: 1 << 20)
        for _ in 0..<4 { _ = try Translated.take(Translated.chunk(#"{"content":"\#(text)"}"#), &stream) }
        #expect(throws: Translated.Refused.self) { try Translated.take(Translated.chunk(#"{"content":"x"}"#), &stream) }
    }

    @Test(arguments: [
        ("length", "", "max_tokens", JSONValue.null), ("content_filter", "", "refusal", .null),
        ("stop", #","stop_reason":"END""#, "stop_sequence", "END"),
        ("stop", #","matched_stop":"END""#, "stop_sequence", "END"), ("stop", #","stop_reason":128001"#, "end_turn", .null),
    ])
    func theReasonForTheEndIsReworded(_ finish: String, _ choice: String, _ reason: String, _ sequence: JSONValue) throws {
        let events = try Translated.run(Translated.messages, [#"{"content":"a"}"#], finish: finish, choice: choice)
        #expect(events.values("message_delta", "delta") == [["stop_reason": .string(reason), "stop_sequence": sequence]])
    }

    @Test func aBrokenAnswerEndsWithAnErrorEvent() throws {
        var stream = Translated.messages
        _ = try Translated.take(Translated.chunk(#"{"content":"a"}"#), &stream)
        let events = try Translated.events(stream.fail(APIError(.streamInterrupted)))
        #expect(events.names == ["error"])
        #expect(events[0].value.at("error.type") == "api_error" && events[0]["type"] == "error")
    }

    @Test func aWholeAnswerIsOneMessage() throws {
        let call = #"{"id":"c","type":"function","function":{"name":"f","arguments":"{\"a\":1}"}}"#
        let answer =
            #"{"choices":[{"index":0,"message":{"role":"assistant","reasoning_content":"hm","content":"a","tool_calls":[\#(call)]},"finish_reason":"tool_calls"}]}"#
        let body = MessagesStream.whole(Array(answer.utf8), Translated.identity, usage: Translated.usage)
        let message = try JSONValue.parse(try #require(body))
        #expect(message.at("content.0.thinking") == "hm" && message.at("content.1.text") == "a")
        #expect(message.at("content.2") == ["type": "tool_use", "id": "c", "name": "f", "input": ["a": 1]])
        #expect(message["stop_reason"] == "tool_use" && message.at("usage.input_tokens") == 6)
    }

    @Test func aBeginningThatTheRuntimeRepeatsIsNotToldAgain() throws {
        let answer = #"{"choices":[{"index":0,"message":{"role":"assistant","content":"The big sea"},"finish_reason":"stop"}]}"#
        let body = MessagesStream.whole(Array(answer.utf8), Translated.identity, usage: Translated.usage, repeated: "The big")
        #expect(try JSONValue.parse(try #require(body)).at("content.0.text") == " sea")
    }

    @Test(arguments: APIErrorCode.allCases)
    func everyErrorHasAnthropicsShape(_ code: APIErrorCode) throws {
        let value = try JSONValue.parse(APIError(code, param: "p").told(in: .anthropic).body)
        #expect(value["type"] == "error" && value.at("error.param") == "p")
        #expect(value.at("error.type") == .string(code.anthropicType) && value.at("error.code") == .string(code.rawValue))
    }
}

@Suite struct JSONReachTests {
    @Test func `a value is whole with its last bracket, wherever it is cut`() {
        for text in [#"{"a":"}\"{","b":[1,{"c":"\\"}]}"#, #"[]"#, #" {"ü":"[[["} "#, #""a\"b""#] {
            let end = text.lastIndex { !$0.isWhitespace } ?? text.startIndex
            for cut in text.indices {
                var reach = JSONReach()
                reach.take(String(text[..<cut]))
                #expect(reach.isWhole == (cut > end), "\(text[..<cut])")
                reach.take(String(text[cut...]))
                #expect(reach.isWhole, "\(text)")
            }
        }
    }
}
