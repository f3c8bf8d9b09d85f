import Testing

@testable import Gateway

@Suite struct ProbeReadingTests {
    private static func event(_ text: String) -> String { "data: \(text)\n\n" }
    private static func token(_ text: String) -> String { event(#"{"model":"m","choices":[{"index":0,"delta":{"content":"\#(text)"}}]}"#) }
    private static let stop = event(#"{"model":"m","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#)
    private static let usage = event(#"{"model":"m","choices":[],"usage":{"prompt_tokens":9,"completion_tokens":2}}"#)
    private static let done = "data: [DONE]\n\n"

    private func read(_ text: String, answer: String? = nil) -> ProbeReading {
        ProbeReading(Array(text.utf8), to: .known(prompt: "p", answer: answer))
    }

    @Test func `a whole stream with text is well formed, and its tokens are the runtime's or else counted`() {
        let whole = read(Self.token("rea") + Self.token("dy") + Self.stop + Self.usage + Self.done)
        #expect(whole.isWellFormed && whole.promptTokens == 9 && whole.completionTokens == 2)
        #expect(read(Self.token("a") + Self.token("b") + Self.token("c") + Self.stop + Self.done).completionTokens == 3)
    }

    @Test func `the known answer may come in pieces and in any case`() {
        let text = Self.token("It is REA") + Self.token("dy.") + Self.stop + Self.done
        #expect(read(text, answer: "ready").isWellFormed)
        #expect(!read(text, answer: "steady").isWellFormed)
    }

    @Test(arguments: [
        "", "no event at all", token("a"), stop + done, token("a") + stop + "data: {\"mod",
        token("a") + event(#"{"error":{"message":"out of memory"}}"#) + stop + done, token("a") + event("{broken") + stop + done,
        token("a") + event(#"{"choices":[{"index":0,"delta":{},"finish_reason":"abort"}]}"#) + done, "event: error\ndata: {}\n\n" + token("a") + stop,
    ])
    func `what is cut, empty, broken or given up is not`(text: String) {
        #expect(!read(text).isWellFormed)
    }

    @Test func `embeddings need a vector`() {
        let vector = #"{"object":"list","data":[{"embedding":[0.1]}],"usage":{"prompt_tokens":2}}"#
        #expect(ProbeReading(Array(vector.utf8), to: .embedding).isWellFormed)
        #expect(!ProbeReading(Array(#"{"object":"list","data":[]}"#.utf8), to: .embedding).isWellFormed)
    }
}
