import Testing

@testable import HTTPWire

@Suite("Events that differ in their text only")
struct AnswerLikenessTests {
    private static func event(_ text: String, finish: String = "null", more: String = "") -> [UInt8] {
        Array(#"{"id":"c","model":"m","choices":[{"index":0,"delta":{"content":"\#(text)"},"finish_reason":\#(finish)}]\#(more)}"#.utf8)
    }

    private func likeness(to event: [UInt8]) throws -> AnswerLikeness {
        var likeness = AnswerLikeness()
        try event.withUnsafeBytes { bytes in
            likeness.remember(bytes, text: try #require(AnswerScan.scan(bytes)?.onlyText))
        }
        return likeness
    }

    @Test("their text is measured as the walk measures it", arguments: ["", "x", "longer than before", #"an \" escape \u00e4"#, "Größe 大"])
    func like(_ text: String) throws {
        let event = AnswerLikenessTests.event(text)
        let likeness = try likeness(to: AnswerLikenessTests.event("hello"))
        #expect(event.withUnsafeBytes { likeness.textLength(of: $0) } == text.utf8.count)
        #expect(event.withUnsafeBytes { AnswerScan.scan($0)?.contentBytes } == text.utf8.count)
    }

    @Test("what is not passed on is where it was, as far from the text as before", arguments: ["", "x", "longer than before"])
    func hidden(_ text: String) throws {
        let build = #""system_fingerprint":"b1""#
        let behind: (String) -> [UInt8] = { AnswerLikenessTests.event($0, more: "," + build) }
        let inFront: (String) -> [UInt8] = { Array(#"{\#(build),"choices":[{"delta":{"content":"\#($0)"}}]}"#.utf8) }
        let around: (String) -> [UInt8] = {
            Array(#"{"choices":[{"token_ids":null,"delta":{"content":"\#($0)"},"token_ids":null}],\#(build),"metadata":{}}"#.utf8)
        }
        for event in [behind, inFront, around] {
            var likeness = AnswerLikeness()
            try event("hello").withUnsafeBytes { bytes in
                let answer = try #require(AnswerScan.scan(bytes))
                likeness.remember(bytes, text: try #require(answer.onlyText), hidden: answer.hidden)
            }
            let other = event(text)
            let length = try #require(other.withUnsafeBytes { likeness.textLength(of: $0) })
            let hidden = (0..<likeness.hiddenCount).map { likeness.hidden($0, textLength: length) }
            #expect(try other.withUnsafeBytes { try #require(AnswerScan.scan($0)).hidden } == hidden && !hidden.isEmpty)
        }
        #expect(try likeness(to: AnswerLikenessTests.event("hello")).hiddenCount == 0)
    }

    @Test("all others are left to the walk")
    func unlike() throws {
        let likeness = try likeness(to: AnswerLikenessTests.event("hello"))
        let others = [
            AnswerLikenessTests.event("x", finish: #""stop""#), AnswerLikenessTests.event("x", more: #","usage":{"prompt_tokens":1}"#),
            AnswerLikenessTests.event(#"x"}}]}"#), Array(AnswerLikenessTests.event("x").dropLast()), AnswerLikenessTests.event("\u{1}"), [],
            AnswerLikenessTests.event("x") + [0x20],
        ]
        for other in others { #expect(other.withUnsafeBytes { likeness.textLength(of: $0) } == nil) }
        #expect(AnswerLikenessTests.event("x").withUnsafeBytes { AnswerLikeness().textLength(of: $0) } == nil)
    }

    @Test("an event with two texts, or with none, is not remembered")
    func onlyOneText() {
        let two = #"{"choices":[{"delta":{"content":"a","reasoning":"b"}}]}"#
        let tool = #"{"choices":[{"delta":{"tool_calls":[{"index":0}]}}]}"#
        for text in [two, tool] { #expect(Array(text.utf8).withUnsafeBytes { AnswerScan.scan($0)?.onlyText } == nil) }
    }
}
