import HTTPWire
import NIOCore
import PlimsollWire
import Testing

@testable import Gateway

@Suite("What rules say of an answer") struct AnswerVerdictTests {
    static let place = EndedAnswer.Place(mitigation: "x", model: "small", tier: "pro", region: "eu", hour: 7)

    static func ended(
        _ bytes: String, _ asked: AnswerAsked = AnswerAsked(), isEventStream: Bool = false, isCut: Bool = false, finishReason: String? = nil,
        isBroken: Bool = false
    ) -> EndedAnswer {
        EndedAnswer(
            place: place, asked: asked, bytes: ByteBuffer(string: bytes), isEventStream: isEventStream, isCut: isCut, finishReason: finishReason,
            isBroken: isBroken)
    }

    private static func quoted(_ text: String) -> String { String(decoding: BodyEdit.quoted(text), as: UTF8.self) }

    /// Of an answer in one piece with this text and these members beside it.
    private func failures(of text: String, _ asked: AnswerAsked = AnswerAsked(), finish: String = "stop", beside: String = "") -> [AnswerFailure]? {
        let message = #"{"role":"assistant","content":\#(Self.quoted(text))\#(beside)}"#
        return Self.ended(#"{"choices":[{"index":0,"message":\#(message),"finish_reason":"\#(finish)"}]}"#, asked).verdict?.failures
    }

    private func calling(_ arguments: String) -> String {
        #","tool_calls":[{"id":"c","type":"function","function":{"name":"f","arguments":\#(Self.quoted(arguments))}}]"#
    }

    @Test("an answer with nothing wrong is worth everything") func good() throws {
        let verdict = try #require(Self.ended(Samples.answer).verdict)
        #expect(verdict.failures == [] && verdict.scorePpm == 1_000_000)
    }

    @Test("one that says nothing is worth nothing", arguments: ["", " \n\t"]) func empty(text: String) throws {
        #expect(failures(of: text) == [.empty])
        #expect(AnswerVerdict([.empty]).scorePpm == 0)
        #expect(failures(of: text, beside: calling("{}")) == [])
        #expect(failures(of: text, beside: #","refusal":"I cannot help with that.""#) == [])
        let thinking = #","reasoning_content":"well""#
        #expect(failures(of: text, beside: thinking) == [.empty])
        #expect(failures(of: text, AnswerAsked(length: true), finish: "length", beside: thinking) == [])
        #expect(Self.ended(#"{"choices":[]}"#).verdict?.failures == [.empty])
    }

    @Test("a length that nobody asked for cuts an answer off") func cutOff() {
        #expect(failures(of: "and then", finish: "length") == [.cutOff])
        #expect(failures(of: "and then", AnswerAsked(length: true), finish: "length") == [])
        #expect(AnswerVerdict([.cutOff]).scorePpm == 500_000)
    }

    @Test("JSON that was asked for is JSON, unless a length that was asked for ended it") func json() {
        let asked = AnswerAsked(json: true, length: true)
        #expect(failures(of: #"{"a":[1,2]}"#, asked) == [])
        #expect(failures(of: "```json\n{}\n```", asked) == [.notJSON])
        #expect(failures(of: #"{"a":"#, asked) == [.notJSON])
        #expect(failures(of: #"{"a":"#, asked, finish: "length") == [])
        #expect(failures(of: "", asked, beside: calling("{}")) == [])
        #expect(failures(of: #"{"a":"#) == [])
    }

    @Test("a tool that was to be called is called, with arguments that are JSON") func calls() {
        #expect(failures(of: "I would call f.", AnswerAsked(call: true)) == [.noCall])
        #expect(failures(of: "", AnswerAsked(call: true), beside: calling(#"{"city":"Bern"}"#)) == [])
        #expect(failures(of: "", beside: calling(#"{"city":"#)) == [.brokenArguments])
        #expect(failures(of: "", AnswerAsked(length: true), finish: "length", beside: calling(#"{"city":"#)) == [])
        #expect(failures(of: "", beside: calling("")) == [], "a tool without arguments")
    }

    @Test(
        "an end that says the same again and again is a loop",
        arguments: ["I am sorry. ", "a", "Ünïcode ", "one line of a list that is somewhat longer than the others\n- and a second one below it\n"])
    func loops(said: String) {
        #expect(failures(of: "It began well. " + String(repeating: said, count: 500)) == [.repeats])
    }

    @Test("rules in tables, verses and lists are none") func noLoops() {
        let rule = "| a | b |\n|" + String(repeating: "-", count: 200) + "|"
        let list = (0..<300).map { "- item \($0)\n" }.joined()
        let chorus = String(repeating: "Row, row, row your boat, gently down the stream.\n", count: 4)
        for text in [rule, list, chorus] { #expect(failures(of: text) == [], "\(text.prefix(40))") }
    }

    @Test("characters that no text has are seen, and letters of all languages are letters") func garbled() {
        for text in ["CafÃ© crÃ¨me", "donâ€™t, wonâ€™t", "ab\u{1}c\u{2}", "\u{FFFD}\u{FFFD} and some words"] {
            #expect(failures(of: text) == [.garbled], "\(text)")
        }
        for text in ["Café crème, São João, NÃO", "日本語の文章です。", "مرحبا بالعالم", "👩‍👩‍👧 5 €", "a\tb\r\nc", "one \u{FFFD} alone"] {
            #expect(failures(of: text) == [], "\(text)")
        }
    }

    @Test("a stream is judged by what its events say together") func stream() {
        func event(_ choice: String) -> String { "data: {\"choices\":[{\"index\":0,\(choice)}]}\n\n" }
        let call = #""delta":{"tool_calls":[{"index":0,"function":{"name":"f","arguments":"#
        let pieces = [#""{\"city\"""#, #"":\"Bern\"}""#].map { event(call + $0 + "}}]}") }.joined()
        let end = event(#""delta":{},"finish_reason":"tool_calls""#)
        #expect(Self.ended(pieces + end, AnswerAsked(call: true), isEventStream: true).verdict?.failures == [])
        let text = [#"{\"a\""#, ":1}"].map { event(#""delta":{"content":"\#($0)"}"#) }.joined()
        #expect(Self.ended(text, AnswerAsked(json: true), isEventStream: true, finishReason: "stop").verdict?.failures == [])
        let broken = Self.ended(text, AnswerAsked(json: true), isEventStream: true, isBroken: true)
        #expect(broken.verdict?.failures == [.cutOff])
    }

    @Test("of what is not kept whole only that is said which can be") func cut() {
        #expect(Self.ended(String(Samples.answer.dropLast(9)), isCut: true).verdict == nil)
        let events = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"[1,\"}}]}\n\ndata: {\"cho"
        let asked = AnswerAsked(json: true, call: true)
        #expect(Self.ended(events, asked, isEventStream: true, isCut: true, finishReason: "stop").verdict?.failures == [])
        #expect(Self.ended(events, asked, isEventStream: true, isCut: true, finishReason: "length").verdict?.failures == [.cutOff])
    }

    @Test("each failure counts once, and an answer is never worth less than nothing") func several() throws {
        let choice = #"{"message":{"content":"x"},"finish_reason":"length"}"#
        let verdict = try #require(
            Self.ended(#"{"choices":[\#(choice),\#(choice),{"message":{"content":""},"finish_reason":"stop"}]}"#).verdict)
        #expect(verdict.failures == [.empty, .cutOff] && verdict.scorePpm == 0)
    }

    @Test(
        "what is asked of an answer is read from its request",
        arguments: [
            (#"{"model":"m"}"#, AnswerAsked()),
            (#"{"response_format":{"type":"json_object"}}"#, AnswerAsked(json: true)),
            (#"{"response_format":{"type":"json_schema","json_schema":{"schema":{}}}}"#, AnswerAsked(json: true)),
            (#"{"response_format":{"type":"text"}}"#, AnswerAsked()),
            (#"{"guided_json":{"type":"object"}}"#, AnswerAsked(json: true)), (#"{"guided_json":null}"#, AnswerAsked()),
            (#"{"structured_outputs":{"json":{}}}"#, AnswerAsked(json: true)), (#"{"structured_outputs":{"regex":"a"}}"#, AnswerAsked()),
            (#"{"tool_choice":"required"}"#, AnswerAsked(call: true)), (#"{"tool_choice":"auto"}"#, AnswerAsked()),
            (#"{"tool_choice":{"type":"function","function":{"name":"f"}}}"#, AnswerAsked(call: true)),
            (#"{"tool_choice":{"type":"allowed_tools","allowed_tools":{"mode":"auto"}}}"#, AnswerAsked()),
            (#"{"\u0074ool_choice":"required"}"#, AnswerAsked(call: true)),
        ])
    func asked(body: String, expected: AnswerAsked) throws {
        let scan = RequestScan()
        let asked = try Array(body.utf8).withUnsafeBytes { bytes in
            try scan.scan(bytes)
            return AnswerAsked(scan, bytes)
        }
        #expect(asked == expected)
    }
}
