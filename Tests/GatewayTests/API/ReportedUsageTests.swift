import HTTPWire
import NIOCore
import NIOPosix
import PlimsollWire
import TestSupport
import Testing

/// Whatever a runtime reports of its tokens, the client is told what is billed.
@Suite struct ReportedUsageTests {
    private static let sound = #"{"prompt_tokens":9,"completion_tokens":3,"total_tokens":12}"#
    private static let paths = ["/v1/chat/completions", "/v1/completions", "/v1/responses", "/v1/messages"]

    /// No reports: what stands in the place of a count is none, or a count is missing.
    static let none = [
        #"{"prompt_tokens":-9,"completion_tokens":-3,"total_tokens":-12}"#, #"{"prompt_tokens":9.0,"completion_tokens":3.0,"total_tokens":12.0}"#,
        #"{"prompt_tokens":9,"completion_tokens":3.5,"total_tokens":12.5}"#, #"{"prompt_tokens":"9","completion_tokens":"3","total_tokens":"12"}"#,
        #"{"prompt_tokens":9e0,"completion_tokens":3,"total_tokens":12}"#, #"{"prompt_tokens":9,"total_tokens":9}"#,
        #"{"completion_tokens":3,"total_tokens":3}"#, #"{"prompt_tokens":9,"completion_tokens":null,"total_tokens":9}"#, "{}", "[9,3]", #""3""#, "3",
        "true", "null",
    ]

    /// Reports with something beside them that is not true.
    static let flawed = [
        #"{"prompt_tokens":9,"completion_tokens":3}"#, #"{"prompt_tokens":9,"completion_tokens":3,"total_tokens":99}"#,
        #"{"prompt_tokens":9,"completion_tokens":3,"total_tokens":"12"}"#,
        #"{"prompt_tokens":9,"completion_tokens":3,"total_tokens":12,"prompt_tokens_details":{"cached_tokens":-1}}"#,
        #"{"prompt_tokens":9,"completion_tokens":3,"total_tokens":12,"prompt_tokens_details":{"cached_tokens":10}}"#,
        #"{"prompt_tokens":9,"completion_tokens":3,"total_tokens":12,"completion_tokens_details":{"reasoning_tokens":2.5}}"#,
        #"{"prompt_tokens":9,"completion_tokens":3,"total_tokens":12,"completion_tokens_details":"many"}"#,
    ]

    private func request(_ path: String, streams: Bool) -> String {
        let asked =
            switch path {
            case "/v1/completions": #""prompt":"hi""#
            case "/v1/responses": #""input":"hi""#
            default: #""messages":[{"role":"user","content":"hi"}],"max_tokens":50"#
            }
        let options = streams && path.hasSuffix("completions") ? #","stream_options":{"include_usage":true}"# : ""
        return #"{"model":"m",\#(asked),"stream":\#(streams)\#(options)}"#
    }

