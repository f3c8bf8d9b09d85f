/// Finds e-mail addresses, bank accounts, cards and telephone numbers by their form and their check digits.
enum PersonalDataScanner {
    static func scan(_ bytes: UnsafeRawBufferPointer, into findings: inout [SensitiveFinding]) {
        var at = 0
        while at < bytes.count {
            let byte = bytes[at]
            var found: SensitiveFinding?
            switch byte {
            case UInt8(ascii: "@"): found = email(bytes, at)
            case UInt8(ascii: "+"), UInt8(ascii: "("): found = phone(bytes, at)
            case 0x30...0x39: found = card(bytes, at) ?? phone(bytes, at)
            case 0x41...0x5A: found = account(bytes, at)
            default: break
            }
            if let found {
                findings.append(found)
                at = max(at + 1, found.range.upperBound)
            } else if (0x30...0x39).contains(byte) {
                // A run of digits is judged once, from its start.
                while at < bytes.count, (0x30...0x39).contains(bytes[at]) { at += 1 }
            } else {
                at += 1
            }
        }
    }

    // MARK: E-mail (the forms of RFC 5321 that are in use)

    private static func email(_ bytes: UnsafeRawBufferPointer, _ sign: Int) -> SensitiveFinding? {
        var start = sign
        while start > 0, sign - start < 64, isLocal(bytes[start - 1]) { start -= 1 }
        var end = sign + 1
        var lastDot = -1
        while end < bytes.count, end - sign < 254, isAlphanumeric(bytes[end]) || bytes[end] == UInt8(ascii: "-") || bytes[end] == UInt8(ascii: ".") {
            if bytes[end] == UInt8(ascii: ".") { lastDot = end }
            end += 1
        }
        while end > sign + 1, !isAlphanumeric(bytes[end - 1]) { end -= 1 }
        if lastDot >= end { lastDot = bytes[sign..<end].lastIndex(of: UInt8(ascii: ".")) ?? -1 }
        guard start < sign, lastDot > sign + 1, end - lastDot > 2, bytes[lastDot + 1..<end].allSatisfy({ isLetter($0) }) else { return nil }
        return SensitiveFinding(kind: .email, range: start..<end)
    }

    private static func isLocal(_ byte: UInt8) -> Bool {
        isAlphanumeric(byte) || "._%+-".utf8.contains(byte)
    }

    // MARK: Numbers

    /// Digits from `start` on with at most one space, dash or dot between two of them.
    private static func run(_ bytes: UnsafeRawBufferPointer, _ start: Int, separators: String.UTF8View) -> (digits: [UInt8], ends: [Int]) {
        var digits: [UInt8] = []
        var ends: [Int] = []
        var at = start
        while at < bytes.count, digits.count <= 20 {
            if (0x30...0x39).contains(bytes[at]) {
                digits.append(bytes[at] - 0x30)
                ends.append(at + 1)
                at += 1
            } else if separators.contains(bytes[at]), at + 1 < bytes.count, (0x30...0x39).contains(bytes[at + 1]), !digits.isEmpty {
                at += 1
            } else {
                break
            }
        }
        return (digits, ends)
    }

    private static func isFree(_ bytes: UnsafeRawBufferPointer, _ range: Range<Int>) -> Bool {
        func joins(_ byte: UInt8) -> Bool { isAlphanumeric(byte) || byte == UInt8(ascii: "_") || byte == UInt8(ascii: "-") }
        if range.lowerBound > 0, joins(bytes[range.lowerBound - 1]) { return false }
        return range.upperBound == bytes.count || !joins(bytes[range.upperBound])
    }

    /// ISO/IEC 7812: 13 to 19 digits, an issuer that exists, Luhn's check digit.
    private static func card(_ bytes: UnsafeRawBufferPointer, _ start: Int) -> SensitiveFinding? {
        let (digits, ends) = run(bytes, start, separators: " -".utf8)
        guard (13...19).contains(digits.count), (2...6).contains(digits[0]), let end = ends.last else { return nil }
        guard isFree(bytes, start..<end), isLuhn(digits) else { return nil }
        return SensitiveFinding(kind: .paymentCard, range: start..<end)
    }

