import HTTPWire
import Testing

@Suite struct JSONTests {
    private func scan(_ bytes: [UInt8], limits: JSONLimits = JSONLimits()) throws(JSONFault) -> RequestScan {
        let result: Result<RequestScan, JSONFault> = bytes.withUnsafeBytes { buffer in
            let scan = RequestScan(limits: limits)
            do throws(JSONFault) {
                try scan.scan(buffer)
                return .success(scan)
            } catch {
                return .failure(error)
            }
        }
        return try result.get()
    }

    static let sample =
        #"{"model":"m","messages":[{"role":"user","content":"h\u00e9 \ud83d\ude00 ünï\n"},{"a":[1,-2.5e+3,true,false,null,[],{}]}],"n":1}"#

    @Test(arguments: [
        #"{"a":1,}"#, #"{"a":[1,]}"#, #"{,}"#, #"{"a"}"#, #"{"a" 1}"#, #"{a:1}"#, #"{'a':1}"#, #"{"a":01}"#, #"{"a":+1}"#, #"{"a":.5}"#,
        #"{"a":1.}"#, #"{"a":1e}"#, #"{"a":NaN}"#, #"{"a":Infinity}"#, #"{"a":tru}"#, #"{"a":"\x"}"#, #"{"a":"\u12g4"}"#, #"{"a":"\ud800"}"#,
        #"{"a":"\udc00"}"#, #"{"a":"\ud800\u0041"}"#, "{\"a\":\"\n\"}", "{\"a\":\"\u{0}\"}", #"{"a":1}}"#, #"{"a":1} x"#, "\u{FEFF}{}", #"{"a":1"#,
        #"{"a":[1}"#, #"{"a":{]}"#, "", " ", #"{"a":"#, #"{"a":1 "b":2}"#, "{/**/}",
    ])
    func bothReadersRefuseWhatIsNoJSON(_ text: String) {
        #expect(throws: JSONFault.self) { try JSONValue.parse(text) }
        #expect(throws: JSONFault.self) { try scan(Array(text.utf8)) }
    }