    private func reply(_ path: String, _ usage: String, streams: Bool) -> String {
        let isText = path == "/v1/completions"
        guard streams else {
            let answer =
                isText ? Samples.answer.replacing(#""message":{"role":"assistant","content":"hello"}"#, with: #""text":"hello""#) : Samples.answer
            return Answers.json(answer.replacing(Self.sound, with: usage))
        }
        let token = isText ? Answers.event(#"{"model":"m","choices":[{"index":0,"text":"a"}]}"#) : Samples.token("a")
        let stop = isText ? Answers.event(#"{"model":"m","choices":[{"index":0,"text":"","finish_reason":"stop"}]}"#) : Samples.stop
        let report = Answers.event(#"{"model":"m","choices":[],"usage":\#(usage)}"#)
        return Answers.streamHead + token + token + stop + report + Samples.done + Answers.streamEnd
    }

    /// Every usage that the answer tells, but for the estimate at the start of a message.
    private func told(_ call: APICall) throws -> [JSONValue] {
        let lines = call.body.replacing("\r\n", with: "\n").split(separator: "\n").filter { $0.hasPrefix("data: {") }.map { String($0.dropFirst(6)) }
        return try (lines.isEmpty ? [call.body] : lines).compactMap { line in
            let event = try JSONValue.parse(line)
            guard let usage = event["usage"] ?? event["response"]?["usage"], usage != .null else { return nil }
            return usage
        }
    }

    private func expectTold(_ call: APICall, _ why: Comment) throws {
        let billed = try #require(call.records.first, why)
        let usage = try told(call)
        #expect(usage.count == 1, why)
        let (prompt, answer) = (
            usage.last?["prompt_tokens"] ?? usage.last?["input_tokens"], usage.last?["completion_tokens"] ?? usage.last?["output_tokens"]
        )
        #expect(call.records.count == 1 && billed.outcome == "good" && billed.prompt > 0, why)
        #expect(prompt?.integer == Int64(billed.prompt) && answer?.integer == Int64(billed.completion), why)
        if let total = usage.last?["total_tokens"] { #expect(total.integer == Int64(billed.prompt + billed.completion), why) }
    }

    @Test(arguments: none, paths)
    func noReportIsCountedByTheGateway(_ usage: String, _ path: String) async throws {
        for streams in [false, true] {
            let call = try await APICall.make(path, request(path, streams: streams), reply: reply(path, usage, streams: streams))
            try expectTold(call, "\(path) \(usage) \(call.body)")
            // "hello" is five bytes, and "a" came twice.
            #expect(call.records.map(\.completion) == [2] && call.records.map(\.isEstimated) == [true], "\(path) \(usage)")
        }
    }

    @Test(arguments: flawed, paths)
    func whatIsUntrueBesideAReportIsNotTold(_ usage: String, _ path: String) async throws {
        for streams in [false, true] {
            let call = try await APICall.make(path, request(path, streams: streams), reply: reply(path, usage, streams: streams))
            // Anthropic's count of the input leaves out what was cached.
            if path != "/v1/messages" || !usage.contains(#""cached_tokens":10"#) { try expectTold(call, "\(path) \(usage) \(call.body)") }
            let details = try told(call).last
            let cached = (details?["prompt_tokens_details"] ?? details?["input_tokens_details"])?["cached_tokens"]?.integer ?? 0
            #expect((0...9).contains(cached), "\(path) \(usage)")
            #expect(call.records.map { [$0.prompt, $0.completion] } == [[9, 3]] && call.records.map(\.isEstimated) == [false], "\(path) \(usage)")
        }
    }

    @Test(arguments: [#"{"prompt_tokens":-5,"total_tokens":-5}"#, #"{"prompt_tokens":"5","total_tokens":5}"#, #"{"total_tokens":5}"#, "null"])
    func embeddingsToo(_ usage: String) async throws {
        let reply = Answers.json(#"{"object":"list","data":[{"index":0,"embedding":[0.5]}],"model":"m","usage":\#(usage)}"#)
        let call = try await APICall.make("/v1/embeddings", #"{"model":"m","input":"some words"}"#, reply: reply, setup: APICall.embeddingSetup)
        try expectTold(call, "\(usage) \(call.body)")
        #expect(call.records.map(\.isEstimated) == [true])
    }

    /// What is few bytes may be many tokens.
    @Test func aPictureIsBilledAsItIsCounted() async throws {
        let picture = #"{"type":"image_url","image_url":{"url":"data:image/png;base64,AAAA"}}"#
        let body = #"{"model":"m","messages":[{"role":"user","content":[\#(picture)]}],"max_tokens":9}"#
        let report = #"{"prompt_tokens":1800,"completion_tokens":3,"total_tokens":1803}"#
        var setup = GatewayFixture.Setup()
        setup.tier.maxPromptTokens = 10_000
        let call = try await APICall.make(
            "/v1/chat/completions", body, reply: Answers.json(Samples.answer.replacing(Self.sound, with: report)), setup: setup)
        try expectTold(call, "\(call.body)")
        #expect(call.records.map(\.prompt) == [1800] && call.records.map(\.isEstimated) == [false])
    }

    /// A report that is none takes nothing back of one that came before, and is not shown.
    @Test func theLastReportThatIsOneCounts() async throws {
        let running = Answers.event(
            #"{"model":"m","choices":[{"index":0,"delta":{"content":"a"}}],"usage":{"prompt_tokens":9,"completion_tokens":4,"total_tokens":13}}"#)
        let none = Answers.event(#"{"model":"m","choices":[],"usage":{"prompt_tokens":9,"completion_tokens":-1,"total_tokens":8}}"#)
        let call = try await APICall.make(
            "/v1/chat/completions", request("/v1/chat/completions", streams: true),
            reply: Answers.streamHead + running + Samples.stop + none + Samples.done + Answers.streamEnd)
        try expectTold(call, "\(call.body)")
        #expect(call.records.map(\.completion) == [4] && call.records.map(\.isEstimated) == [false])
    }

    /// One of two answers says how long it became: what was delivered of both is billed, and told.
    @Test func ofSeveralAnswersWhatIsBilledIsTold() async throws {
        func token(_ choice: Int) -> String { Answers.event(#"{"model":"m","choices":[{"index":\#(choice),"delta":{"content":"a"}}]}"#) }
        let stops = (0...1).map { choice in
            let usage = choice == 0 ? "" : #","usage":{"prompt_tokens":9,"completion_tokens":2,"total_tokens":11}"#
            return Answers.event(#"{"model":"m","choices":[{"index":\#(choice),"delta":{},"finish_reason":"stop"}]\#(usage)}"#)
        }
        let asked = request("/v1/chat/completions", streams: true).replacing(#""stream":true"#, with: #""stream":true,"n":2"#)
        let reply = Answers.streamHead + token(0) + token(1) + token(0) + token(1) + stops.joined() + Samples.done + Answers.streamEnd
        let call = try await APICall.make("/v1/chat/completions", asked, reply: reply)
        try expectTold(call, "\(call.body)")
        #expect(call.records.map(\.completion) == [4] && call.records.map(\.isEstimated) == [true])
    }

    /// The event that the gateway adds is one of the same answer.
    @Test func theEventThatTellsItIsOfTheSameAnswer() async throws {
        let token = Answers.event(
            #"{"id":"c-7","object":"chat.completion.chunk","created":7,"model":"m","choices":[{"index":0,"delta":{"content":"a"}}]}"#)
        let stop = Answers.event(
            #"{"id":"c-7","object":"chat.completion.chunk","created":7,"model":"m","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#)
        let call = try await APICall.make(
            "/v1/chat/completions", request("/v1/chat/completions", streams: true),
            reply: Answers.streamHead + token + stop + Samples.done + Answers.streamEnd)
        #expect(call.body.contains(#""id":"c-7","object":"chat.completion.chunk","created":7,"model":"m","choices":[]}"#), "\(call.body)")
        try expectTold(call, "\(call.body)")
    }

    /// One of two answers never says why it ended.
    @Test(arguments: [false, true])
    func everyAnswerSaysWhyItEndedOrAllAreBroken(_ goesOn: Bool) async throws {
        func choice(_ index: Int, _ text: String, _ end: String = "null") -> String {
            Answers.event(#"{"model":"m","choices":[{"index":\#(index),"delta":{"content":"\#(text)"},"finish_reason":\#(end)}]}"#)
        }
        let path = "/v1/chat/completions"
        func asked(_ streams: Bool) -> String { request(path, streams: streams).replacing(#""model":"m""#, with: #""model":"m","n":2"#) }
        let begun = Answers.streamHead + choice(0, "a") + choice(1, "b")
        let rest = choice(0, "", #""stop""#) + (goesOn ? choice(1, "c") : "") + Samples.usage + Samples.done + Answers.streamEnd
        // What one read brings is judged as a whole: the break must come behind a token that was sent on.
        let sent = MultiThreadedEventLoopGroup.singleton.next().makePromise(of: Void.self)
        let runtime = try await ScriptedRuntime { _, _ in [.send(begun), .after(sent.futureResult), .send(rest)] }
        let records = try await GatewayFixture.run([runtime]) { gateway in
            let client = try await TestClient(port: gateway.port)
            try await client.post(asked(true))
            try await client.receive { $0.contains(#""content":"b""#) }
            sent.succeed()
            let answer = try await client.answer()
            #expect(answer.contains("stream_interrupted") && !answer.contains("[DONE]"))
        }
        #expect(records.map(\.outcome) == ["bad:stream_broken"] && records.map(\.billableCompletionTokens) == [0])
        let second = #",{"index":1,"message":{"role":"assistant","content":"c"},"finish_reason":null}],"usage""#
        let whole = Answers.json(Samples.answer.replacing(#"],"usage""#, with: second))
        let alone = try await APICall.make(path, asked(false), reply: whole)
        #expect(alone.status == "502" && alone.records.map(\.completion) == [0] && !alone.body.contains("hello"))
    }

    @Test(arguments: [#","finish_reason":null"#, "", #","finish_reason":"""#, #","finish_reason":7"#], paths)
    func aWholeAnswerThatDoesNotSayWhyItEndedIsBroken(_ end: String, _ path: String) async throws {
        let counter = Counter()
        let sound = reply(path, Self.sound, streams: false)
        let broken = Answers.json(String(sound.split(separator: "\r\n\r\n")[1]).replacing(#","finish_reason":"stop""#, with: end))
        let runtimes = [
            try await ScriptedRuntime { _, _ in [.send(counter.next() == 1 ? broken : sound)] },
            try await ScriptedRuntime { _, _ in [.send(counter.next() == 1 ? broken : sound)] },
        ]
        let records = try await GatewayFixture.run(runtimes) { gateway in
            let client = try await TestClient(port: gateway.port)
            try await client.post(request(path, streams: false), path: path)
            #expect(try await client.answer().hasPrefix("HTTP/1.1 200 "))
        }
        #expect(records.map(\.attempts) == [2] && records.map(\.outcome) == ["good"] && records.map(\.billableCompletionTokens) == [3])
        let alone = try await APICall.make(path, request(path, streams: false), reply: broken)
        #expect(alone.status == "502" && alone.records.map(\.completion) == [0] && !alone.body.contains("hello"))
    }
}
