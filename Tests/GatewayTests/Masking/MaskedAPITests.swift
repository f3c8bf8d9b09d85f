import HTTPWire
import NIOCore
import PlimsollWire
import TestSupport
import Testing

@testable import Gateway

/// Masking in each of the customer's endpoints, whole and as a stream.
@Suite struct MaskedAPITests {
    private static func setup(_ kind: ModelKind = .generation) -> GatewayFixture.Setup {
        GatewayFixture.Setup(edit: { table in
            table.tenants["tenant-1"]?.masking = "all"
            table.models["m"]?.kind = kind
        })
    }

    private func call(_ path: String, _ body: String, _ reply: String, _ kind: ModelKind = .generation) async throws -> APICall {
        let call = try await APICall.make(path, body, reply: reply, setup: Self.setup(kind))
        #expect(call.status == "200", "\(call.answer)")
        #expect(!call.sent.contains("example.org") && call.sent.contains("[EMAIL_1]"), "\(call.sent)")
        return call
    }

    private static func chat(_ choices: String) -> String {
        #"{"id":"c","object":"chat.completion","model":"m","choices":[\#(choices)],"usage":{"prompt_tokens":9,"completion_tokens":3,"total_tokens":12}}"#
    }

    private static let toolCall = #"[{"index":0,"id":"c0","type":"function","function":{"name":"f","arguments":"{\"to\":\"[EMAIL_1]\"}"}}]"#
    private static let toolAnswer = chat(
        #"{"index":0,"message":{"role":"assistant","content":"to [EMAIL_1]","tool_calls":\#(toolCall)},"finish_reason":"tool_calls"}"#)

    private static let prompts: [(String, String)] = [
        ("/v1/chat/completions", #""messages":[{"role":"system","content":"x"},{"role":"user","content":[{"type":"text","text":"a@example.org"}]}]"#),
        ("/v1/responses", #""instructions":"for a@example.org","input":[{"role":"user","content":[{"type":"input_text","text":"a@example.org"}]}]"#),
        (
            "/v1/messages",
            #""max_tokens":9,"system":[{"type":"text","text":"for a@example.org"}],"messages":[{"role":"user","content":[{"type":"text","text":"a@example.org"}]}]"#
        ),
    ]

    @Test(arguments: prompts) func anAnswerInOnePieceHasTheCustomersWords(path: String, prompt: String) async throws {
        let call = try await call(path, #"{"model":"m",\#(prompt)}"#, Answers.json(Self.toolAnswer))
        #expect(call.body.contains("to a@example.org") && !call.body.contains("EMAIL"), "\(call.body)")
        #expect(call.body.contains(#"\"to\":\"a@example.org\""#) || call.body.contains(#""input":{"to":"a@example.org"}"#), "\(call.body)")
    }

    @Test func everyChoiceOfAnAnswerHasThem() async throws {
        let choices = (0..<3).map { #"{"index":\#($0),"message":{"role":"assistant","content":"\#($0) [EMAIL_1]"},"finish_reason":"stop"}"# }
        let call = try await call(
            "/v1/chat/completions", #"{"model":"m","n":3,"messages":[{"role":"user","content":"a@example.org"}]}"#,
            Answers.json(Self.chat(choices.joined(separator: ","))))
        for number in 0..<3 { #expect(call.body.contains("\(number) a@example.org")) }
    }

    @Test func completionsHaveThem() async throws {
        let reply =
            #"{"object":"text_completion","model":"m","choices":[{"index":0,"text":"to [EMAIL_1]","finish_reason":"stop"}],"usage":{"prompt_tokens":9,"completion_tokens":3,"total_tokens":12}}"#
        let whole = try await call("/v1/completions", #"{"model":"m","prompt":"a@example.org"}"#, Answers.json(reply))
        #expect(whole.body.contains("to a@example.org"))
        let pieces = ["to [EM", "AIL", "_1] x"].map {
            Answers.event(#"{"object":"text_completion","model":"m","choices":[{"index":0,"text":"\#($0)"}]}"#)
        }
        let end = Answers.event(#"{"object":"text_completion","model":"m","choices":[{"index":0,"text":"","finish_reason":"stop"}]}"#)
        let stream = Answers.streamHead + pieces.joined() + end + Samples.usage + Samples.done + Answers.streamEnd
        let streamed = try await call("/v1/completions", #"{"model":"m","prompt":["a@example.org"],"stream":true}"#, stream)
        #expect(AnswerText(Array(streamed.answer.utf8)).text.contains("to a@example.org x"), "\(streamed.answer)")
    }

    @Test func whatIsEmbeddedIsMasked() async throws {
        let reply =
            #"{"object":"list","data":[{"object":"embedding","index":0,"embedding":"AACAPw=="}],"model":"X","usage":{"prompt_tokens":4,"total_tokens":4}}"#
        _ = try await call("/v1/embeddings", #"{"model":"m","input":["a@example.org","b"]}"#, Answers.json(reply), .embedding)
    }

    @Test func whatIsCountedIsMasked() async throws {
        let request = #"{"model":"m","messages":[{"role":"user","content":"a@example.org"}]}"#
        _ = try await call("/v1/messages/count_tokens", request, Answers.json(#"{"input_tokens":14}"#))
    }

    private static func delta(_ fields: String, choice: Int = 0) -> String {
        Answers.event(#"{"model":"m","choices":[{"index":\#(choice),"delta":{\#(fields)}}]}"#)
    }

    private static func arguments(_ text: String, call: Int) -> String {
        delta(#""tool_calls":[{"index":\#(call),"function":{"arguments":"\#(text)"}}]"#)
    }

    private static let streamEnd = Samples.usage + Samples.done + Answers.streamEnd

    @Test(arguments: prompts) func placeholdersInPiecesOfAStreamArePutBack(path: String, prompt: String) async throws {
        let stream = Answers.streamHead + Samples.role + ["to [EM", "AIL", "_1]", ", [x] [E", "nd"].map(Samples.token).joined() + Samples.stop
        let call = try await call(path, #"{"model":"m","stream":true,\#(prompt)}"#, stream + Self.streamEnd)
        #expect(AnswerText(Array(call.answer.utf8)).text == "to a@example.org, [x] [End", "\(call.answer)")
        #expect(!call.body.contains("EMAIL"), "\(call.body)")
    }

    /// Runtimes that call several tools at once tell of them in turns.
    @Test func eachCallOfAStreamIsATextOfItsOwn() async throws {
        let begins = (0..<2).map { call in
            Self.delta(#""tool_calls":[{"index":\#(call),"id":"c\#(call)","type":"function","function":{"name":"f","arguments":"["}}]"#)
        }
        let pieces = [("[EMA", 0), ("[EMAIL", 1), ("IL_1], ", 0), ("_2]]", 1), ("[EMAIL_2]]", 0)].map { Self.arguments($0, call: $1) }
        let end = Answers.event(#"{"model":"m","choices":[{"index":0,"delta":{},"finish_reason":"tool_calls"}]}"#)
        let call = try await call(
            "/v1/chat/completions", #"{"model":"m","stream":true,"messages":[{"role":"user","content":"a@example.org b@example.org"}]}"#,
            Answers.streamHead + begins.joined() + pieces.joined() + end + Self.streamEnd)
        let texts = AnswerText(Array(call.answer.utf8)).texts
        #expect(texts.contains("[a@example.org, b@example.org]") && texts.contains("[b@example.org]"), "\(texts)")
    }

    /// Of one event as well as in turns, and whatever comes first in it.
    @Test func eachChoiceOfAStreamIsATextOfItsOwn() async throws {
        let turns = [("1 [EMAIL", 1), ("0 [EMA", 0), ("_2] x", 1), ("IL_1] x", 0)].map { Self.delta(#""content":"\#($0)""#, choice: $1) }
        let both = [("[EM", "[EMAI"), ("AIL_2]", "L_1]")].map { first, second in
            Answers.event(
                #"{"model":"m","choices":[{"delta":{"content":"\#(first)"},"index":0},{"delta":{"content":"\#(second)"},"index":1}]}"#)
        }
        let ends = (0..<2).map { Answers.event(#"{"model":"m","choices":[{"index":\#($0),"delta":{},"finish_reason":"stop"}]}"#) }
        let call = try await call(
            "/v1/chat/completions", #"{"model":"m","n":2,"stream":true,"messages":[{"role":"user","content":"a@example.org b@example.org"}]}"#,
            Answers.streamHead + turns.joined() + both.joined() + ends.joined() + Self.streamEnd)
        #expect(
            AnswerText(Array(call.answer.utf8)).texts == ["0 a@example.org xb@example.org", "1 b@example.org xa@example.org"], "\(call.answer)")
    }

    /// What looked like the beginning of a placeholder comes before the event that ends its text, with the event's name, and nothing comes twice.
    @Test(arguments: prompts) func whatIsHeldComesBeforeItsTextEnds(path: String, prompt: String) async throws {
        let stream = Answers.streamHead + Samples.role + Samples.token("x [EMAIL_") + Samples.stop
        let call = try await call(path, #"{"model":"m","stream":true,\#(prompt)}"#, stream + Self.streamEnd)
        #expect(AnswerText(Array(call.answer.utf8)).text == "x [EMAIL_", "\(call.answer)")
        let names = call.events
        let (last, end) = (
            names.lastIndex { $0.hasSuffix("block_delta") || $0.hasSuffix("text.delta") },
            names.firstIndex { $0.hasSuffix("stop") || $0.hasSuffix("done") }
        )
        if let last, let end { #expect(last < end, "\(names)") }
        let finish = try #require(call.body.firstRange(of: path.hasSuffix("completions") ? #""finish_reason":"stop""# : "EMAIL_"))
        #expect(try #require(call.body.firstRange(of: "EMAIL_")).lowerBound <= finish.lowerBound)
    }

    /// Also where it comes at the very end, behind which only the last events stand.
    @Test(arguments: ["x [EMAIL_", "[EMAIL_1] y [EM"]) func eventsThatAreAddedHaveNumbersOfTheirOwn(token: String) async throws {
        let stream = Answers.streamHead + Samples.role + Samples.token(token) + Samples.stop
        let call = try await call("/v1/responses", #"{"model":"m","stream":true,"input":"a@example.org"}"#, stream + Self.streamEnd)
        let numbers = call.body.split(separator: #""sequence_number":"#).dropFirst().compactMap { Int($0.prefix { $0.isNumber }) }
        #expect(numbers.count > 8 && numbers == Array(0..<numbers.count), "\(numbers)")
    }

    @Test func whatIsHeldOfACallIsSentWithoutItsNameAgain() async throws {
        let begin = Self.delta(
            #""role":"assistant","tool_calls":[{"index":0,"id":"c0","type":"function","function":{"name":"f","arguments":"[EMAIL_"}}]"#)
        let end = Answers.event(#"{"model":"m","choices":[{"index":0,"delta":{},"finish_reason":"tool_calls"}]}"#)
        let call = try await call(
            "/v1/chat/completions", #"{"model":"m","stream":true,"messages":[{"role":"user","content":"a@example.org"}]}"#,
            Answers.streamHead + begin + end + Self.streamEnd)
        #expect(call.body.ranges(of: #""name":"f""#).count == 1 && call.body.ranges(of: #""id":"c0""#).count == 1, "\(call.body)")
        #expect(AnswerText(Array(call.answer.utf8)).texts.contains("[EMAIL_"))
    }
}
