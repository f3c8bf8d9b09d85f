/// One field line, names and values by their place in the head.
struct FieldLine {
    var name: Range<Int>
    /// Without white space around it.
    var value: Range<Int>
}

/// Walks over the lines of a head that is known to be whole.
struct HeadLines {
    let bytes: UnsafeRawBufferPointer
    private(set) var at: Int

    init(_ bytes: UnsafeRawBufferPointer, from start: Int) {
        self.bytes = bytes
        at = start
    }

    /// Nil at the empty line.
    @inline(__always)
    mutating func next() throws(HTTPFault) -> FieldLine? {
        guard at < bytes.count else { throw .malformedField }
        if bytes[at] == 0x0D {
            guard at + 2 == bytes.count else { throw .malformedField }
            return nil
        }
        let nameStart = at
        while at < bytes.count, HeadBytes.isToken(bytes[at]) { at &+= 1 }
        let name = nameStart..<at
        guard !name.isEmpty, at < bytes.count, bytes[at] == UInt8(ascii: ":") else { throw .malformedField }
        at &+= 1
        while at < bytes.count, bytes[at] == 0x20 || bytes[at] == 0x09 { at &+= 1 }
        let valueStart = at
        at = HeadBytes.fieldEnd(bytes, from: at)
        guard at + 1 < bytes.count, bytes[at] == 0x0D, bytes[at + 1] == 0x0A else { throw .malformedField }
        var valueEnd = at
        while valueEnd > valueStart, bytes[valueEnd - 1] == 0x20 || bytes[valueEnd - 1] == 0x09 { valueEnd &-= 1 }
        at &+= 2
        return FieldLine(name: name, value: valueStart..<valueEnd)
    }
}

/// Questions about bytes of a head.
package enum HeadBytes {
    /// RFC 9110, section 5.6.2: two words with one bit for each of the 128 ASCII characters.
    private static let tokenLow: UInt64 = 0x03FF_6CFA_0000_0000
    private static let tokenHigh: UInt64 = 0x57FF_FFFF_C7FF_FFFE

    @inline(__always)
    static func isToken(_ byte: UInt8) -> Bool {
        guard byte < 128 else { return false }
        return (byte < 64 ? tokenLow >> UInt64(byte) : tokenHigh >> UInt64(byte & 63)) & 1 == 1
    }

    /// What stands in a target: RFC 3986 without the fragment, which a client must not send. Two words as above.
    private static let targetLow: UInt64 = 0xAFFF_FFF2_0000_0000
    private static let targetHigh: UInt64 = 0x47FF_FFFE_AFFF_FFFF

    @inline(__always)
    static func isTarget(_ byte: UInt8) -> Bool {
        guard byte < 128 else { return false }
        return (byte < 64 ? targetLow >> UInt64(byte) : targetHigh >> UInt64(byte & 63)) & 1 == 1
    }

    @inline(__always)
    static func isFieldByte(_ byte: UInt8) -> Bool {
        (byte >= 0x20 && byte != 0x7F) || byte == 0x09
    }

    /// The first byte at or after `from` that no field's value may hold. Eight bytes at a time: a byte below n gives a borrow into its high
    /// bit, and the lowest such bit is always a true hit.
    @inline(__always)
    static func fieldEnd(_ bytes: UnsafeRawBufferPointer, from start: Int) -> Int {
        var at = start
        while at &+ 8 <= bytes.count {
            let word = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: at, as: UInt64.self))
            let delete = word ^ 0x7F7F_7F7F_7F7F_7F7F
            let control = (word &- 0x2020_2020_2020_2020) & ~word
            let hit = (control | (delete &- 0x0101_0101_0101_0101) & ~delete) & 0x8080_8080_8080_8080
            guard hit != 0 else {
                at &+= 8
                continue
            }
            at &+= hit.trailingZeroBitCount / 8
            guard bytes[at] == 0x09 else { return at }
            at &+= 1
        }
        while at < bytes.count, isFieldByte(bytes[at]) { at &+= 1 }
        return at
    }

    /// Every byte as it is, as paths are compared.
    @inline(__always)
    package static func equal(_ bytes: UnsafeRawBufferPointer, _ range: Range<Int>, to text: StaticString) -> Bool {
        guard range.count == text.utf8CodeUnitCount else { return false }
        let expected = text.utf8Start
        for offset in 0..<range.count where bytes[range.lowerBound &+ offset] != expected[offset] { return false }
        return true
    }

    /// `lower` must be in lower case. ASCII only.
    @inline(__always)
    package static func equal(_ bytes: UnsafeRawBufferPointer, _ range: Range<Int>, ignoringCase lower: StaticString) -> Bool {
        guard range.count == lower.utf8CodeUnitCount else { return false }
        let expected = lower.utf8Start
        for offset in 0..<range.count {
            var byte = bytes[range.lowerBound &+ offset]
            if byte >= 0x41, byte <= 0x5A { byte |= 0x20 }
            if byte != expected[offset] { return false }
        }
        return true
    }

    /// Two places of the same bytes, whatever their case. ASCII only.
    static func equal(_ bytes: UnsafeRawBufferPointer, _ range: Range<Int>, toASCIIOf other: Range<Int>) -> Bool {
        guard range.count == other.count else { return false }
        return zip(range, other).allSatisfy { lowered(bytes[$0]) == lowered(bytes[$1]) }
    }

    private static func lowered(_ byte: UInt8) -> UInt8 { byte >= 0x41 && byte <= 0x5A ? byte | 0x20 : byte }

    /// Whether the comma-separated list has this member.
    static func list(_ bytes: UnsafeRawBufferPointer, _ range: Range<Int>, has lower: StaticString) -> Bool {
        var start = range.lowerBound
        while start < range.upperBound {
            var end = start
            while end < range.upperBound, bytes[end] != UInt8(ascii: ",") { end += 1 }
            var from = start
            var upTo = end
            while from < upTo, bytes[from] == 0x20 || bytes[from] == 0x09 { from += 1 }
            while upTo > from, bytes[upTo - 1] == 0x20 || bytes[upTo - 1] == 0x09 { upTo -= 1 }
            if equal(bytes, from..<upTo, ignoringCase: lower) { return true }
            start = end + 1
        }
        return false
    }

    /// Digits only, at most 15 of them.
    static func length(_ bytes: UnsafeRawBufferPointer, _ range: Range<Int>) -> Int? {
        guard (1...15).contains(range.count) else { return nil }
        var value = 0
        for at in range {
            guard bytes[at] >= 0x30, bytes[at] <= 0x39 else { return nil }
            value = value * 10 + Int(bytes[at] - 0x30)
        }
        return value
    }
}
