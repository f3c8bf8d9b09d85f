import Glibc

extension UnsafeRawBufferPointer {
    /// Where a text first stands, from an offset on.
    func position(of text: StaticString, from start: Int = 0) -> Int? {
        let length = text.utf8CodeUnitCount
        var at = start
        while let found = position(of: text.utf8Start[0], from: at), found + length <= count {
            if holds(text, at: found) { return found }
            at = found + 1
        }
        return nil
    }

    func position(of byte: UInt8, from start: Int) -> Int? {
        // The C library looks at 32 bytes at once.
        guard let base = baseAddress, start < count, let found = memchr(base + start, Int32(byte), count - start) else { return nil }
        return UnsafeRawPointer(found) - base
    }

    func holds(_ text: StaticString, at offset: Int) -> Bool {
        let length = text.utf8CodeUnitCount
        guard let base = baseAddress, offset + length <= count else { return false }
        return memcmp(base + offset, text.utf8Start, length) == 0
    }

    /// For names of HTTP fields.
    func holdsIgnoringCase(_ text: StaticString, at offset: Int) -> Bool {
        let length = text.utf8CodeUnitCount
        guard let base = baseAddress, offset + length <= count else { return false }
        return text.utf8Start.withMemoryRebound(to: CChar.self, capacity: length) { text in
            strncasecmp((base + offset).assumingMemoryBound(to: CChar.self), text, length) == 0
        }
    }

    /// The number in the digits from an offset on, after spaces; 0 when there is none.
    func number(at offset: Int, radix: Int = 10) -> Int {
        var at = offset
        while at < count, self[at] == UInt8(ascii: " ") { at += 1 }
        var value = 0
        while at < count, let digit = Self.digit(self[at]), digit < radix {
            value = value &* radix &+ digit
            at += 1
        }
        return value
    }

    private static func digit(_ byte: UInt8) -> Int? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): Int(byte) - 48
        case UInt8(ascii: "a")...UInt8(ascii: "f"): Int(byte) - 87
        case UInt8(ascii: "A")...UInt8(ascii: "F"): Int(byte) - 55
        default: nil
        }
    }

    func part(_ range: Range<Int>) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(rebasing: self[range])
    }

    /// The value of a field in a head that ends at `end`: where it begins. Fields begin after a line's end.
    func field(_ name: StaticString, before end: Int) -> Int? {
        var line = position(of: UInt8(ascii: "\n"), from: 0)
        while let start = line, start < end {
            if holdsIgnoringCase(name, at: start + 1) { return start + 1 + name.utf8CodeUnitCount }
            line = position(of: UInt8(ascii: "\n"), from: start + 1)
        }
        return nil
    }
}
