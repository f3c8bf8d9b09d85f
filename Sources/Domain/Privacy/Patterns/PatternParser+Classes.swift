extension PatternParser {
    // MARK: Escapes

    /// After a backslash outside of brackets.
    mutating func escaped(_ start: Int) throws(PatternFault) -> PatternNode {
        guard let scalar = next else { throw PatternFault("a '\\' at the end", at: start) }
        switch scalar {
        case "b", "B", "A", "z":
            at += 1
            let assertion: [Unicode.Scalar: PatternAssertion] = ["b": .wordBoundary, "B": .noWordBoundary, "A": .textStart, "z": .textEnd]
            return .assertion(assertion[scalar] ?? .textEnd)
        case "1"..."9": throw PatternFault("back-references are not supported", at: start)
        default: break
        }
        if let set = classEscape() { return .scalars(set) }
        return .scalars(cased(ScalarSet(try scalarEscape(start))))
    }

    /// `\d`, `\w`, `\s` and their opposites.
    private mutating func classEscape() -> ScalarSet? {
        let set: ScalarSet? =
            switch next {
            case "d": .digits
            case "D": ScalarSet.digits.inverted
            case "w": .word
            case "W": ScalarSet.word.inverted
            case "s": .space
            case "S": ScalarSet.space.inverted
            default: nil
            }
        if set != nil { at += 1 }
        return set
    }

    /// A character that is written as an escape.
    private mutating func scalarEscape(_ start: Int) throws(PatternFault) -> Unicode.Scalar {
        guard let scalar = next else { throw PatternFault("a '\\' at the end", at: start) }
        at += 1
        switch scalar {
        case "n": return "\n"
        case "r": return "\r"
        case "t": return "\t"
        case "f": return "\u{0C}"
        case "v": return "\u{0B}"
        case "a": return "\u{07}"
        case "x": return try hexadecimal(start)
        case _ where scalar.isASCII && PatternContext(UInt8(scalar.value)) == .word:
            throw PatternFault("'\\\(scalar)' is no escape that is supported", at: start)
        default: return scalar
        }
    }

    /// `\xHH` or `\x{H…}`.
    private mutating func hexadecimal(_ start: Int) throws(PatternFault) -> Unicode.Scalar {
        let isBraced = take("{")
        var digits = ""
        while let digit = next, digit.properties.isASCIIHexDigit, digits.count < (isBraced ? 6 : 2) {
            digits.unicodeScalars.append(digit)
            at += 1
        }
        let isComplete = isBraced ? take("}") && !digits.isEmpty : digits.count == 2
        guard isComplete, let value = UInt32(digits, radix: 16), let scalar = Unicode.Scalar(value) else {
            throw PatternFault("no character has this number", at: start)
        }
        return scalar
    }

    // MARK: Brackets

    /// After `[`.
    mutating func bracketed(_ start: Int) throws(PatternFault) -> ScalarSet {
        let isInverted = take("^")
        var set = ScalarSet()
        var isFirst = true
        while let scalar = next, scalar != "]" || isFirst {
            isFirst = false
            if let named = try namedClass() ?? bracketClass() {
                set.insert(named)
                continue
            }
            try insertRange(into: &set)
        }
        guard take("]") else { throw PatternFault("this '[' is never closed", at: start) }
        set = cased(set)
        return isInverted ? set.inverted : set
    }

    private mutating func insertRange(into set: inout ScalarSet) throws(PatternFault) {
        let from = at
        let first = try bracketScalar()
        guard next == "-", at + 1 < text.count, text[at + 1] != "]" else { return set.insert(first.value...first.value) }
        at += 1
        let isClass = next == "\\" && at + 1 < text.count && "dDwWsS".unicodeScalars.contains(text[at + 1])
        guard !isClass else { throw PatternFault("a range ends in a character", at: at) }
        let last = try bracketScalar()
        guard first <= last else { throw PatternFault("this range goes backwards", at: from) }
        set.insert(first.value...last.value)
    }

    private mutating func bracketScalar() throws(PatternFault) -> Unicode.Scalar {
        let start = at
        guard let scalar = next else { throw PatternFault("this '[' is never closed", at: start) }
        at += 1
        guard scalar == "\\" else { return scalar }
        // Inside brackets this is the backspace of other dialects, which nobody means.
        guard next != "b" else { throw PatternFault("'\\b' has no meaning inside brackets", at: start) }
        return try scalarEscape(start)
    }

    private mutating func bracketClass() -> ScalarSet? {
        guard next == "\\" else { return nil }
        at += 1
        if let set = classEscape() { return set }
        at -= 1
        return nil
    }

    /// `[:alpha:]`
    private mutating func namedClass() throws(PatternFault) -> ScalarSet? {
        guard next == "[", at + 1 < text.count, text[at + 1] == ":" else { return nil }
        let start = at
        var name = ""
        at += 2
        while let scalar = next, scalar.isASCII, scalar.properties.isAlphabetic {
            name.unicodeScalars.append(scalar)
            at += 1
        }
        guard take(":"), take("]"), let set = Self.named[name] else { throw PatternFault("there is no class of this name", at: start) }
        return set
    }

    private static let named: [String: ScalarSet] = [
        "alnum": ScalarSet([0x30...0x39, 0x41...0x5A, 0x61...0x7A]),
        "alpha": ScalarSet([0x41...0x5A, 0x61...0x7A]),
        "digit": .digits,
        "lower": ScalarSet([0x61...0x7A]),
        "upper": ScalarSet([0x41...0x5A]),
        "punct": ScalarSet([0x21...0x2F, 0x3A...0x40, 0x5B...0x60, 0x7B...0x7E]),
        "space": ScalarSet([0x09...0x0D, 0x20...0x20]),
        "word": .word,
        "xdigit": ScalarSet([0x30...0x39, 0x41...0x46, 0x61...0x66]),
    ]
}
