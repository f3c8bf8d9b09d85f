/// `bytea` in PostgreSQL's hexadecimal text form, `\x` and two digits for each byte.
enum ByteaText {
    static func encode(_ bytes: UnsafeRawBufferPointer) -> String {
        String(unsafeUninitializedCapacity: 2 + 2 * bytes.count) { text in
            (text[0], text[1]) = (UInt8(ascii: "\\"), UInt8(ascii: "x"))
            for (index, byte) in bytes.enumerated() { (text[2 * index + 2], text[2 * index + 3]) = (digit(byte >> 4), digit(byte & 15)) }
            return 2 + 2 * bytes.count
        }
    }

    static func decode(_ text: String) -> [UInt8]? {
        var text = text
        return text.withUTF8 { text in
            guard text.count >= 2, text.count % 2 == 0, text[0] == UInt8(ascii: "\\"), text[1] == UInt8(ascii: "x") else { return nil }
            var bytes: [UInt8] = []
            bytes.reserveCapacity(text.count / 2 - 1)
            for index in stride(from: 2, to: text.count, by: 2) {
                guard let high = nibble(text[index]), let low = nibble(text[index + 1]) else { return nil }
                bytes.append(high << 4 | low)
            }
            return bytes
        }
    }

    private static func digit(_ nibble: UInt8) -> UInt8 { nibble < 10 ? UInt8(ascii: "0") + nibble : UInt8(ascii: "a") + nibble - 10 }

    private static func nibble(_ character: UInt8) -> UInt8? {
        switch character {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): character - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): character - UInt8(ascii: "a") + 10
        default: nil
        }
    }
}
