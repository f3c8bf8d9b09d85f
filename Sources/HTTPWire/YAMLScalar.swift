/// What plain scalars of YAML mean.
enum YAMLScalar {
    private static let nulls: Set = ["", "~", "null", "Null", "NULL"]
    private static let truths: Set = ["true", "True", "TRUE"]
    private static let falsehoods: Set = ["false", "False", "FALSE"]
    /// Booleans of YAML 1.1 and texts of 1.2.
    private static let ambiguous: Set = ["y", "n", "yes", "no", "on", "off"]

    static func value(_ text: String, _ scanner: YAMLScanner) throws(YAMLFault) -> JSONValue {
        if nulls.contains(text) { return .null }
        if truths.contains(text) { return .bool(true) }
        if falsehoods.contains(text) { return .bool(false) }
        if ambiguous.contains(text.lowercased()) { throw scanner.fault("'\(text)' is a boolean to some readers and a text to others: quote it") }
        let bytes = Array(text.utf8)
        guard isNumberLike(bytes) else { return .string(text) }
        // One number to YAML 1.1 and 1.2 alike, or else none.
        if isInteger(bytes), let value = Int64(text) { return .integer(value) }
        if isFloat(bytes), let value = Double(text), value.isFinite { return .number(value) }
        if isAmbiguousNumber(bytes) { throw scanner.fault("'\(text)' is a number to some readers: quote it, or write it plainly") }
        return .string(text)
    }

    /// Whether a text may stand without quotes and is read as the same text by every reader.
    static func isPlain(_ text: String) -> Bool {
        let bytes = Array(text.utf8)
        guard let first = bytes.first, isLetter(first), bytes.count <= 80 else { return false }
        let isSimple = bytes.allSatisfy { isLetter($0) || isDigit($0) || "_-./ ".utf8.contains($0) } && bytes.last != UInt8(ascii: " ")
        let lower = text.lowercased()
        return isSimple && !ambiguous.contains(lower) && !["null", "true", "false"].contains(lower)
    }

    private static func isNumberLike(_ bytes: [UInt8]) -> Bool {
        guard let first = bytes.first else { return false }
        return isDigit(first) || "+-.".utf8.contains(first)
    }

    private static func isInteger(_ bytes: [UInt8]) -> Bool {
        let digits = bytes.first == UInt8(ascii: "-") ? bytes.dropFirst() : bytes[...]
        return !digits.isEmpty && digits.allSatisfy(isDigit) && (digits.count == 1 || digits.first != UInt8(ascii: "0"))
    }

    /// Digits, a point and digits, perhaps an exponent with its sign.
    private static func isFloat(_ bytes: [UInt8]) -> Bool {
        let digits = bytes.first == UInt8(ascii: "-") ? bytes.dropFirst() : bytes[...]
        guard let point = digits.firstIndex(of: UInt8(ascii: ".")), isInteger(Array(digits[..<point])) else { return false }
        let rest = digits[digits.index(after: point)...]
        let mantissa = rest.prefix(while: isDigit)
        guard !mantissa.isEmpty else { return false }
        let exponent = rest.dropFirst(mantissa.count)
        if exponent.isEmpty { return true }
        guard exponent.first == UInt8(ascii: "e") || exponent.first == UInt8(ascii: "E"), let sign = exponent.dropFirst().first,
            sign == UInt8(ascii: "+") || sign == UInt8(ascii: "-")
        else { return false }
        return exponent.count > 2 && exponent.dropFirst(2).allSatisfy(isDigit)
    }

    /// Signs, leading zeros, other bases, underscores, infinities, times of the day as numbers to the base of 60.
    private static func isAmbiguousNumber(_ bytes: [UInt8]) -> Bool {
        let body = bytes.first == UInt8(ascii: "-") || bytes.first == UInt8(ascii: "+") ? bytes.dropFirst() : bytes[...]
        let lower = String(decoding: body, as: UTF8.self).lowercased()
        if [".inf", ".nan"].contains(lower) || lower.hasPrefix("0x") || lower.hasPrefix("0o") || lower.hasPrefix("0b") { return true }
        let isOfNumbers = !body.isEmpty && body.allSatisfy { isDigit($0) || "_.:eE+-".utf8.contains($0) }
        // Dates have dashes between digits: they are texts here.
        let dashes = body.enumerated().filter { $0.element == UInt8(ascii: "-") && $0.offset > 0 && isDigit(body[body.startIndex + $0.offset - 1]) }
            .count
        let isVersion = body.count { $0 == UInt8(ascii: ".") } > 1 && !body.contains(UInt8(ascii: ":"))
        return isOfNumbers && body.contains(where: isDigit) && dashes == 0 && !isVersion
    }

    private static func isDigit(_ byte: UInt8) -> Bool { (48...57).contains(byte) }

    private static func isLetter(_ byte: UInt8) -> Bool { (65...90).contains(byte) || (97...122).contains(byte) }
}