    @Test(
        arguments: [[0xC0, 0x80], [0xE0, 0x80, 0x80], [0xED, 0xA0, 0x80], [0xF4, 0x90, 0x80, 0x80], [0xFF], [0xC3], [0xF0, 0x9F, 0x98]] as [[UInt8]])
    func bothReadersRefuseInvalidUTF8(_ bad: [UInt8]) {
        let text = Array(#"{"a":""#.utf8) + bad + Array(#""}"#.utf8)
        #expect { try scan(text) } throws: { ($0 as? JSONFault)?.code == .invalidUTF8 }
        #expect { try JSONValue.parse(text) } throws: { ($0 as? JSONFault)?.code == .invalidUTF8 }
    }

    @Test(arguments: [
        (#"{"a":1,"a":2}"#, "a"), (#"{"x":{"b":1,"c":2,"b":3}}"#, "x.b"), (#"{"m":[{},{"k":1,"k":1}]}"#, "m[1].k"),
        (#"{"model":1,"\u006dodel":2}"#, "model"),
    ])
    func bothReadersNameADuplicateKey(_ text: String, _ path: String) {
        #expect { try scan(Array(text.utf8)) } throws: { ($0 as? JSONFault)?.code == .duplicateKey && ($0 as? JSONFault)?.path == path }
        #expect { try JSONValue.parse(text) } throws: { ($0 as? JSONFault)?.code == .duplicateKey && ($0 as? JSONFault)?.path == path }
    }

    @Test func findsADuplicateAmongManyKeys() throws {
        let keys = (0..<5000).map { #""key\#($0)":\#($0)"# }
        #expect(throws: Never.self) { try scan(Array("{\(keys.joined(separator: ","))}".utf8)) }
        let nested = #"{"o":{\#(keys.joined(separator: ",")),"key4321":0},"p":1}"#
        #expect { try scan(Array(nested.utf8)) } throws: { ($0 as? JSONFault)?.code == .duplicateKey }
    }

    @Test func theSameKeyMayStandInDifferentObjects() throws {
        let objects = (0..<100).map { _ in #"{"role":"u","content":{"role":1}}"# }.joined(separator: ",")
        #expect(try scan(Array(#"{"messages":[\#(objects)],"role":1}"#.utf8)).members.count == 2)
    }

    @Test func boundsDepthAndKeys() throws {
        let deepest = #"{"a":"# + String(repeating: "[", count: 63) + String(repeating: "]", count: 63) + "}"
        _ = try scan(Array(deepest.utf8))
        _ = try JSONValue.parse(deepest)
        let deep = #"{"a":"# + String(repeating: "[", count: 64) + String(repeating: "]", count: 64) + "}"
        #expect { try scan(Array(deep.utf8)) } throws: { ($0 as? JSONFault)?.code == .tooDeep }
        #expect { try JSONValue.parse(deep) } throws: { ($0 as? JSONFault)?.code == .tooDeep }
        func many(_ count: Int) -> String { "{" + (0..<count).map { #""k\#($0)":0"# }.joined(separator: ",") + "}" }
        func named(_ count: Int) -> String { #"{"\#(String(repeating: "n", count: count))":1}"# }
        for text in [many(10_000), named(1024)] { _ = try scan(Array(text.utf8)) }
        _ = try JSONValue.parse(many(10_000))
        let tooMany = many(10_001)
        #expect { try scan(Array(tooMany.utf8)) } throws: { ($0 as? JSONFault)?.code == .tooManyKeys }
        #expect { try JSONValue.parse(tooMany) } throws: { ($0 as? JSONFault)?.code == .tooManyKeys }
        let name = named(1025)
        #expect { try scan(Array(name.utf8)) } throws: { ($0 as? JSONFault)?.code == .longName }
    }

    /// Names and values, plain and with escapes; bytes as they stand in the text count.
    @Test(arguments: [
        (#"{"a":"12345678"}"#, "a"), (#"{"a":["",{"b":"123456\n"}]}"#, "a[1].b"), (#"{"a":"ü\u00fc"}"#, "a"), (#"{"12345678":1}"#, ""),
        (#"{"\n345678":1}"#, ""), (#"{"a":"1234567\""}"#, "a"),
    ])
    func boundsStrings(_ text: String, _ path: String) throws {
        let bytes = Array(text.utf8)
        let longest = text.contains(#"7\""#) ? 9 : 8
        #expect(throws: Never.self) { try scan(bytes, limits: JSONLimits(stringBytes: longest)) }
        #expect(throws: Never.self) { try JSONValue.parse(bytes, limits: JSONLimits(stringBytes: longest)) }
        let limits = JSONLimits(stringBytes: longest - 1)
        #expect { try scan(bytes, limits: limits) } throws: {
            ($0 as? JSONFault)?.code == .longString && ($0 as? JSONFault)?.path == path
        }
        #expect { try JSONValue.parse(bytes, limits: limits) } throws: { ($0 as? JSONFault)?.code == .longString }
    }

    @Test func everyPrefixIsRefusedWithoutACrash() {
        let bytes = Array(Self.sample.utf8)
        for count in 0..<bytes.count {
            #expect(throws: JSONFault.self) { try scan(Array(bytes[..<count])) }
            #expect(throws: JSONFault.self) { try JSONValue.parse(Array(bytes[..<count])) }
        }
        #expect(throws: Never.self) { try scan(bytes) }
    }

    /// Two readers that were written apart must agree on what is JSON.
    @Test func bothReadersAgreeOnMutations() {
        var random = TestRandom(seed: 81)
        let alphabet = Array(#"{}[]",:\u0e1.-+ tfn"#.utf8) + [0x80, 0xC3, 0xED, 0x00, 0x0A]
        for _ in 0..<30_000 {
            var bytes = Array(Self.sample.utf8)
            for _ in 0..<Int.random(in: 1...3, using: &random) {
                let at = Int.random(in: 0..<bytes.count, using: &random)
                switch Int.random(in: 0..<3, using: &random) {
                case 0: bytes[at] = alphabet[Int.random(in: 0..<alphabet.count, using: &random)]
                case 1: bytes.remove(at: at)
                default: bytes.insert(alphabet[Int.random(in: 0..<alphabet.count, using: &random)], at: at)
                }
            }
            let isTree = (try? JSONValue.parse(bytes))?.object != nil
            let isScan = (try? scan(bytes)) != nil
            #expect(isTree == isScan, "\(String(decoding: bytes, as: UTF8.self))")
        }
    }

    @Test func recordsMembersByPlaceAndKind() throws {
        let bytes = Array(#" { "a" : "x" , "b":[1,2] ,"c":{"d":1},"e":null,"f":true,"g":-1.5 } "#.utf8)
        let members = try scan(bytes).members
        let texts = members.map { String(decoding: bytes[$0.value], as: UTF8.self) }
        #expect(texts == [#""x""#, "[1,2]", #"{"d":1}"#, "null", "true", "-1.5"])
        #expect(members.map(\.kind) == [.string, .array, .object, .null, .bool, .number])
    }

    @Test func theTreeHoldsWhatTheTextSays() throws {
        let value = try JSONValue.parse(Self.sample)
        #expect(value["messages"]?.array?.first?["content"]?.string == "hé 😀 ünï\n")
        #expect(value["messages"]?.array?.last?["a"]?.array?[1].double == -2500)
        #expect(value["n"]?.integer == 1)
    }
}
