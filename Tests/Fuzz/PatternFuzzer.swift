import Domain
import Synchronization

/// Patterns are refused or matched in linear time, alone as together, and found where they are said to be; the redactor stands any text. The
/// bytes are lines: an expression, a literal, and the text.
enum PatternFuzzer: Fuzzer {
    static let name = "patterns"

    private static let limits = {
        var limits = PatternLimits()
        (limits.instructions, limits.cacheBytes) = (2000, 64 << 10)
        return limits
    }()

    /// Its rules are compiled once.
    private static let scanner = Mutex(SensitiveScanner())

    static func check(_ bytes: [UInt8]) throws {
        let text = String(decoding: bytes, as: UTF8.self)
        let parts = text.split(separator: "\n", maxSplits: 2, omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 3 else { return }
        try literal(parts[1], in: parts[2])
        try expression(parts[0], with: parts[1], in: parts[2])
        try redaction(parts[2])
    }

    private static func literal(_ word: String, in text: String) throws {
        guard !word.isEmpty else { return }
        var exact = PatternScanner(try PatternSet([Pattern(.literal, word, ignoresCase: false)]))
        try hold(exact.matches(text).isEmpty != contains(Array(text.utf8), Array(word.utf8)), "a literal is seen wrongly")
        var folded = PatternScanner(try PatternSet([Pattern(.literal, word)]))
        guard text.utf8.allSatisfy({ $0 < 0x80 }), word.utf8.allSatisfy({ $0 < 0x80 }) else { return }
        let expected = contains(Array(text.lowercased().utf8), Array(word.lowercased().utf8))
        try hold(folded.matches(text).isEmpty != expected, "a literal in other letters is seen wrongly")
    }

    private static func contains(_ text: [UInt8], _ word: [UInt8]) -> Bool {
        guard text.count >= word.count else { return false }
        return (0...text.count - word.count).contains { text[$0..<$0 + word.count].elementsEqual(word) }
    }

    private static func expression(_ expression: String, with word: String, in text: String) throws {
        let pattern = Pattern(.expression, expression, ignoresCase: false)
        guard let set = try? PatternSet([pattern], limits: limits) else { return }
        var alone = PatternScanner(set)
        let isThere = !alone.matches(text).isEmpty
        try hold(alone.steps <= 64 * 2000 * (text.utf8.count + 2), "\(alone.steps) steps for \(text.utf8.count) bytes")
        try hold(alone.matches(text).isEmpty != isThere, "another result the second time")
        if !word.isEmpty, let both = try? PatternSet([Pattern(.literal, word, ignoresCase: false), pattern], limits: limits) {
            var together = PatternScanner(both)
            try hold(together.matches(text).contains(1) == isThere, "another result beside another pattern")
        }
        var finder = try PatternFinder(expression, limits: limits)
        let match = finder.first(in: text)
        try hold((match != nil) == isThere, "found, and not seen, or the other way")
        guard let match else { return }
        try hold(match.whole.lowerBound >= 0 && match.whole.upperBound <= text.utf8.count, "a match beyond the text")
        if let captured = match.captured {
            try hold(captured.lowerBound >= match.whole.lowerBound && captured.upperBound <= match.whole.upperBound, "a group beyond its match")
        }
    }

    private static func redaction(_ text: String) throws {
        var last = 0
        for finding in scanner.withLock({ $0.findings(in: text) }) {
            try hold(finding.range.lowerBound >= last && finding.range.upperBound <= text.utf8.count, "findings that overlap")
            last = finding.range.upperBound
        }
        let redacted = Redactor.standard.redact(text)
        try hold((last == 0) == (redacted == text), "redacted without a finding, or the other way")
    }
}