    static func isLuhn(_ digits: [UInt8]) -> Bool {
        var sum = 0
        for (place, digit) in digits.reversed().enumerated() {
            let doubled = Int(digit) * (place % 2 == 0 ? 1 : 2)
            sum += doubled > 9 ? doubled - 9 : doubled
        }
        return sum % 10 == 0 && digits.contains { $0 != 0 }
    }

    /// E.164 with its plus sign, or ten digits of North America in their usual groups.
    private static func phone(_ bytes: UnsafeRawBufferPointer, _ start: Int) -> SensitiveFinding? {
        if bytes[start] == UInt8(ascii: "+") { return international(bytes, start) }
        let isBracketed = bytes[start] == UInt8(ascii: "(")
        var at = start + (isBracketed ? 1 : 0)
        for (group, length) in [3, 3, 4].enumerated() {
            let digits = at..<at + length
            guard digits.upperBound <= bytes.count, bytes[digits].allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
            // Area and exchange never begin with 0 or 1.
            if group < 2, bytes[at] < 0x32 { return nil }
            at = digits.upperBound
            guard group < 2 else { break }
            if isBracketed, group == 0 {
                guard at < bytes.count, bytes[at] == UInt8(ascii: ")") else { return nil }
                at += 1
                if at < bytes.count, bytes[at] == 0x20 { at += 1 }
                continue
            }
            guard at < bytes.count, "-. ".utf8.contains(bytes[at]) else { return nil }
            at += 1
        }
        return isFree(bytes, start..<at) ? SensitiveFinding(kind: .phone, range: start..<at) : nil
    }

    private static func international(_ bytes: UnsafeRawBufferPointer, _ start: Int) -> SensitiveFinding? {
        guard start == 0 || !isAlphanumeric(bytes[start - 1]) else { return nil }
        var digits = 0
        var end = start + 1
        var at = start + 1
        while at < bytes.count, digits <= 15 {
            if (0x30...0x39).contains(bytes[at]) {
                if digits == 0, bytes[at] == 0x30 { return nil }
                digits += 1
                end = at + 1
            } else if digits == 0 || !" -.()/".utf8.contains(bytes[at]) || at - end > 2 {
                break
            }
            at += 1
        }
        guard (8...15).contains(digits), isFree(bytes, start..<end) else { return nil }
        return SensitiveFinding(kind: .phone, range: start..<end)
    }

    // MARK: IBAN (ISO 13616)

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

    private static func account(_ bytes: UnsafeRawBufferPointer, _ start: Int) -> SensitiveFinding? {
        guard start + 15 <= bytes.count, (0x41...0x5A).contains(bytes[start + 1]), (0x30...0x39).contains(bytes[start + 2]),
            (0x30...0x39).contains(bytes[start + 3]), start == 0 || !isAlphanumeric(bytes[start - 1]),
            let length = lengths[String(decoding: bytes[start...start + 1], as: UTF8.self)]
        else { return nil }
        var characters: [UInt8] = []
        var at = start
        while at < bytes.count, characters.count < length {
            let upper = bytes[at] >= 0x61 && bytes[at] <= 0x7A ? bytes[at] - 0x20 : bytes[at]
            if isAlphanumeric(upper) {
                characters.append(upper)
            } else if bytes[at] != 0x20 || bytes[at - 1] == 0x20 {
                return nil
            }
            at += 1
        }
        guard characters.count == length, at == bytes.count || !isAlphanumeric(bytes[at]), remainder(characters) == 1 else { return nil }
        return SensitiveFinding(kind: .bankAccount, range: start..<at)
    }

    /// ISO/IEC 7064, MOD 97-10, of the characters with the first four behind the others.
    static func remainder(_ characters: [UInt8]) -> Int {
        var rest = 0
        for character in characters.dropFirst(4) + characters.prefix(4) {
            rest = character <= 0x39 ? (rest * 10 + Int(character - 0x30)) % 97 : (rest * 100 + Int(character - 0x41) + 10) % 97
        }
        return rest
    }

    private static func isLetter(_ byte: UInt8) -> Bool {
        (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
    }

    private static func isAlphanumeric(_ byte: UInt8) -> Bool {
        isLetter(byte) || (0x30...0x39).contains(byte)
    }
}
