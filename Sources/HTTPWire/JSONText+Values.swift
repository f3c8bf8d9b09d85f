extension JSONText {
    /// A longer number carries no meaning that a double could hold.
    private static let longestNumber = 128

    /// The offset after the number that starts at `from` (RFC 8259, section 6).
    func numberEnd(_ from: Int) throws(JSONStop) -> Int {
        var at = from
        if base[at] == UInt8(ascii: "-") { at += 1 }
        guard at < count else { throw JSONStop(code: .incomplete, offset: count) }
        if base[at] == UInt8(ascii: "0") {
            at += 1
        } else {
            at = try digitsEnd(at)
        }
        if at < count, base[at] == UInt8(ascii: ".") { at = try digitsEnd(at + 1) }
        if at < count, base[at] | 0x20 == UInt8(ascii: "e") {
            at += 1
            if at < count, base[at] == UInt8(ascii: "+") || base[at] == UInt8(ascii: "-") { at += 1 }
            at = try digitsEnd(at)
            // Without an exponent no number of this length is too great.
            guard at - from <= JSONText.longestNumber, isFinite(from..<at) else { throw JSONStop(code: .invalidNumber, offset: from) }
        }
        guard at - from <= JSONText.longestNumber else { throw JSONStop(code: .invalidNumber, offset: from) }
        if at < count, base[at] >= UInt8(ascii: "0"), base[at] <= UInt8(ascii: "9") { throw JSONStop(code: .invalidNumber, offset: from) }
        return at
    }

    /// Other readers take what is beyond a double for infinity, or refuse it.
    private func isFinite(_ number: Range<Int>) -> Bool {
        Double(String(decoding: UnsafeBufferPointer(start: base + number.lowerBound, count: number.count), as: UTF8.self))?.isFinite ?? false
    }

    /// At least one digit.
    private func digitsEnd(_ from: Int) throws(JSONStop) -> Int {
        var at = from
        while at < count, base[at] >= UInt8(ascii: "0"), base[at] <= UInt8(ascii: "9") { at += 1 }
        if at > from { return at }
        throw at < count ? JSONStop(code: .invalidNumber, offset: at) : JSONStop(code: .incomplete, offset: count)
    }

    /// The offset after `word`, which is expected at `from`.
    func literalEnd(_ from: Int, _ word: StaticString) throws(JSONStop) -> Int {
        let length = word.utf8CodeUnitCount
        for index in 0..<length {
            guard from + index < count else { throw JSONStop(code: .incomplete, offset: count) }
            guard base[from + index] == word.utf8Start[index] else { throw JSONStop(code: .syntax, offset: from + index) }
        }
        return from + length
    }

    /// The offset after a string, number or word that starts at `from`; arrays and objects are the caller's.
    func scalarEnd(_ from: Int) throws(JSONStop) -> Int {
        switch base[from] {
        case UInt8(ascii: "\""): return try stringEnd(from + 1).quote + 1
        case UInt8(ascii: "-"), 0x30...0x39: return try numberEnd(from)
        case UInt8(ascii: "t"): return try literalEnd(from, "true")
        case UInt8(ascii: "f"): return try literalEnd(from, "false")
        case UInt8(ascii: "n"): return try literalEnd(from, "null")
        default: throw JSONStop(code: .syntax, offset: from)
        }
    }

    /// The text of a string that was read before: `range` lies between its quotes.
    func decodedString(_ range: Range<Int>) -> [UInt8] {
        var text: [UInt8] = []
        text.reserveCapacity(range.count)
        var at = range.lowerBound
        while at < range.upperBound {
            guard base[at] == 0x5C, at + 1 < range.upperBound else {
                text.append(base[at])
                at += 1
                continue
            }
            at = appendEscape(at, to: &text)
        }
        return text
    }

    private func appendEscape(_ backslash: Int, to text: inout [UInt8]) -> Int {
        switch base[backslash + 1] {
        case UInt8(ascii: "b"): text.append(0x08)
        case UInt8(ascii: "f"): text.append(0x0C)
        case UInt8(ascii: "n"): text.append(0x0A)
        case UInt8(ascii: "r"): text.append(0x0D)
        case UInt8(ascii: "t"): text.append(0x09)
        case UInt8(ascii: "u"): return appendUnicodeEscape(backslash, to: &text)
        case let other: text.append(other)
        }
        return backslash + 2
    }

    private func appendUnicodeEscape(_ backslash: Int, to text: inout [UInt8]) -> Int {
        guard let unit = try? codeUnit(backslash + 2) else { return backslash + 2 }
        var scalar = unit
        var end = backslash + 6
        if unit & 0xFC00 == 0xD800, let low = try? codeUnit(backslash + 8) {
            scalar = 0x10000 + (unit & 0x3FF) << 10 + (low & 0x3FF)
            end = backslash + 12
        }
        text.append(contentsOf: Array(String(Unicode.Scalar(scalar) ?? "\u{FFFD}").utf8))
        return end
    }
}
