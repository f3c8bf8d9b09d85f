import FoundationEssentials
import Testing

@testable import Domain

@Suite struct PatternTests {
    struct Case: Decodable {
        var pattern: String
        var text: String
        var span: [Int]?
    }

    private static func cases() throws -> [Case] {
        let file = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().appending(path: "Vectors/patterns.json")
        return try JSONDecoder().decode([Case].self, from: Data(contentsOf: file))
    }

    @Test func randomExpressionsMatchWherePythonFindsThem() throws {
        let cases = try Self.cases()
        #expect(cases.count >= 1500)
        for random in cases {
            var finder = try PatternFinder(random.pattern)
            let found = finder.first(in: random.text)?.whole
            let expected = random.span.map { $0[0]..<$0[1] }
            #expect(found == expected, "\(random.pattern) in \(random.text.debugDescription)")
        }
    }

    /// All at once: the set must find each exactly where it matches alone, with a table that is far too small, too.
    @Test(arguments: [1 << 20, 2000, 0]) func aSetFindsWhatEachOfItsPatternsFinds(cacheBytes: Int) throws {
        var random = SeededRandom(seed: 1)
        let cases = try Self.cases().shuffled(using: &random).prefix(60)
        var limits = PatternLimits()
        limits.cacheBytes = cacheBytes
        let set = try PatternSet(cases.map { Pattern(.expression, $0.pattern, ignoresCase: false) }, limits: limits)
        var scanner = PatternScanner(set)
        for text in cases.map(\.text) {
            let alone = try cases.enumerated().filter { _, one in
                var finder = try PatternFinder(one.pattern)
                return finder.first(in: text) != nil
            }
            #expect(scanner.matches(text) == Set(alone.map(\.offset)), "\(text.debugDescription)")
        }
    }

    @Test(arguments: [
        ("(a", 0, "never closed"), ("a)", 1, "without its '('"), ("*a", 0, "nothing stands before"), ("[a", 0, "never closed"),
        ("a{5,2}", 1, "greater number"), ("a{2000}", 1, "1000 repetitions"), (#"(a)\1"#, 3, "back-references"), ("(?=a)", 0, "look-ahead"),
        ("(?<!a)b", 0, "look-behind"), (#"\q"#, 0, "no escape"), ("[z-a]", 1, "backwards"), ("a**", 2, "repetition of a repetition"),
        ("(?x)a", 2, "no flag"), (#"\x{110000}"#, 0, "no character"), ("[[:what:]]", 1, "no class"), ("\\", 0, "at the end"),
    ])
    func aFaultSaysWhatIsWrongAndWhere(pattern: String, offset: Int, message: String) {
        let fault = #expect(throws: PatternFault.self) { try Pattern(.expression, pattern).validate() }
        #expect(fault?.offset == offset && fault?.message.contains(message) == true, "\(String(describing: fault))")
    }

    @Test func whatWouldTakeTheMemoryIsRefused() {
        let fault = #expect(throws: PatternFault.self) { try Pattern(.expression, "((a{100}){100}){100}").validate() }
        #expect(fault?.message.contains("too large") == true)
        #expect(throws: PatternFault.self) { try Pattern(.expression, String(repeating: "(", count: 51)).validate() }
    }

    /// Steps, not seconds: what makes back-tracking matchers take for ever takes the same few steps for each byte.
    @Test(arguments: ["(a+)+$", "(a|a)*$", "(a*)*b", "(.*)(.*)(.*)(.*)[bB]$", "(?:a?){50}a{50}$", #"^(([a-z])+.)+[A-Z]([a-z])+$"#])
    func evilPatternsTakeTimeThatGrowsWithTheTextAlone(pattern: String) throws {
        for cacheBytes in [0, 1 << 20] {
            var limits = PatternLimits()
            limits.cacheBytes = cacheBytes
            let set = try PatternSet([Pattern(.expression, pattern, ignoresCase: false)], limits: limits)
            func steps(_ count: Int) -> Int {
                var scanner = PatternScanner(set)
                _ = scanner.matches(String(repeating: "a", count: count) + "!")
                return scanner.steps
            }
            let (short, long) = (steps(2000), steps(8000))
            #expect(long * 10 <= short * 41, "\(short) steps, then \(long)")
        }
    }

    @Test func aTableThatIsFullIsLeftForTheSlowWay() throws {
        var limits = PatternLimits()
        limits.cacheBytes = 20_000
        let set = try PatternSet([Pattern(.expression, "[ab]*a[ab]{12}c", ignoresCase: false)], limits: limits)
        var scanner = PatternScanner(set)
        var text = ""
        var random = SeededRandom(seed: 2)
        for _ in 0..<20_000 { text += Bool.random(using: &random) ? "a" : "b" }
        #expect(scanner.matches(text).isEmpty)
        #expect(scanner.matches(text + "abbbbbbbbbbbbc") == [0])
    }
}

@Suite struct LiteralTests {
    @Test func manyLiteralsAreFoundAsEachAlone() {
        var random = SeededRandom(seed: 3)
        func word(_ most: Int) -> String {
            String((0..<Int.random(in: 1...most, using: &random)).map { _ in "abcé".randomElement(using: &random) ?? "a" })
        }
        for _ in 0..<50 {
            let words = (0..<40).map { _ in word(5) }
            let text = word(200)
            let literals = LiteralAutomaton(words.enumerated().map { ($0.offset, Array($0.element.utf8)) }, ignoresCase: false)
            var found: Set<Int> = []
            var copy = text
            copy.withUTF8 { bytes in
                literals.scan(UnsafeRawBufferPointer(bytes)) { number, end in
                    #expect(String(decoding: bytes[..<end], as: UTF8.self).hasSuffix(words[number]))
                    found.insert(number)
                    return true
                }
            }
            #expect(found == Set(words.indices.filter { Array(text.utf8).firstRange(of: Array(words[$0].utf8)) != nil }))
        }
    }

    @Test(arguments: [
        ("straße", "die STRAßE", true), ("ΣΊΣΥΦΟΣ", "σίσυφοσ", true), ("ärger", "ÄRGER", true), ("ärger", "arger", false), ("İ", "i̇", false),
    ])
    func caseIsFoldedBeyondASCII(literal: String, text: String, isFound: Bool) throws {
        var scanner = PatternScanner(try PatternSet([Pattern(.literal, literal)]))
        #expect(scanner.matches(text).isEmpty != isFound)
        var other = PatternScanner(try PatternSet([Pattern(.expression, literal)]))
        #expect(other.matches(text).isEmpty != isFound)
    }

    @Test func bytesThatAreNoTextAreGoneOver() throws {
        var scanner = PatternScanner(try PatternSet([Pattern(.literal, "key"), Pattern(.expression, "k.y")]))
        var found: Set<Int> = []
        let bytes: [UInt8] = [0xFF, 0xC3, 0x6B, 0x65, 0x79, 0xF0, 0x9F]
        bytes.withUnsafeBytes { scanner.scan($0, into: &found) }
        #expect(found == [0, 1])
    }
}
