import HTTPWire
import Testing

@testable import Gateway

@Suite("What a customer has of a stream")
struct AnswerMemoryTests {
    /// - Parameter made: As a runtime writes it.
    private static func event(_ text: String, made: String) -> [UInt8] {
        Array(#"{"id":"c","choices":[{"index":0,"delta":{"content":"\#(text)"}}],"usage":{"completion_tokens":\#(made)}}"#.utf8)
    }

    private static func memory(_ events: [(text: String, made: String)]) -> AnswerMemory {
        var memory = AnswerMemory(isChat: true)
        for event in events { memory.note(Self.event(event.text, made: event.made)) }
        return memory
    }

    @Test("counts beyond all reason are cut", arguments: ["9223372036854775807", "-9223372036854775808", "18446744073709551616", "1e300"])
    func counts(made: String) {
        var memory = Self.memory([("a", made), ("b", made)])
        #expect(memory.events == 2 && (2...1_000_000_000).contains(memory.tokens))
        memory.resume()
        for text in ["c", "d"] { _ = memory.rewritten(Self.event(text, made: made), quotedModel: Array(#""m""#.utf8)) }
        #expect(memory.text == "abcd" && memory.events == 4 && (4...3_000_000_000).contains(memory.tokens))
    }

    @Test("only as many tokens are believed delivered as the text can have")
    func delivered() {
        #expect(Self.memory([("Once", "1"), (" upon", "2")]).canHaveAll)
        // Several of them in an event, and three for one sign.
        #expect(Self.memory([(" upon a time there was", "5")]).canHaveAll)
        #expect(Self.memory([("🐙", "3"), ("🦄", "6"), ("🚀", "9")]).canHaveAll)
        #expect(!Self.memory([("Once", "100")]).canHaveAll)
        #expect(!Self.memory([("a", "1"), ("b", "9223372036854775807")]).canHaveAll)
    }
}
