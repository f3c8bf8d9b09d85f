/// Finds secrets by rules. One pass looks for the rules' keywords; only a rule whose keyword is there is compiled, once, and run around it.
struct SecretScanner {
    /// Bytes in front of a keyword and behind it in which its rule is run.
    private static let before = 200
    private static let behind = 4096
    /// A private key of RSA with 16,384 bits has 13,000.
    private static let behindKey = 16 << 10
    private static let keywords: (automaton: LiteralAutomaton, lengths: [Int], rules: [Int], behind: [Int]) = {
        let pairs = SecretRule.all.enumerated().flatMap { index, rule in rule.keywords.map { (word: Array($0.utf8), rule: index) } }
        let automaton = LiteralAutomaton(pairs.enumerated().map { ($0.offset, $0.element.word) }, ignoresCase: true)
        let begin = Array("-----begin".utf8)
        return (automaton, pairs.map(\.word.count), pairs.map(\.rule), pairs.map { $0.word == begin ? behindKey : behind })
    }()
    /// Names that hold a keyword and no secret, after gitleaks's list of what its generic rule leaves alone.
    private static let harmless = #"""
        (?i)access(?:ibility|or)|access[_.-]?id|random[_.-]?access|api[_.-]?(?:id|name|version)|rapid|capital|author(?:[^i]|$)|credentials?[_.-]?id\#
        |(?:bucket|foreign|hot|idx|natural|primary|pub(?:lic)?|schema|sequence|cache|idempotency)[_.-]?key|turkey|monkey|keying\#
        |key[_.-]?(?:alias|board|code|frame|id|length|mesh|name|pair|press(?:ed)?|ring|selector|signature|size|stone|word|up|down|left|right)\#
        |secret[_.-]?(?:length|name|size)|csrf[_.-]?token|(?:api|credentials|token)[_.-]?(?:endpoint|ur[il])|public[_.-]?token\#
        |(?:key|token)[_.-]?file|tokens?[_.-]?(?:per|count|limit|in|out)
        """#

    private enum Finder {
        case unmade
        case made(PatternFinder)
    }

    private var finders: [Finder]
    private var harmless: PatternFinder?
    private var windows: [Int: [Range<Int>]] = [:]

    init() {
        finders = Array(repeating: .unmade, count: SecretRule.all.count)
        harmless = Self.finder(Self.harmless)
    }

    mutating func scan(_ bytes: UnsafeRawBufferPointer, into findings: inout [SensitiveFinding]) {
        collectWindows(bytes)
        guard !windows.isEmpty else { return }
        for (rule, ranges) in windows.sorted(by: { $0.key < $1.key }) {
            var windows: [Range<Int>] = []
            for range in ranges where range.upperBound > windows.last?.upperBound ?? -1 { windows.cover(Self.widened(range, bytes)) }
            for window in windows { run(rule, bytes, window, &findings) }
        }
        windows.removeAll(keepingCapacity: true)
    }

    /// Windows of one rule that touch are one, so that no byte is looked at twice by a rule.
    private mutating func collectWindows(_ bytes: UnsafeRawBufferPointer) {
        let keywords = Self.keywords
        var found: [Int: [Range<Int>]] = [:]
        keywords.automaton.scan(bytes) { number, end in
            let rule = keywords.rules[number]
            let window = max(0, end - keywords.lengths[number] - Self.before)..<min(bytes.count, end + keywords.behind[number])
            found[rule, default: []].cover(window)
            return true
        }
        windows = found
    }

    /// Up to the end of the word in which it ends.
    private static func widened(_ range: Range<Int>, _ bytes: UnsafeRawBufferPointer) -> Range<Int> {
        var end = range.upperBound
        while end < bytes.count, bytes[end] > 0x20 { end += 1 }
        return range.lowerBound..<end
    }

    private mutating func run(_ index: Int, _ bytes: UnsafeRawBufferPointer, _ window: Range<Int>, _ findings: inout [SensitiveFinding]) {
        let rule = SecretRule.all[index]
        if case .unmade = finders[index] { finders[index] = Self.finder(rule.expression).map { .made($0) } ?? .unmade }
        guard case .made(var finder) = finders[index] else { return }
        // Taken out, so that it is changed where it lies.
        finders[index] = .unmade
        defer { finders[index] = .made(finder) }
        let text = UnsafeRawBufferPointer(rebasing: bytes[window])
        var at = 0
        while at < text.count, let match = finder.first(text, from: at) {
            at = max(match.whole.upperBound, at + 1)
            let secret = match.captured ?? match.whole
            guard isLikely(rule, text, match, secret) else {
                // What was taken for a name may have held the true one.
                at = max(match.whole.lowerBound + 1, (match.captured ?? match.whole).lowerBound)
                continue
            }
            findings.append(
                SensitiveFinding(kind: .secret(rule.name), range: window.lowerBound + secret.lowerBound..<window.lowerBound + secret.upperBound))
        }
    }

    private mutating func isLikely(_ rule: SecretRule, _ text: UnsafeRawBufferPointer, _ match: PatternMatch, _ secret: Range<Int>) -> Bool {
        let value = UnsafeRawBufferPointer(rebasing: text[secret])
        guard rule.entropy == 0 || Self.entropy(value) >= rule.entropy else { return false }
        guard rule.name == "generic-secret" else { return true }
        guard value.contains(where: { (0x30...0x39).contains($0) }) else { return false }
        let name = UnsafeRawBufferPointer(rebasing: text[match.whole.lowerBound..<secret.lowerBound])
        return harmless?.first(name) == nil
    }

    /// Shannon's, in bits a byte.
    static func entropy(_ bytes: UnsafeRawBufferPointer) -> Double {
        guard !bytes.isEmpty else { return 0 }
        var counts = [Int](repeating: 0, count: 256)
        for byte in bytes { counts[Int(byte)] += 1 }
        let total = Double(bytes.count)
        return counts.reduce(0) { sum, count in
            guard count > 0 else { return sum }
            let share = Double(count) / total
            return sum - share * Logarithm.base2(share)
        }
    }

    private static func finder(_ expression: String) -> PatternFinder? {
        var limits = PatternLimits()
        // There are hundreds of rules; few are ever used, and on short texts.
        limits.cacheBytes = 32 << 10
        do throws(PatternFault) {
            return try PatternFinder(expression, limits: limits)
        } catch {
            // A test compiles every rule.
            return nil
        }
    }
}

extension [Range<Int>] {
    /// Adds a range that does not begin before the last one.
    fileprivate mutating func cover(_ range: Range<Int>) {
        if let last, last.upperBound >= range.lowerBound {
            self[count - 1] = last.lowerBound..<Swift.max(last.upperBound, range.upperBound)
        } else {
            append(range)
        }
    }
}
