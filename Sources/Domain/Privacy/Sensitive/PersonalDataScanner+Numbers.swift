extension PersonalDataScanner {
    // MARK: Cards (ISO/IEC 7812)

    /// 13 to 19 digits of an issuer that exists with Luhn's check digit. Behind them there may be more, such as the month in which the card ends: of
    /// the groups of digits that can be its last one the last counts.
    static func card(_ bytes: UnsafeRawBufferPointer, _ start: Int) -> Range<Int>? {
        guard bytes[start] >= 0x32, isFree(bytes, before: start) else { return nil }
        let number = GroupedDigits(bytes, start)
        let end = number.groups.last { group in
            let digits = number.digits.prefix(group.digits)
            return isIssued(digits) && isLuhn(digits) && (group.isFollowed || isFree(bytes, after: group.end))
        }
        return end.map { start..<$0.end }
    }

    /// Digits in groups of three and more with one space or dash between two of them.
    private struct GroupedDigits {
        private static let most = 19

        var digits: [UInt8] = []
        /// Where each ends, and how many digits there are up to it.
        var groups: [(digits: Int, end: Int, isFollowed: Bool)] = []

        init(_ bytes: UnsafeRawBufferPointer, _ start: Int) {
            var at = start
            while true {
                let first = at
                while at < bytes.count, isDigit(bytes[at]), digits.count <= Self.most {
                    digits.append(bytes[at] - 0x30)
                    at += 1
                }
                guard digits.count <= Self.most, at - first >= 3 else { return }
                let next = at + gap(bytes, at, " -".utf8)
                let isFollowed = next > at && next < bytes.count && isDigit(bytes[next])
                groups.append((digits.count, at, isFollowed))
                guard isFollowed else { return }
                at = next
            }
        }
    }

    /// The first four digits of those who issue cards, with the lengths of their numbers.
    private static func isIssued(_ digits: ArraySlice<UInt8>) -> Bool {
        guard (13...19).contains(digits.count) else { return false }
        switch digits.prefix(4).reduce(0, { $0 * 10 + Int($1) }) {
        case 2200...2204, 3528...3589: return digits.count >= 16
        case 2221...2720, 5100...5599, 8100...8299, 9792: return digits.count == 16
        case 3400...3499, 3700...3799: return digits.count == 15
        case 3000...3099, 3600...3699, 3800...3999: return digits.count >= 14
        case 4000...4999: return [13, 16, 19].contains(digits.count)
        case 5000...5099, 5600...6999: return true
        default: return false
        }
    }

    static func isLuhn(_ digits: some BidirectionalCollection<UInt8>) -> Bool {
        var sum = 0
        for (place, digit) in digits.reversed().enumerated() {
            let doubled = Int(digit) * (place % 2 == 0 ? 1 : 2)
            sum += doubled > 9 ? doubled - 9 : doubled
        }
        return sum % 10 == 0 && digits.contains { $0 != 0 }
    }

    // MARK: Telephone numbers

    /// E.164 with its plus sign: 8 to 15 digits, in groups with up to three signs between them. More digits behind it, such as a date, are not its own
    /// where there would be too many; in North America there are eleven.
    static func international(_ bytes: UnsafeRawBufferPointer, _ sign: Int) -> Range<Int>? {
        guard sign == 0 || !isAlphanumeric(bytes[sign - 1]), sign + 1 < bytes.count, (0x31...0x39).contains(bytes[sign + 1]) else { return nil }
        var (at, digits) = (sign + 1, 0)
        var end: Int?
        while true {
            while at < bytes.count, isDigit(bytes[at]), digits <= 15 { (digits, at) = (digits + 1, at + 1) }
            guard digits <= 15 else { break }
            let next = nextGroup(bytes, at)
            if digits >= 8, next != nil || endsNumber(bytes, at) { end = at }
            if bytes[sign + 1] == UInt8(ascii: "1"), digits == 11 { break }
            // Signs with spaces around them stand between two things once this may be a whole one.
            guard let next, digits < 8 || next.signs < 3 else { break }
            at = next.at
        }
        return end.map { sign..<$0 }
    }

    private static func nextGroup(_ bytes: UnsafeRawBufferPointer, _ end: Int) -> (at: Int, signs: Int)? {
        var (at, signs) = (end, 0)
        while signs < 3, case let length = gap(bytes, at, " -.()/".utf8), length > 0 { (at, signs) = (at + length, signs + 1) }
        return signs > 0 && at < bytes.count && isDigit(bytes[at]) ? (at, signs) : nil
    }

    /// Ten digits in their usual groups, with or without the 1 in front.
    static func northAmerican(_ bytes: UnsafeRawBufferPointer, _ start: Int) -> Range<Int>? {
        guard isFree(bytes, before: start) else { return nil }
        var at = start
        if bytes[at] == UInt8(ascii: "1") {
            let between = gap(bytes, at + 1, "-. ".utf8)
            guard between > 0 else { return nil }
            at += 1 + between
        }
        let isBracketed = at < bytes.count && bytes[at] == UInt8(ascii: "(")
        if isBracketed { at += 1 }
        for (group, length) in [3, 3, 4].enumerated() {
            let digits = at..<at + length
            guard digits.upperBound <= bytes.count, bytes[digits].allSatisfy(isDigit) else { return nil }
            // Area and exchange never begin with 0 or 1.
            if group < 2, bytes[at] < 0x32 { return nil }
            at = digits.upperBound
            guard group < 2 else { break }
            let isClosing = isBracketed && group == 0
            let between = gap(bytes, at, (isClosing ? ")" : "-. ").utf8)
            guard between > 0 else { return nil }
            at += between
            if isClosing { at += gap(bytes, at, " -".utf8) }
        }
        return endsNumber(bytes, at) ? start..<at : nil
    }

    /// Also where an extension follows.
    private static func endsNumber(_ bytes: UnsafeRawBufferPointer, _ end: Int) -> Bool {
        if end + 1 < bytes.count, bytes[end] | 0x20 == UInt8(ascii: "x"), isDigit(bytes[end + 1]) { return true }
        return isFree(bytes, after: end)
    }

    // MARK: Bank accounts (IBAN, ISO 13616)

    private static let lengths: [String: Int] = {
        let text = """
            AD24AE23AL28AT20AZ28BA20BE16BG22BH22BR29BY28CH21CR22CY28CZ24DE22DJ27DK18DO28EE20EG29ES24FI18FK18FO18FR27GB22GE22GI23GL18GR27GT28
            HR21HU28IE22IL23IQ23IS26IT27JO30KW30KZ20LB28LC32LI21LT20LU20LV21LY25MC27MD24ME22MK19MN20MR27MT31MU30NI28NL18NO15OM23PK24PL28PS29
            PT25QA29RO24RS22RU33SA24SC31SD18SE24SI19SK24SM27SO23ST25SV28TL23TN24TR26UA29VA22VG24XK20YE30
            """
        let letters = Array(text.filter { $0 != "\n" })
        return Dictionary(
            uniqueKeysWithValues: stride(from: 0, to: letters.count, by: 4).map {
                (String(letters[$0...$0 + 1]), Int(String(letters[$0 + 2...$0 + 3])) ?? 0)
            })
    }()

    /// As it is written, in letters of either case, with one space or dash between two characters.
    static func account(_ bytes: UnsafeRawBufferPointer, _ start: Int) -> Range<Int>? {
        guard start + 15 <= bytes.count, isDigit(bytes[start + 2]), isDigit(bytes[start + 3]), isLetter(bytes[start + 1]),
            start == 0 || !isAlphanumeric(bytes[start - 1]),
            let length = lengths[String(decoding: bytes[start...start + 1].map(upper), as: UTF8.self)]
        else { return nil }
        let isSmall = bytes[start] >= 0x61
        var characters: [UInt8] = []
        var at = start
        while characters.count < length {
            // Words in small letters, with spaces between them, are no groups of four.
            if !characters.isEmpty, !isSmall || characters.count % 4 == 0 { at += gap(bytes, at, " -".utf8) }
            guard at < bytes.count, isAlphanumeric(bytes[at]) else { return nil }
            characters.append(upper(bytes[at]))
            at += 1
        }
        guard at == bytes.count || !isAlphanumeric(bytes[at]), remainder(characters) == 1 else { return nil }
        return start..<at
    }

    private static func upper(_ byte: UInt8) -> UInt8 { isLetter(byte) ? byte & 0xDF : byte }

    /// ISO/IEC 7064, MOD 97-10, of the characters with the first four behind the others.
    static func remainder(_ characters: [UInt8]) -> Int {
        var rest = 0
        for character in characters.dropFirst(4) + characters.prefix(4) {
            rest = character <= 0x39 ? (rest * 10 + Int(character - 0x30)) % 97 : (rest * 100 + Int(character - 0x41) + 10) % 97
        }
        return rest
    }
}
