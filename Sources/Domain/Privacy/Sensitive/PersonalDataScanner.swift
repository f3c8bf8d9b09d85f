/// Finds e-mail addresses, bank accounts, cards, telephone numbers and postal addresses by their form, their check digits and words in front of
/// them. From each place it looks at a bounded number of bytes.
enum PersonalDataScanner {
    /// - Parameter findings: Gets them in no order; of numbers in a row one may reach into another.
    static func scan(_ bytes: UnsafeRawBufferPointer, into findings: inout [SensitiveFinding]) {
        var at = 0
        while at < bytes.count {
            switch bytes[at] {
            case UInt8(ascii: "@"): note(.email, email(bytes, at), &findings)
            case UInt8(ascii: "+"): note(.phone, international(bytes, at), &findings)
            case UInt8(ascii: "("): note(.phone, northAmerican(bytes, at) ?? national(bytes, at), &findings)
            case 0x30...0x39:
                note(.paymentCard, card(bytes, at), &findings)
                note(.phone, northAmerican(bytes, at) ?? national(bytes, at), &findings)
                note(.address, western(bytes, at), &findings)
                // A group of digits is judged once, from its start; what follows it may be the beginning of something else.
                while at + 1 < bytes.count, isDigit(bytes[at + 1]) { at += 1 }
            case 0x41...0x5A, 0x61...0x7A: note(.bankAccount, account(bytes, at), &findings)
            case 0xE0...0xEF: note(.address, address(bytes, at), &findings)
            default: break
            }
            at += 1
        }
    }

    private static func note(_ kind: SensitiveKind, _ range: Range<Int>?, _ findings: inout [SensitiveFinding]) {
        if let range { findings.append(SensitiveFinding(kind: kind, range: range)) }
    }

    // MARK: Where numbers begin and end

    /// Bytes of one separator: of those given, or a no-break space. 0: there is none.
    static func gap(_ bytes: UnsafeRawBufferPointer, _ at: Int, _ separators: String.UTF8View) -> Int {
        guard at < bytes.count else { return 0 }
        if separators.contains(bytes[at]) { return 1 }
        return bytes[at] == 0xC2 && at + 1 < bytes.count && bytes[at + 1] == 0xA0 ? 2 : 0
    }

    /// Nothing before a number makes it a part of a longer name or number.
    static func isFree(_ bytes: UnsafeRawBufferPointer, before start: Int) -> Bool {
        guard start > 0 else { return true }
        let byte = bytes[start - 1]
        if byte == UInt8(ascii: "-") { return start == 1 || !isAlphanumeric(bytes[start - 2]) }
        if byte == UInt8(ascii: ".") { return start == 1 || !isDigit(bytes[start - 2]) }
        return !isAlphanumeric(byte) && byte != UInt8(ascii: "_")
    }

    /// Nothing behind a number makes it a part of a longer name.
    static func isFree(_ bytes: UnsafeRawBufferPointer, after end: Int) -> Bool {
        guard end < bytes.count else { return true }
        if bytes[end] == UInt8(ascii: "-") { return end + 1 == bytes.count || !isLetter(bytes[end + 1]) }
        return !isAlphanumeric(bytes[end]) && bytes[end] != UInt8(ascii: "_")
    }

    static func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }

    static func isLetter(_ byte: UInt8) -> Bool { (0x61...0x7A).contains(byte | 0x20) }

    static func isAlphanumeric(_ byte: UInt8) -> Bool { isLetter(byte) || isDigit(byte) }
}
