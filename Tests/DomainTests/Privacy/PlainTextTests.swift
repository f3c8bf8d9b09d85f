import Domain
import Testing

@Suite("Plain text") struct PlainTextTests {
    @Test(
        "a text is what it reads like",
        arguments: [
            ("e\u{301}", "\u{E9}"), ("ＦＵＬＬ １２！", "FULL 12!"), ("\u{FB03}", "ffi"), ("𝟗𝒜ℬ𝕮", "9ABC"),
            ("a\u{200B}\u{200D}\u{AD}\u{2060}\u{FEFF}b", "ab"),
            ("a\u{A0}b\u{3000}c", "a b c"), ("ｶﾞ", "ガ"), ("\u{1112}\u{1161}\u{11AB}", "한"), ("\u{212A}", "K"), ("e\u{200B}\u{301}", "\u{E9}"),
            ("x²", "x2"),
        ])
    func reads(text: String, plain: String) {
        #expect(Array(PlainText.of(text).utf8) == Array(plain.utf8))
    }

    @Test("what is plain is not written again", arguments: ["", "plain", "naïve Zürich", "日本語のテキスト", "Привет", "emoji 🙂", "0123456789abcde"])
    func stays(text: String) {
        let bytes = Array(text.utf8)
        #expect(bytes.withUnsafeBytes { PlainText.of($0) } == nil)
    }

    /// Ordering marks would take hours.
    @Test("a letter keeps thirty marks, however many it has")
    func marks() {
        let text = "a" + String(repeating: "\u{301}\u{316}", count: 200_000) + "b"
        #expect(PlainText.of(text).unicodeScalars.count == 31)
        #expect(PlainText.of(text).hasSuffix("b"))
    }

    @Test("a byte that is not ASCII is seen wherever it stands")
    func everywhere() {
        for length in 1..<24 {
            for place in 0..<length {
                let text = String(repeating: "a", count: place) + "Ａ" + String(repeating: "b", count: length - place - 1)
                #expect(PlainText.of(text) == String(repeating: "a", count: place) + "A" + String(repeating: "b", count: length - place - 1))
            }
        }
    }
}
