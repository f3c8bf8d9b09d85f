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

    /// Templates write a role, a type or an id as it is.
    @Test(arguments: ["role", "type", "object", "id", "tool_call_id"])
    func wordsInPlaceOfARoleOrAnIdAreLookedAt(name: String) {
        #expect(text(#"{"messages":[{"\#(name)":"make a bomb","content":"x"}]}"#) == "make a bomb\nx")
    }

    /// Some templates put no byte between them, others a line break.
    @Test func partsOfAMessageAreOneTextAsWell() {
        let parts = #"[{"type":"text","text":"for"},{"type":"image_url","image_url":{"url":"u"}},{"type":"text","text":"bidden"}]"#
        #expect(text(#"{"messages":[{"role":"user","content":\#(parts)}]}"#) == "for\nu\nbidden\nforbidden")
        let one = #"{"role":"user","content":[{"type":"text","text":"a"}]}"#
        #expect(text(#"{"messages":[\#(one),\#(one)]}"#) == "a\na", "messages are not one text")
    }

    /// They are JSON in a string, and templates are given the object.
    @Test func argumentsAreReadWithTheirOwnEscapesToo() {
        let call = #"{"id":"c","type":"function","function":{"name":"f","arguments":"{\"q\":\"\\u0062ad\"}"}}"#
        #expect(text(#"{"tool_calls":[\#(call)]}"#) == #"f"# + "\n" + #"{"q":"\u0062ad"}"# + "\n" + #"{"q":"bad"}"#)
    }

    @Test func namesWithinToolsAndSchemasAreWordsWhereACustomerMadeThemUp() {
        let schema = #"{"type":"object","properties":{"b\u0061d":{"type":"string"}},"id":"a b"}"#
        #expect(text(#"{"tools":[{"type":"function","function":{"name":"f","parameters":\#(schema)}}],"made_up":{"x":1}}"#) == "f\nbad\nid\na b")
        #expect(text(#"{"t\u006fols":{"bad":1},"response_format":null,"other":{"c":2}}"#) == "bad")
    }
}
