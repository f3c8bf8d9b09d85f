/// The forms of RFC 5321 that are in use, and letters beyond ASCII where words stand apart (RFC 6531): in scripts without spaces nobody can tell where an
/// address begins.
extension PersonalDataScanner {
    static func email(_ bytes: UnsafeRawBufferPointer, _ sign: Int) -> Range<Int>? {
        var start = sign
        while start > 0, sign - start < 64 {
            let length = "._%+-".utf8.contains(bytes[start - 1]) ? 1 : letterBefore(bytes, start)
            guard length > 0 else { break }
            start -= length
        }
        guard start < sign, let end = domain(bytes, sign + 1) else { return nil }
        return start..<end
    }

    /// The end of a name whose last label may be a top-level domain; of a text that goes on without a space, of the longest such name.
    private static func domain(_ bytes: UnsafeRawBufferPointer, _ start: Int) -> Int? {
        var (at, end): (Int, Int?) = (start, nil)
        while at - start < 254 {
            let label = at
            while case let length = letter(bytes, at), length > 0 || at < bytes.count && bytes[at] == UInt8(ascii: "-") { at += max(1, length) }
            guard at > label, bytes[label] != UInt8(ascii: "-") else { break }
            if label > start, let last = topLevel(bytes, label, at) { end = last }
            guard at < bytes.count, bytes[at] == UInt8(ascii: ".") else { break }
            at += 1
        }
        return end
    }

    /// The end of two letters and more, or of a name in Punycode.
    private static func topLevel(_ bytes: UnsafeRawBufferPointer, _ start: Int, _ end: Int) -> Int? {
        if bytes[start..<min(start + 4, end)].elementsEqual("xn--".utf8), end - start > 4 {
            return bytes[start..<end].lastIndex { $0 != UInt8(ascii: "-") }.map { $0 + 1 }
        }
        let letters = bytes[start..<end].prefix { !isDigit($0) && $0 != UInt8(ascii: "-") }
        // What a dash follows has ended; with a digit it would be another name.
        guard letters.count >= 2, letters.endIndex == end || bytes[letters.endIndex] == UInt8(ascii: "-") else { return nil }
        return letters.endIndex
    }

    /// Bytes of the letter or digit there; 0: it is none.
    private static func letter(_ bytes: UnsafeRawBufferPointer, _ at: Int) -> Int {
        guard at < bytes.count else { return 0 }
        if bytes[at] < 0x80 { return isAlphanumeric(bytes[at]) ? 1 : 0 }
        if at + 1 < bytes.count, isLetterOfTwo(bytes[at], bytes[at + 1]) { return 2 }
        return at + 2 < bytes.count && isLetterOfThree(bytes[at], bytes[at + 1]) ? 3 : 0
    }

    private static func letterBefore(_ bytes: UnsafeRawBufferPointer, _ end: Int) -> Int {
        if bytes[end - 1] < 0x80 { return isAlphanumeric(bytes[end - 1]) ? 1 : 0 }
        if end > 1, isLetterOfTwo(bytes[end - 2], bytes[end - 1]) { return 2 }
        return end > 2 && isLetterOfThree(bytes[end - 3], bytes[end - 2]) ? 3 : 0
    }

    /// Latin, Greek, Cyrillic, Armenian, Hebrew and Arabic in UTF-8, without their signs.
    private static func isLetterOfTwo(_ first: UInt8, _ second: UInt8) -> Bool {
        guard (0x80...0xBF).contains(second), (0xC3...0xDB).contains(first) else { return false }
        let scalar = UInt32(first & 0x1F) << 6 | UInt32(second & 0x3F)
        switch scalar {
        case 0xD7, 0xF7, 0x37E, 0x387, 0x482...0x489: return false
        case 0xC0...0x24F, 0x370...0x556, 0x561...0x587, 0x5D0...0x5EA, 0x620...0x64A, 0x671...0x6D3: return true
        default: return false
        }
    }

    /// U+1E00 to U+1FFF: more of Latin and Greek.
    private static func isLetterOfThree(_ first: UInt8, _ second: UInt8) -> Bool {
        first == 0xE1 && (0xB8...0xBF).contains(second)
    }
}
