/// Reads an expression in a subset of RE2's syntax: no back-references and no look-around, which no automaton can match in linear time.
struct PatternParser {
    struct Flags {
        var ignoresCase = false
        var dotMatchesNewline = false
        var isMultiline = false
    }

    let text: [Unicode.Scalar]
    let limits: PatternLimits
    var at = 0
    var flags: Flags
    private var depth = 0
    private var captures = 0

    init(_ text: String, ignoresCase: Bool, limits: PatternLimits) {
        self.text = Array(text.unicodeScalars)
        self.limits = limits
        flags = Flags(ignoresCase: ignoresCase)
    }

    mutating func parse() throws(PatternFault) -> PatternNode {
        let node = try choice()
        guard at == text.count else { throw PatternFault("a ')' without its '('", at: at) }
        return node
    }

    var next: Unicode.Scalar? { at < text.count ? text[at] : nil }

    /// Passes over `scalar` if it comes next.
    mutating func take(_ scalar: Unicode.Scalar) -> Bool {
        guard next == scalar else { return false }
        at += 1
        return true
    }

    private mutating func choice() throws(PatternFault) -> PatternNode {
        var branches = [try sequence()]
        while take("|") { branches.append(try sequence()) }
        return branches.count == 1 ? branches[0] : .choice(branches)
    }

    private mutating func sequence() throws(PatternFault) -> PatternNode {
        var parts: [PatternNode] = []
        while let scalar = next, scalar != "|", scalar != ")" {
            parts.append(try repeated(try atom()))
        }
        return parts.count == 1 ? parts[0] : parts.isEmpty ? .empty : .sequence(parts)
    }

    private mutating func atom() throws(PatternFault) -> PatternNode {
        let start = at
        at += 1
        switch text[start] {
        case "(": return try group(start)
        case "[": return .scalars(try bracketed(start))
        case ".": return .scalars(flags.dotMatchesNewline ? .any : .anyButNewline)
        case "^": return .assertion(flags.isMultiline ? .lineStart : .textStart)
        case "$": return .assertion(flags.isMultiline ? .lineEnd : .textEnd)
        case "\\": return try escaped(start)
        case "*", "+", "?": throw PatternFault("nothing stands before '\(text[start])' that could be repeated", at: start)
        default: return .scalars(cased(ScalarSet(text[start])))
        }
    }

    func cased(_ set: ScalarSet) -> ScalarSet {
        flags.ignoresCase ? set.caseFolded : set
    }

    // MARK: Groups

    private mutating func group(_ start: Int) throws(PatternFault) -> PatternNode {
        depth += 1
        guard depth <= limits.depth else { throw PatternFault("groups are nested more than \(limits.depth) deep", at: start) }
        defer { depth -= 1 }
        let outer = flags
        var captures = true
        if take("?") {
            captures = try groupKind(start)
            // `(?i)` alone changes the flags up to the end of the group around it.
            if !captures, at > 0, text[at - 1] == ")" { return .empty }
        }
        if captures { self.captures += 1 }
        defer { if captures { self.captures -= 1 } }
        let inner = try choice()
        guard take(")") else { throw PatternFault("this '(' is never closed", at: start) }
        flags = outer
        return captures && self.captures == 1 ? .capture(inner) : inner
    }

    /// After `(?`. Returns whether the group captures.
    private mutating func groupKind(_ start: Int) throws(PatternFault) -> Bool {
        if take("P") {
            guard next == "<" else { throw PatternFault("only (?P<name>…) may begin with (?P", at: start) }
        }
        if take("<") {
            guard next != "=", next != "!" else { throw PatternFault("look-behind is not supported", at: start) }
            while let scalar = next, scalar != ">" {
                guard PatternContext(UInt8(truncatingIfNeeded: scalar.value)) == .word, scalar.isASCII else {
                    throw PatternFault("a group's name is made of letters, digits and '_'", at: at)
                }
                at += 1
            }
            guard take(">") else { throw PatternFault("this group's name is never closed", at: start) }
            return true
        }
        guard next != "=", next != "!" else { throw PatternFault("look-ahead is not supported", at: start) }
        try readFlags(start)
        return false
    }

    private mutating func readFlags(_ start: Int) throws(PatternFault) {
        var value = true
        while let scalar = next {
            at += 1
            switch scalar {
            case "i": flags.ignoresCase = value
            case "s": flags.dotMatchesNewline = value
            case "m": flags.isMultiline = value
            case "-" where value: value = false
            case ":", ")": return
            default: throw PatternFault("'\(scalar)' is no flag; i, m and s are", at: at - 1)
            }
        }
        throw PatternFault("this '(' is never closed", at: start)
    }

    // MARK: Repetition

    private mutating func repeated(_ node: PatternNode) throws(PatternFault) -> PatternNode {
        guard let (least, most) = try bounds() else { return node }
        let isLazy = take("?")
        if let scalar = next, "*+?".unicodeScalars.contains(scalar) { throw PatternFault("repetition of a repetition", at: at) }
        return .repetition(node, least: least, most: most, isLazy: isLazy)
    }

    private mutating func bounds() throws(PatternFault) -> (least: Int, most: Int?)? {
        switch next {
        case "*":
            at += 1
            return (0, nil)
        case "+":
            at += 1
            return (1, nil)
        case "?":
            at += 1
            return (0, 1)
        case "{": return try counted()
        default: return nil
        }
    }

    /// `{n}`, `{n,}` or `{n,m}`; anything else is a brace that stands for itself.
    private mutating func counted() throws(PatternFault) -> (least: Int, most: Int?)? {
        let start = at
        at += 1
        guard let least = number() else {
            at = start
            return nil
        }
        var most: Int? = least
        if take(",") { most = next == "}" ? nil : number() ?? -1 }
        guard take("}"), most != -1 else {
            at = start
            return nil
        }
        guard max(least, most ?? 0) <= limits.repetitions else {
            throw PatternFault("more than \(limits.repetitions) repetitions", at: start)
        }
        if let most, most < least { throw PatternFault("the greater number comes second", at: start) }
        return (least, most)
    }

    private mutating func number() -> Int? {
        var value: Int?
        while let digit = next, (0x30...0x39).contains(digit.value) {
            value = min((value ?? 0) * 10 + Int(digit.value - 0x30), 1_000_000)
            at += 1
        }
        return value
    }
}
