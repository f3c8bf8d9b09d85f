/// Id of one customer request: a UUIDv7 (RFC 9562 section 5.7), so that ids sort by the time of acceptance.
package struct RequestId: Hashable, Sendable, CustomStringConvertible {
    package let high: UInt64
    package let low: UInt64

    package init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// - Parameters:
    ///   - milliseconds: Milliseconds since 1970; the low 48 bits are used.
    ///   - generator: Source of the 74 random bits.
    package init(milliseconds: Int64, using generator: inout some RandomNumberGenerator) {
        let time = UInt64(bitPattern: milliseconds) & 0xffff_ffff_ffff
        high = time << 16 | 0x7000 | generator.next() & 0x0fff
        low = 0x8000_0000_0000_0000 | generator.next() & 0x3fff_ffff_ffff_ffff
    }

    /// Nil unless the text is 36 characters with dashes at 8, 13, 18 and 23 and hexadecimal digits elsewhere.
    package init?(_ text: some StringProtocol) {
        var text = String(text)
        let id = text.withUTF8 { Self(ascii: UnsafeRawBufferPointer($0)) }
        guard let id else { return nil }
        self = id
    }

    /// Of any UUID's text; nil as for `init(_:)`.
    package init?(ascii text: UnsafeRawBufferPointer) {
        guard text.count == 36 else { return nil }
        var (high, low): (UInt64, UInt64) = (0, 0)
        var digits = 0
        for (position, byte) in text.enumerated() {
            if position == 8 || position == 13 || position == 18 || position == 23 {
                guard byte == UInt8(ascii: "-") else { return nil }
                continue
            }
            guard let digit = Self.value(of: byte) else { return nil }
            if digits < 16 { high = high << 4 | digit } else { low = low << 4 | digit }
            digits += 1
        }
        self.init(high: high, low: low)
    }

    /// Milliseconds since 1970 at which the id was made.
    package var milliseconds: Int64 { Int64(high >> 16) }

    /// 36 lower-case characters.
    package var description: String {
        String(unsafeUninitializedCapacity: 36) { buffer in
            write(to: UnsafeMutableRawBufferPointer(buffer))
            return 36
        }
    }

    /// Writes the 36 ASCII characters of the text form to the front of `buffer`, which must have room for them.
    package func write(to buffer: UnsafeMutableRawBufferPointer) {
        precondition(buffer.count >= 36, "room for a UUID's text")
        let dash = UInt8(ascii: "-")
        buffer.storeBytes(of: Self.digits(UInt32(truncatingIfNeeded: high >> 32)), toByteOffset: 0, as: UInt64.self)
        buffer[8] = dash
        let middle = Self.digits(UInt32(truncatingIfNeeded: high))
        buffer.storeBytes(of: UInt32(truncatingIfNeeded: middle), toByteOffset: 9, as: UInt32.self)
        buffer[13] = dash
        buffer.storeBytes(of: UInt32(truncatingIfNeeded: middle >> 32), toByteOffset: 14, as: UInt32.self)
        buffer[18] = dash
        let node = Self.digits(UInt32(truncatingIfNeeded: low >> 32))
        buffer.storeBytes(of: UInt32(truncatingIfNeeded: node), toByteOffset: 19, as: UInt32.self)
        buffer[23] = dash
        buffer.storeBytes(of: UInt32(truncatingIfNeeded: node >> 32), toByteOffset: 24, as: UInt32.self)
        buffer.storeBytes(of: Self.digits(UInt32(truncatingIfNeeded: low)), toByteOffset: 28, as: UInt64.self)
    }

    /// The eight hexadecimal digits of a word, the first one in the lowest byte, as little-endian machines store it; all at once, since every
    /// request is named several times.
    private static func digits(_ word: UInt32) -> UInt64 {
        var spread = UInt64(word)
        spread = (spread | spread << 16) & 0x0000_FFFF_0000_FFFF
        spread = (spread | spread << 8) & 0x00FF_00FF_00FF_00FF
        spread = (spread | spread << 4) & 0x0F0F_0F0F_0F0F_0F0F
        // 1 in each byte that holds ten or more.
        let letters = (spread &+ 0x0606_0606_0606_0606) >> 4 & 0x0101_0101_0101_0101
        let text = spread &+ 0x3030_3030_3030_3030 &+ letters &* 0x27
        return text.byteSwapped
    }

    private static func value(of byte: UInt8) -> UInt64? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt64(byte - UInt8(ascii: "0"))
        case UInt8(ascii: "a")...UInt8(ascii: "f"): UInt64(byte - UInt8(ascii: "a") + 10)
        case UInt8(ascii: "A")...UInt8(ascii: "F"): UInt64(byte - UInt8(ascii: "A") + 10)
        default: nil
        }
    }
}
