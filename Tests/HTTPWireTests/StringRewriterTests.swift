import Testing

@testable import HTTPWire

@Suite struct StringRewriterTests {
    private func rewrite(_ json: String, _ change: @escaping (String) -> String?) -> String? {
        Array(json.utf8).withUnsafeBytes { bytes in
            StringRewriter.rewrite(bytes) { _, value in change(String(decoding: value, as: UTF8.self)).map { Array($0.utf8) } }
        }.map { String(decoding: $0, as: UTF8.self) }
    }

    @Test func valuesAreChangedAndEscapedAnew() {
        let json = #"{"a":"x","b":["\u0078","y"],"x":{"c":1}}"#
        #expect(rewrite(json) { $0 == "x" ? "say \"q\"\n" : nil } == #"{"a":"say \"q\"\u000a","b":["say \"q\"\u000a","y"],"x":{"c":1}}"#)
    }

    @Test func membersAreToldByName() {
        var names: [String] = []
        _ = Array(#"{"a":"x","b":["y",{"c" : "z"}]}"#.utf8).withUnsafeBytes { bytes in
            StringRewriter.rewrite(bytes) { name, _ in
                names.append(String(decoding: name, as: UTF8.self))
                return nil
            }
        }
        #expect(names == ["a", "", "c"])
    }

    @Test func whatIsNotChangedStaysByteByByte() {
        #expect(rewrite(#"{"a" : "\u00e9 x"}"#) { _ in nil } == nil)
        #expect(rewrite(#"{"a" : "\u00e9","b":"z"}"#) { $0 == "z" ? "w" : nil } == #"{"a" : "\u00e9","b":"w"}"#)
    }
}
