import HTTPWire
import Testing

@Suite struct YAMLTests {
    private func read(_ text: String) throws -> JSONValue { .array(try YAMLReader.documents(Array(text.utf8))) }

    @Test(arguments: [
        ("", "[]"), ("# nothing\n", "[]"), ("---\n", "[null]"), ("a: 1", #"[{"a":1}]"#),
        ("a:\n  b: [1, two, 'th ree', \"\\u00e9\\n\"]", #"[{"a":{"b":[1,"two","th ree","é\n"]}}]"#),
        ("- a: 1\n  b:\n  - x\n  - - w\n    - z\n- ~", #"[[{"a":1,"b":["x",["w","z"]]},null]]"#),
        ("a: &base {x: 1, w: -0.5}\nb: *base\nc: !!str 12\nd: !!float 3", #"[{"a":{"x":1,"w":-0.5},"b":{"x":1,"w":-0.5},"c":"12","d":3.0}]"#),
        ("one: 1 # why\n---\ntwo: http://x/#y\n...\n---\n- 3", #"[{"one":1},{"two":"http://x/#y"},[3]]"#),
        (
            "text: |\n  one\n    two\n\n  three\n\nrest: >-\n  folded\n  line\n\n  next\nend: |+\n  kept\n\n",
            #"[{"text":"one\n  two\n\nthree\n","rest":"folded line\nnext","end":"kept\n\n"}]"#
        ),
        ("{\n  \"a\": [1,\n   2], # list\n  b: {c: d}}\n", #"[{"a":[1,2],"b":{"c":"d"}}]"#),
        ("startTime: 2020-01-21 12:30:00\nduration: 1M\nversion: 1.2.3", #"[{"startTime":"2020-01-21 12:30:00","duration":"1M","version":"1.2.3"}]"#),
        ("a:\r\n  - b\r\n", #"[{"a":["b"]}]"#), ("empty:\nnext: []\nlast: {}", #"[{"empty":null,"next":[],"last":{}}]"#),
        ("list: &l\n  - 1\nsame: *l", #"[{"list":[1],"same":[1]}]"#), ("'quoted key': 1\n\"other\": 2", #"[{"quoted key":1,"other":2}]"#),
    ])
    func `the part of YAML that is read gives the values of JSON`(text: String, json: String) throws {
        #expect(try read(text) == JSONValue.parse(json))
    }

    @Test(arguments: [
        ("a: 1\na: 2", 2, "twice"), ("a: yes", 1, "quote it"), ("a: 012", 1, "quote it"), ("a: 12:30", 1, "quote it"), ("a: 1e3", 1, "quote it"),
        ("a:\n\tb: 1", 2, "tab"), ("a: b: c", 1, "colon"), ("a: *b", 1, "no anchor"), ("<<: {a: 1}", 1, "merged"),
        ("%YAML 1.2\n---\na: 1", 1, "directives"),
        ("? a\n: b", 1, "quote it"), ("a: !mine b", 1, "tag"), ("a: one\n  two", 2, "belongs to"), ("a: 'x", 1, "closed"), ("a: [1, 2", 1, "closed"),
        ("a: [b: c]", 1, "braces"), ("a:\n  b: 1\n c: 2", 3, "indented"), ("a: - b", 1, "key"), ("a: |2\n  b", 1, "number"),
        ("1: a", 1, "keys are texts"),
        ("a: \"\\q\"", 1, "escape"), ("a: @b", 1, "quote it"), ("a: .inf", 1, "quote it"), ("a: {b: 1, b: 2}", 1, "twice"), ("a: 1\nb", 2, "colon"),
    ])
    func `everything else is refused with its line`(text: String, line: Int, words: String) {
        do {
            let found = try read(text)
            Issue.record("\(text) was read as \(found)")
        } catch let fault as YAMLFault {
            #expect(fault.line == line && fault.message.contains(words), "\(text): \(fault)")
        } catch {
            Issue.record("\(error)")
        }
    }

    @Test func `neither depth nor aliases make much of little`() {
        #expect(throws: YAMLFault.self) { try read(String(repeating: "[", count: 100_000)) }
        #expect(throws: YAMLFault.self) { try read((0..<200).map { String(repeating: " ", count: $0) + "a:" }.joined(separator: "\n")) }
        let laughs =
            ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
            + (1..<12).map { level in
                "a\(level): &a\(level) [\((0..<10).map { _ in "*a\(level - 1)" }.joined(separator: ", "))]"
            }
        #expect(throws: YAMLFault.self) { try read(laughs.joined(separator: "\n")) }
        #expect(throws: YAMLFault.self) { try YAMLReader.documents([0x61, 0x3A, 0x20, 0xFF]) }
    }

    @Test func `what is written is read as the same`() throws {
        var random = TestRandom(seed: 5)
        for _ in 0..<500 {
            let value = Self.value(&random, depth: 4)
            let text = YAMLWriter.documents([value, value])
            #expect(try YAMLReader.documents(Array(text.utf8)) == [value, value], "\(text)")
        }
    }

    /// Any value, with texts that are easily mistaken.
    static func value(_ random: inout some RandomNumberGenerator, depth: Int) -> JSONValue {
        let texts = [
            "", " ", "yes", "No", "null", "~", "0x1f", "12:30", "2024-01-01", "- a", "a: b", "a #b", "# c", "é\u{2028}x", "tab\t", "line\nline\n",
            "'", "\"", "\\",
            "&a", "*a", "!t", "%", "@", "[", "{", "|", ">", "1.5", "-3", ".5", "1e3", "on", "plain text", "x", "a/b-c_d.e", "\u{0}\u{7f}\u{85}", "🙂",
            "---", "...",
        ]
        switch Int.random(in: 0..<(depth > 0 ? 8 : 5), using: &random) {
        case 0: return .null
        case 1: return .bool(Bool.random(using: &random))
        case 2: return .integer(Int64.random(in: -1_000_000...Int64.max, using: &random))
        case 3: return .number([0.999, -1.5e-9, 1.25e+22, 0.5, 3.0].randomElement(using: &random) ?? 0)
        case 4: return .string(texts.randomElement(using: &random) ?? "")
        case 5: return .array((0..<Int.random(in: 0..<4, using: &random)).map { _ in value(&random, depth: depth - 1) })
        default:
            var object = JSONObject()
            for _ in 0..<Int.random(in: 0..<4, using: &random) {
                _ = object.append(texts.randomElement(using: &random) ?? "k", value(&random, depth: depth - 1))
            }
            return .object(object)
        }
    }
}
