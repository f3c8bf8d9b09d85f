import Domain
import Gateway
import HTTPWire
import PlimsollWire
import Synchronization
import TestSupport
import Testing

/// Two workers of a release that tell the same story; the one that is asked first breaks off after some tokens.
@Suite("Continuation of a broken stream")
struct ContinuationTests {
    private static let story = ["Once", " upon", " a \\\"tide\\\"", " there", " was", " a", " ship", "."]
    private static let request =
        #"{"model":"m","messages":[{"role":"user","content":"tell"}],"temperature":0,"stream":true,"stream_options":{"include_usage":true}}"#

    /// - Parameter made: Tokens so far, as vLLM tells them in each event when it is asked to.
    private static func event(_ delta: String, _ id: Int, finish: String = "null", made: Int? = nil, prompt: Int = 9) -> String {
        let usage = made.map { #","usage":{"prompt_tokens":\#(prompt),"completion_tokens":\#($0),"total_tokens":\#(prompt + $0)}"# } ?? ""
        return Answers.event(
            #"{"id":"c-\#(id)","created":\#(id),"model":"m","choices":[{"index":0,"delta":\#(delta),"finish_reason":\#(finish)}]\#(usage)}"#)
    }

    /// How many tokens of the story the request brings along.
    private static func brought(_ request: String) -> Int {
        guard request.contains(#""continue_final_message":true,"add_generation_prompt":false"#) else { return 0 }
        return (1...story.count).last { request.contains(#"{"role":"assistant","content":"\#(story.prefix($0).joined())"}]"#) } ?? 0
    }

    /// - Parameters:
    ///   - fault: What follows after so many events of a story that was begun; later ones are told to their end.
    ///   - size: Tokens of an event.
    ///   - counts: Each event says how many have been made, where that was asked for.
    ///   - ends: How the second one says that it ended; later ones stop.
    private static func runtimes(
        breaking tokens: Int, _ fault: [ScriptedRuntime.Step], _ count: Int = 2, size: Int = 1, counts: Bool = true, ends: String = "stop"
    ) async throws -> [ScriptedRuntime] {
        let counter = Counter()
        let script: ScriptedRuntime.Script = { _, request in
            let (number, from) = (counter.next(), brought(request))
            let role = event(#"{"role":"assistant","content":""}"#, number)
            let isCounted = counts && request.contains(#""continuous_usage_stats":true"#)
            let rest = story[from...].enumerated().map { place, word in
                event(#"{"content":"\#(word)"}"#, number, made: isCounted ? (place + 1) * size : nil, prompt: 9 + from * size)
            }
            guard number > 1 else { return [.send(Answers.streamHead + role + rest.prefix(tokens).joined())] + fault }
            let (prompt, completion) = (9 + from * size, (story.count - from) * size)
            let usage = Answers.event(
                #"{"id":"c-\#(number)","model":"m","choices":[],"usage":{"prompt_tokens":\#(prompt),"completion_tokens":\#(completion),"#
                    + #""total_tokens":\#(prompt + completion)}}"#)
            return [
                .send(
                    Answers.streamHead + role + rest.joined() + event("{}", number, finish: number == 2 ? "\"\(ends)\"" : #""stop""#) + usage
                        + Samples.done + Answers.streamEnd)
            ]
        }
        var all: [ScriptedRuntime] = []
        for _ in 0..<count { all.append(try await ScriptedRuntime(script)) }
        return all
    }

    private static var setup: GatewayFixture.Setup {
        var setup = GatewayFixture.Setup()
        setup.tier.continuesStreams = true
        return setup
    }

    /// The texts of an answer's events, as they stand in JSON.
    private static func text(_ answer: String) -> String {
        answer.split(separator: #""content":""#).dropFirst().compactMap { piece in
            var (end, escaped) = (piece.startIndex, false)
            while end < piece.endIndex, escaped || piece[end] != "\"" {
                escaped = !escaped && piece[end] == "\\"
                end = piece.index(after: end)
            }
            return String(piece[..<end])
        }.joined()
    }

    @Test("the client of a worker that breaks off after any number of tokens sees one whole answer", arguments: 1...story.count)
    func everyBreak(tokens: Int) async throws {
        let runtimes = try await Self.runtimes(breaking: tokens, [.close])
        let records = try await GatewayFixture.run(runtimes, Self.setup) { gateway in
            let client = try await TestClient(port: gateway.port)
            try await client.post(Self.request)
            let answer = try await client.answer()
            #expect(Self.text(answer) == Self.story.joined())
            #expect(answer.contains("[DONE]") && !answer.contains("error") && !answer.contains(#""id":"c-2""#))
            #expect(answer.split(separator: #""role""#).count == 2 && answer.split(separator: #""finish_reason":"stop""#).count == 2)
            #expect(answer.contains(#""prompt_tokens":9,"completion_tokens":\#(Self.story.count),"total_tokens":\#(9 + Self.story.count)"#))
        }
        let told = records.compactMap(\.account).flatMap(\.attempts)
        #expect(told.map(\.reason) == ["first", "continuation"] && told.map(\.result) == ["broken", "answered"])
        let record = try #require(records.first)
        #expect(records.count == 1 && record.outcome == "good" && record.continued == true && record.attempts == 2)
        #expect(record.billablePromptTokens == 9 && record.billableCompletionTokens == Self.story.count && record.finishReason == "stop")
    }

    @Test("where an event holds several tokens the cap and the usage are those of one answer all the same", arguments: 1..<story.count)
    func severalTokens(events: Int) async throws {
        let request = Self.request.replacing(#""stream":true"#, with: #""stream":true,"max_tokens":40"#)
        let runtimes = try await Self.runtimes(breaking: events, [.close], size: 3)
        let records = try await GatewayFixture.run(runtimes, Self.setup) { gateway in
            let client = try await TestClient(port: gateway.port)
            try await client.post(request)
            let answer = try await client.answer()
            #expect(Self.text(answer) == Self.story.joined() && answer.ranges(of: #""usage":"#).count == 1)
            #expect(answer.contains(#""prompt_tokens":9,"completion_tokens":24,"total_tokens":33"#), "\(answer)")
        }
        let asked = runtimes.flatMap { $0.seen.requests }
        #expect(asked.count == 2 && asked.contains { $0.contains(#""max_tokens":\#(40 - 3 * events),"#) })
        #expect(records.map(\.billableCompletionTokens) == [24] && records.map(\.continued) == [true])
    }

    /// A server that calls itself vLLM and does not say how many tokens it made is not known to go on with a message either.
    @Test("a runtime that does not say what it made is not gone on from")
    func uncounted() async throws {
        let runtimes = try await Self.runtimes(breaking: 3, [.close], counts: false)
        let records = try await GatewayFixture.run(runtimes, Self.setup) { gateway in
            let client = try await TestClient(port: gateway.port)
            try await client.post(Self.request)
            #expect(try await client.answer().contains("stream_interrupted"))
        }
        #expect(records.map(\.continued) == [nil] && records.map(\.billableCompletionTokens) == [0])
    }

    @Test(
        "an error event, a reset and a silence are breaks too",
        arguments: [[.send(Answers.event(#"{"error":{"message":"CUDA"}}"#))], [.reset], []] as [[ScriptedRuntime.Step]])
    func faults(_ fault: [ScriptedRuntime.Step]) async throws {
        var setup = Self.setup
        setup.settings.interTokenTime = 1
        let records = try await GatewayFixture.run(try await Self.runtimes(breaking: 3, fault), setup) { gateway in
            let client = try await TestClient(port: gateway.port)
            try await client.post(Self.request)
            #expect(Self.text(try await client.answer()) == Self.story.joined())
        }
        #expect(records.map(\.outcome) == ["good"])
    }

    @Test("a worker that sends what is no answer is not gone on from", arguments: [Answers.chunk("data: {no JSON\n\n"), "zz\r\n"])
    func unreadable(_ bytes: String) async throws {
        let isHeard = ScriptedMoment()
        let runtimes = try await Self.runtimes(breaking: 3, [isHeard.step, .send(bytes)])
        let records = try await GatewayFixture.run(runtimes, Self.setup) { gateway in
            let client = try await TestClient(port: gateway.port)
            try await client.post(Self.request)
            try await client.receive { $0.contains("tide") }
            isHeard.come()
            let answer = try await client.answer()
            #expect(Self.text(answer) == Self.story.prefix(3).joined() && answer.contains("stream_interrupted") && !answer.contains("[DONE]"))
        }
        #expect(records.map(\.outcome) == ["bad:stream_broken"] && records.map(\.continued) == [nil])
        #expect(runtimes.map(\.seen.requests.count).reduce(0, +) == 1)
    }

    @Test("a worker that gives up what it goes on with has not ended it: a third one does, or nobody", arguments: ["abort", "error"], [2, 3])
    func givenUp(_ reason: String, workers: Int) async throws {
        let runtimes = try await Self.runtimes(breaking: 3, [.close], workers, ends: reason)
        let records = try await GatewayFixture.run(runtimes, Self.setup) { gateway in
            let client = try await TestClient(port: gateway.port)
            try await client.post(Self.request)
            let answer = try await client.answer()
            #expect(Self.text(answer) == Self.story.joined() && !answer.contains(#""finish_reason":"\#(reason)""#), "\(answer)")
            #expect(answer.contains("[DONE]") == (workers == 3) && answer.contains("stream_interrupted") == (workers == 2), "\(answer)")
        }
        #expect(records.map(\.billableCompletionTokens) == [workers == 3 ? Self.story.count : 0])
    }

    @Test("an answer whose last allowed token was delivered has only lost its end")
    func length() async throws {
        let request = Self.request.replacing(#""stream":true"#, with: #""stream":true,"max_tokens":3"#)
        let runtimes = try await Self.runtimes(breaking: 3, [.close])
        let records = try await GatewayFixture.run(runtimes, Self.setup) { gateway in
            let client = try await TestClient(port: gateway.port)
            try await client.post(request)
            let answer = try await client.answer()
            #expect(answer.contains(#""finish_reason":"length""#) && answer.contains("[DONE]") && answer.contains(#""completion_tokens":3"#))
        }
        #expect(records.map(\.attempts) == [1] && records.map(\.billableCompletionTokens) == [3] && records.map(\.estimated) == [true])
        #expect(runtimes.map(\.seen.requests.count).reduce(0, +) == 1)
    }

    /// More than an integer holds, less than none, and all that the plan allows after the first word.
    @Test("a runtime that claims what it never sent ends neither the gateway nor an answer", arguments: [Int64.max, .min, 100, 99_999])
    func claims(made: Int64) async throws {
        let usage = #""usage":{"prompt_tokens":9,"completion_tokens":\#(made),"total_tokens":9}"#
        let event = Answers.event(#"{"id":"c","model":"m","choices":[{"index":0,"delta":{"content":"Once"},"finish_reason":null}],\#(usage)}"#)
        let script: ScriptedRuntime.Script = { _, _ in [.send(Answers.streamHead + event + event), .close] }
        let records = try await GatewayFixture.run([try await ScriptedRuntime(script), try await ScriptedRuntime(script)], Self.setup) { gateway in
            let client = try await TestClient(port: gateway.port)
            try await client.post(Self.request)
            let answer = try await client.answer()
            #expect(answer.contains("stream_interrupted") && !answer.contains(#""finish_reason":"length""#), "\(answer)")
        }
        #expect(records.map(\.outcome) == ["bad:stream_broken"] && records.map(\.billableCompletionTokens) == [0])
    }

    private static let response = #"{"model":"m","input":"tell","temperature":0,"stream":true}"#

    @Test("a broken answer of /v1/responses goes on too, with its events in their order", arguments: 1...story.count)
    func responses(tokens: Int) async throws {
        let records = try await GatewayFixture.run(try await Self.runtimes(breaking: tokens, [.close]), Self.setup) { gateway in
            let client = try await TestClient(port: gateway.port)
            try await client.post(Self.response, path: "/v1/responses")
            let events = ResponsesEvents(try await client.answer())
            #expect(events.deltas == Self.story.joined().replacing(#"\""#, with: "\"") && events.numbers == Array(0..<Int64(events.numbers.count)))
            #expect(events.types.first == "response.created" && events.types.last == "response.completed")
            #expect(events.types.count { $0 == "response.output_item.added" } == 1)
            #expect(events.last?["response"]?["usage"]?["output_tokens"]?.integer == Int64(Self.story.count))
        }
        let record = try #require(records.first)
        #expect(records.count == 1 && record.outcome == "good" && record.continued == true)
        #expect(record.billablePromptTokens == 9 && record.billableCompletionTokens == Self.story.count)
    }

    @Test("an answer of /v1/responses that has only lost its end is told as incomplete")
    func responsesLength() async throws {
        let request = Self.response.replacing(#""stream":true"#, with: #""stream":true,"max_output_tokens":3"#)
        let runtimes = try await Self.runtimes(breaking: 3, [.close])
        let records = try await GatewayFixture.run(runtimes, Self.setup) { gateway in
            let client = try await TestClient(port: gateway.port)
            try await client.post(request, path: "/v1/responses")
            let answer = try await client.answer()
            #expect(ResponsesEvents(answer).types.last == "response.incomplete" && !answer.contains("chat.completion"), "\(answer)")
        }
        #expect(records.map(\.billableCompletionTokens) == [3] && runtimes.map(\.seen.requests.count).reduce(0, +) == 1)
    }

    /// Its template is told not to think, and templates differ in how they write an answer that has been begun then.
    @Test("a broken answer of /v1/messages is not continued")
    func messages() async throws {
        let records = try await GatewayFixture.run(try await Self.runtimes(breaking: 3, [.close]), Self.setup) { gateway in
            let client = try await TestClient(port: gateway.port)
            let request = #"{"model":"m","max_tokens":50,"messages":[{"role":"user","content":"tell"}],"temperature":0,"stream":true}"#
            try await client.post(request, path: "/v1/messages")
            #expect(try await client.answer().contains("event: error"))
        }
        #expect(records.map(\.continued) == [nil] && records.map(\.billableCompletionTokens) == [0])
    }

    private static let inexact = [
        request.replacing(#""temperature":0"#, with: #""temperature":0.5"#), request.replacing(#""temperature":0,"#, with: ""),
        request.replacing(#""stream":true"#, with: #""stream":true,"response_format":{"type":"json_object"}"#),
        request.replacing(#""stream":true"#, with: #""stream":true,"n":2"#), request.replacing(#""stream":true"#, with: #""stream":true,"stop":"x""#),
        request.replacing(
            #""stream":true"#, with: #""stream":true,"tools":[{"type":"function","function":{"name":"f","parameters":{"type":"object"}}}]"#),
    ]

    @Test("what could differ is not continued: the stream ends with an error", arguments: inexact.indices)
    func refused(_ index: Int) async throws {
        let runtimes = try await Self.runtimes(breaking: 3, [.close])
        let records = try await GatewayFixture.run(runtimes, Self.setup) { gateway in
            let client = try await TestClient(port: gateway.port)
            try await client.post(Self.inexact[index])
            #expect(try await client.answer().contains("stream_interrupted"))
        }
        #expect(records.map(\.continued) == [nil] && records.map(\.billableCompletionTokens) == [0])
    }

    @Test(
        "a chat whose text so far begins or ends with white space is not continued by vLLM, of which templates may cut that",
        arguments: ["\\n", " ", "\u{a0}"])
    func whiteSpace(_ space: String) async throws {
        for text in ["\(space)a", "a\(space)", space] {
            let script: ScriptedRuntime.Script = { _, _ in [.send(Answers.streamHead + Samples.role + Samples.token(text)), .close] }
            let runtimes = [try await ScriptedRuntime(script), try await ScriptedRuntime(script)]
            let records = try await GatewayFixture.run(runtimes, Self.setup) { gateway in
                let client = try await TestClient(port: gateway.port)
                try await client.post(Self.request)
                #expect(try await client.answer().contains("stream_interrupted"))
            }
            #expect(records.map(\.outcome) == ["bad:stream_broken"] && records.map(\.continued) == [nil])
            #expect(runtimes.map(\.seen.requests.count).reduce(0, +) == 1)
        }
    }

    @Test("nothing is continued where the tier's terms do not say so, or by another release")
    func terms() async throws {
        var other = Self.setup
        other.edit = { table in
            table.workers[1].release = "s"
            table.models["m"]?.releaseWeights["s"] = 1_000_000
        }
        for setup in [GatewayFixture.Setup(), other] {
            let records = try await GatewayFixture.run(try await Self.runtimes(breaking: 3, [.close]), setup) { gateway in
                let client = try await TestClient(port: gateway.port)
                try await client.post(Self.request)
                #expect(try await client.answer().contains("stream_interrupted"))
            }
            #expect(records.map(\.outcome) == ["bad:stream_broken"])
        }
    }

    /// An event of llama.cpp's server holds what the last token made whole: a sign of several bytes takes three tokens.
    @Test("llama.cpp is sent the text as the assistant's message, and says how many tokens an event holds", arguments: [true, false])
    func llama(counts: Bool) async throws {
        let counter = Counter()
        func token(_ text: String, made: Int) -> String {
            let timings = counts ? #","timings":{"prompt_n":9,"predicted_n":\#(made)}"# : ""
            return Answers.event(#"{"id":"t","model":"m","choices":[{"finish_reason":null,"index":0,"delta":{"content":"\#(text)"}}]\#(timings)}"#)
        }
        let usage = Answers.event(#"{"id":"t","choices":[],"usage":{"prompt_tokens":15,"completion_tokens":6,"total_tokens":21}}"#)
        let broken = token("🐙", made: 3) + token("🦄", made: 6)
        let (rest, wrong) = (token("🚀", made: 3) + token("🎉", made: 6) + Samples.stop + usage, token("wrong", made: 1))
        let script: ScriptedRuntime.Script = { _, request in
            guard counter.next() > 1 else { return [.send(Answers.streamHead + Samples.role + broken), .close] }
            let isRight = request.contains(#"{"role":"assistant","content":"🐙🦄"}]"#) && !request.contains("continue_final_message")
            return [.send(Answers.streamHead + Samples.role + (isRight ? rest : wrong) + Samples.done + Answers.streamEnd)]
        }
        var setup = Self.setup
        setup.dialect = .llamacpp
        let runtimes = [try await ScriptedRuntime(script), try await ScriptedRuntime(script)]
        let records = try await GatewayFixture.run(runtimes, setup) { gateway in
            let client = try await TestClient(port: gateway.port)
            try await client.post(Self.request.replacing(#""stream":true"#, with: #""stream":true,"max_tokens":40"#))
            let answer = try await client.answer()
            #expect(!answer.contains("timings") && answer.contains("stream_interrupted") != counts)
            guard counts else { return }
            #expect(Self.text(answer) == "🐙🦄🚀🎉" && answer.contains(#""prompt_tokens":9,"completion_tokens":12,"total_tokens":21"#), "\(answer)")
        }
        let asked = runtimes.flatMap { $0.seen.requests }
        #expect(asked.allSatisfy { $0.contains(#""timings_per_token":true"#) && !$0.contains("continuous_usage_stats") })
        #expect(asked.count == (counts ? 2 : 1) && asked.contains { $0.contains(#""max_tokens":34,"#) } == counts)
        #expect(records.map(\.continued) == [counts ? true : nil] && records.map(\.billableCompletionTokens) == [counts ? 12 : 0])
    }

    @Test("a completion goes on behind its prompt")
    func completions() async throws {
        let counter = Counter()
        let script: ScriptedRuntime.Script = { _, request in
            func event(_ text: String, _ end: String = "null", made: Int = 1) -> String {
                let usage = #""usage":{"prompt_tokens":5,"completion_tokens":\#(made),"total_tokens":\#(5 + made)}"#
                return Answers.event(#"{"id":"t","model":"m","choices":[{"index":0,"text":"\#(text)","finish_reason":\#(end)}],\#(usage)}"#)
            }
            guard counter.next() > 1 else { return [.send(Answers.streamHead + event(" one") + event(" two", made: 2)), .close] }
            let isRight = request.contains(#""prompt":"count: one two""#) && !request.contains("continue_final_message")
            return [.send(Answers.streamHead + event(isRight ? " three" : " wrong") + event("", #""stop""#) + Samples.done + Answers.streamEnd)]
        }
        let runtimes = [try await ScriptedRuntime(script), try await ScriptedRuntime(script)]
        let records = try await GatewayFixture.run(runtimes, Self.setup) { gateway in
            let client = try await TestClient(port: gateway.port)
            try await client.post(#"{"model":"m","prompt":"count:","temperature":0.0,"stream":true}"#, path: "/v1/completions")
            let answer = try await client.answer()
            #expect(answer.contains(#""text":" three""#) && answer.contains("[DONE]"))
        }
        #expect(records.map(\.billableCompletionTokens) == [3] && records.map(\.continued) == [true])
    }
}

/// The events of a stream of `/v1/responses`.
private struct ResponsesEvents {
    private let all: [JSONValue]

    init(_ answer: String) {
        all = answer.split(separator: "\n").filter { $0.hasPrefix("data: ") }.compactMap { try? JSONValue.parse(Array($0.dropFirst(6).utf8)) }
    }

    var types: [String] { all.compactMap { $0["type"]?.string } }
    var numbers: [Int64] { all.compactMap { $0["sequence_number"]?.integer } }
    var deltas: String { all.filter { $0["type"]?.string == "response.output_text.delta" }.compactMap { $0["delta"]?.string }.joined() }
    var last: JSONValue? { all.last }
}

/// Counts from 1.
final class Counter: Sendable {
    private let count = Atomic<Int>(0)

    func next() -> Int { count.wrappingAdd(1, ordering: .relaxed).newValue }
}
