import CPlatform

/// Where and why reading stopped; the caller knows the path to it.
struct JSONStop: Error {
    var code: JSONFault.Code
    var offset: Int
}

/// The closing quote of a string, and whether an escape stands before it.
struct JSONStringEnd {
    var quote: Int
    var hasEscapes: Bool
}

/// Reads the tokens of a JSON text in memory. Offsets handed in must lie within `0...count`; nothing beyond `count` is read.
struct JSONText {
    let base: UnsafePointer<UInt8>
    let count: Int
    /// Bytes between the quotes of a string.
    let longestString: Int

    @inline(__always)
    func skipSpace(_ from: Int) -> Int {
        var at = from
        while at < count {
            switch base[at] {
            case 0x20, 0x0A, 0x0D, 0x09: at &+= 1
            default: return at
            }
        }
        return at
    }

    /// First offset at or after `from` with a quote, a backslash, a control byte or a byte above 0x7F; `count` if there is none.
    ///
    /// Eight bytes at a time: a byte below n gives a borrow into its high bit, and the lowest such bit is always a true hit.
    @inline(__always)
    func plainEnd(_ from: Int) -> Int {
        var at = from
        let raw = UnsafeRawPointer(base)
        let near = min(count, from &+ 32)
        while at &+ 8 <= near {
            let hit = JSONText.special(UInt64(littleEndian: raw.loadUnaligned(fromByteOffset: at, as: UInt64.self)))
            if hit != 0 { return at &+ hit.trailingZeroBitCount / 8 }
            at &+= 8
        }
        return farPlainEnd(at)
    }

    private func farPlainEnd(_ from: Int) -> Int {
        var at = from &+ cplatform_plain_bytes(base + from, count &- from)
        let raw = UnsafeRawPointer(base)
        while at &+ 8 <= count {
            let hit = JSONText.special(UInt64(littleEndian: raw.loadUnaligned(fromByteOffset: at, as: UInt64.self)))
            if hit != 0 { return at &+ hit.trailingZeroBitCount / 8 }
            at &+= 8
        }
        while at < count {
            let byte = base[at]
            if byte == 0x22 || byte == 0x5C || byte < 0x20 || byte >= 0x80 { return at }
            at &+= 1
        }
        return at
    }

    @inline(__always)
    private static func special(_ word: UInt64) -> UInt64 {
        let quote = word ^ 0x2222_2222_2222_2222
        let slash = word ^ 0x5C5C_5C5C_5C5C_5C5C
        var hit = (quote &- 0x0101_0101_0101_0101) & ~quote
        hit |= (slash &- 0x0101_0101_0101_0101) & ~slash
        hit |= ((word &- 0x2020_2020_2020_2020) & ~word) | word
        return hit & 0x8080_8080_8080_8080
    }

    /// `from` is the offset after the opening quote.
    @inline(__always)
    func stringEnd(_ from: Int) throws(JSONStop) -> JSONStringEnd {
        let at = plainEnd(from)
        if at < count, base[at] == 0x22, at &- from <= longestString { return JSONStringEnd(quote: at, hasEscapes: false) }
        return try longStringEnd(at, start: from)
    }

    private func longStringEnd(_ from: Int, start: Int) throws(JSONStop) -> JSONStringEnd {
        var at = from
        var hasEscapes = false
        while at < count {
            guard at - start <= longestString else { throw JSONStop(code: .longString, offset: start - 1) }
            let byte = base[at]
            if byte == 0x22 { return JSONStringEnd(quote: at, hasEscapes: hasEscapes) }
            if byte == 0x5C {
                hasEscapes = true
                at = try escapeEnd(at)
            } else if byte >= 0x80 {
                at = try multibyteEnd(at)
            } else if byte < 0x20 {
                throw JSONStop(code: .syntax, offset: at)
            }
            at = plainEnd(at)
        }
        throw JSONStop(code: .incomplete, offset: count)
    }

    private func escapeEnd(_ backslash: Int) throws(JSONStop) -> Int {
        guard backslash + 1 < count else { throw JSONStop(code: .incomplete, offset: count) }
        switch base[backslash + 1] {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"), UInt8(ascii: "b"), UInt8(ascii: "f"), UInt8(ascii: "n"),
            UInt8(ascii: "r"), UInt8(ascii: "t"):
            return backslash + 2
        case UInt8(ascii: "u"):
            let unit = try codeUnit(backslash + 2)
            if unit & 0xFC00 == 0xDC00 { throw JSONStop(code: .invalidUTF8, offset: backslash) }
            guard unit & 0xFC00 == 0xD800 else { return backslash + 6 }
            let second = backslash + 6
            guard second + 1 < count else { throw JSONStop(code: .incomplete, offset: count) }
            guard base[second] == 0x5C, base[second + 1] == UInt8(ascii: "u"), try codeUnit(second + 2) & 0xFC00 == 0xDC00 else {
                throw JSONStop(code: .invalidUTF8, offset: backslash)
            }
            return second + 6
        default:
            throw JSONStop(code: .syntax, offset: backslash)
        }
    }

    /// The four hexadecimal digits at `from`.
    func codeUnit(_ from: Int) throws(JSONStop) -> UInt32 {
        var unit: UInt32 = 0
        for at in from..<from + 4 {
            guard at < count else { throw JSONStop(code: .incomplete, offset: count) }
            guard let digit = hexValue(base[at]) else { throw JSONStop(code: .syntax, offset: at) }
            unit = unit << 4 | UInt32(digit)
        }
        return unit
    }

    /// Passes over a run of sequences above ASCII (Unicode 15, table 3-7).
    private func multibyteEnd(_ from: Int) throws(JSONStop) -> Int {
        var at = from
        while at < count, base[at] >= 0x80 {
            let length = sequenceLength(at)
            guard length > 0 else { throw JSONStop(code: .invalidUTF8, offset: at) }
            at += length
        }
        return at
    }

    /// 0 when the bytes at `at` are no well-formed sequence of two to four bytes.
    private func sequenceLength(_ at: Int) -> Int {
        let lead = base[at]
        let left = count - at
        switch lead {
        case 0xC2...0xDF:
            return left >= 2 && base[at + 1] & 0xC0 == 0x80 ? 2 : 0
        case 0xE0...0xEF:
            guard left >= 3, base[at + 1] & 0xC0 == 0x80, base[at + 2] & 0xC0 == 0x80 else { return 0 }
            if lead == 0xE0, base[at + 1] < 0xA0 { return 0 }
            if lead == 0xED, base[at + 1] > 0x9F { return 0 }
            return 3
        case 0xF0...0xF4:
            guard left >= 4, base[at + 1] & 0xC0 == 0x80, base[at + 2] & 0xC0 == 0x80, base[at + 3] & 0xC0 == 0x80 else { return 0 }
            if lead == 0xF0, base[at + 1] < 0x90 { return 0 }
            if lead == 0xF4, base[at + 1] > 0x8F { return 0 }
            return 4
        default:
            return 0
        }
    }
}

/// Nil for anything but a hexadecimal digit.
@inline(__always)
func hexValue(_ byte: UInt8) -> UInt8? {
    switch byte {
    case 0x30...0x39: byte &- 0x30
    case 0x41...0x46: byte &- 0x37
    case 0x61...0x66: byte &- 0x57
    default: nil
    }
}
