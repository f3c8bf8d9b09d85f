import Testing

@testable import HTTPWire

@Suite struct TextCollectorTests {
    private func text(_ json: String) -> String {
        var collector = TextCollector()
        Array(json.utf8).withUnsafeBytes { collector.collect($0) }
        return String(decoding: collector.text, as: UTF8.self)
    }

    @Test func valuesAreCollectedWithTheirEscapesResolved() {
        #expect(text(#"{"messages":[{"role":"user","content":"b\u0061d \"word\"\n\ud83d\ude00"}],"prompt":"é"}"#) == "bad \"word\"\n😀\né")
    }

    @Test func namesRolesAndTypesAreNoWords() {
        #expect(text(#"{"model":"m","a":[{"type" : "text","text":"x","id":"i"}],"n":1,"stop":["s"],"t":true}"#) == "x\ns")
    }

    /// Whoever hides words under a name that is left out must hide them in its value itself, which no runtime takes.
    @Test func onlyTheVeryValueOfAWordlessNameIsLeftOut() {
        #expect(text(#"{"role":["hidden"],"type":{"a":"b"}}"#) == "hidden\nb")
    }

    @Test func itMayBeginBehindTheBrace() {
        #expect(text(#""prompt":"x","role":"user"}"#) == "x")
        #expect(text("") == "")
    }
}
