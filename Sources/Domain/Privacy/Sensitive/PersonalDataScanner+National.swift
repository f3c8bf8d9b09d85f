extension PersonalDataScanner {
    // MARK: Telephone numbers as they are dialled within a country

    /// By their form: a 0 and an area or network of up to four more digits, signs between the groups, and as many digits as such numbers have. By a
    /// word in front of them: any 7 to 13 digits.
    static func national(_ bytes: UnsafeRawBufferPointer, _ start: Int) -> Range<Int>? {
        guard isFree(bytes, before: start), !isTime(bytes, before: start), let groups = DialledGroups(bytes, start) else { return nil }
        if groups.isTrunk, let end = groups.formEnd(bytes, isApart: isApart(bytes, before: start)) { return start..<end }
        // Behind a word any signs may stand between groups.
        guard let least = PhoneWords.leastDigits(bytes, before: start), let named = DialledGroups(bytes, start, anySigns: true),
            let end = named.namedEnd, named.digits >= least, isFree(bytes, after: end)
        else { return nil }
        return start..<end
    }

    /// The digits are the end of a time.
    private static func isTime(_ bytes: UnsafeRawBufferPointer, before start: Int) -> Bool {
        start > 1 && bytes[start - 1] == UInt8(ascii: ":") && isDigit(bytes[start - 2])
    }

    /// It is not one of several numbers in a row.
    private static func isApart(_ bytes: UnsafeRawBufferPointer, before start: Int) -> Bool {
        start < 2 || bytes[start - 1] != UInt8(ascii: " ") || !isDigit(bytes[start - 2])
    }
}

/// Digits in groups, the first one perhaps in brackets, with one kind of sign between all others.
private struct DialledGroups {
    private static let mostDigits = 13
    private static let mostGroups = 6
    static let leastDigits = 7

    private var count = 0
    private var lengths = InlineArray<6, Int>(repeating: 0)
    private var ends = InlineArray<6, Int>(repeating: 0)
    /// In front of each group but the first; a space where there is nothing else.
    private var signs = InlineArray<6, UInt8>(repeating: 0)
    /// The first digits.
    private let beginning: (UInt8, UInt8)
    private let isBracketed: Bool
    private(set) var digits = 0
    /// More digits follow behind one sign.
    private var goesOn = true

    init?(_ bytes: UnsafeRawBufferPointer, _ start: Int, anySigns: Bool = false) {
        isBracketed = bytes[start] == UInt8(ascii: "(")
        var at = isBracketed ? start + 1 : start
        guard at + Self.leastDigits <= bytes.count, PersonalDataScanner.isDigit(bytes[at]), PersonalDataScanner.isDigit(bytes[at + 1]) else {
            return nil
        }
        beginning = (bytes[at], bytes[at + 1])
        while count < Self.mostGroups {
            let first = at
            while at < bytes.count, PersonalDataScanner.isDigit(bytes[at]), at - first <= Self.mostDigits { at += 1 }
            guard digits + at - first <= Self.mostDigits else { break }
            lengths[count] = at - first
            ends[count] = at
            count += 1
            digits += at - first
            if isBracketed, count == 1 {
                guard at < bytes.count, bytes[at] == UInt8(ascii: ")") else { return nil }
                at += 1
            }
            guard let next = Self.next(bytes, at) else {
                goesOn = false
                break
            }
            // Another sign than before stands between two things.
            guard anySigns || count < 3 || signs[count - 1] == next.sign, count < Self.mostGroups else { break }
            signs[count] = next.sign
            at = next.at
        }
        guard digits >= Self.leastDigits else { return nil }
    }

    /// The group behind one sign, which may have spaces around it.
    private static func next(_ bytes: UnsafeRawBufferPointer, _ end: Int) -> (at: Int, sign: UInt8)? {
        var (at, sign) = (end, UInt8(ascii: " "))
        for _ in 0..<3 {
            let length = PersonalDataScanner.gap(bytes, at, " -./".utf8)
            guard length > 0 else { break }
            if length == 1, bytes[at] != UInt8(ascii: " ") {
                guard sign == UInt8(ascii: " ") else { return nil }
                sign = bytes[at]
            }
            at += length
        }
        guard at > end || bytes[end - 1] == UInt8(ascii: ")"), at < bytes.count, PersonalDataScanner.isDigit(bytes[at]) else { return nil }
        return (at, sign)
    }

    /// It begins with a 0 and an area or network.
    var isTrunk: Bool { beginning.0 == UInt8(ascii: "0") && beginning.1 != UInt8(ascii: "0") && (2...5).contains(lengths[0]) }

    /// Where a number ends that is known by its form.
    ///
    /// - Parameter isApart: No other number stands in front of it.
    func formEnd(_ bytes: UnsafeRawBufferPointer, isApart: Bool) -> Int? {
        var total = digits
        for groups in stride(from: count, to: 1, by: -1) {
            if hasForm(groups, total), isMarked(groups) || isApart && groups == count && !goesOn,
                PersonalDataScanner.isFree(bytes, after: ends[groups - 1])
            {
                return ends[groups - 1]
            }
            total -= lengths[groups - 1]
        }
        return nil
    }

    private func hasForm(_ groups: Int, _ total: Int) -> Bool {
        // Two groups with a point between them are a fraction.
        guard lengths[0] == 2 ? (10...11).contains(total) : (9...12).contains(total), groups > 2 || signs[1] != UInt8(ascii: ".") else {
            return false
        }
        return !isDate && (1..<groups).allSatisfy { (2...8).contains(lengths[$0]) }
    }

    /// Short groups with spaces between them may be a row of numbers.
    private func isMarked(_ groups: Int) -> Bool {
        isBracketed || signs[1] != UInt8(ascii: " ") || (1..<groups).contains { lengths[$0] >= 5 }
            || groups == 5 && (0..<5).allSatisfy { lengths[$0] == 2 }
    }

    /// Where one ends that is known by a word in front of it.
    var namedEnd: Int? { isDate ? nil : ends[count - 1] }

    private var isDate: Bool {
        guard count > 2, lengths[1] == 2 else { return false }
        if lengths[0] == 4 { return lengths[2] == 2 && (0x31...0x32).contains(beginning.0) }
        return lengths[0] == 2 && lengths[2] == 4 && signs[1] != UInt8(ascii: " ")
    }
}

/// Words that say that a number is one of a telephone.
private enum PhoneWords {
    private static let window = 48
    private static let mostWords = 4

    /// Nobody writes another number behind them.
    private static let sure: Set<String> = [
        "tel", "telefon", "telefonnummer", "telefono", "teléfono", "telefone", "telephone", "téléphone", "tél", "telefoon", "phone", "phones",
        "phonenumber",
        "phone_number", "mobile", "mobil", "mobilnummer", "móvil", "cellphone", "cellulare", "celular", "cellular", "handy", "handynummer",
        "rufnummer",
        "fax", "whatsapp", "telegram", "тел", "телефон", "телефону", "мобильный", "puhelin", "telefonu", "komórka", "gsm", "msisdn", "portable",
    ]
    /// They may be followed by something else that is counted.
    private static let likely: Set<String> = [
        "call", "calling", "ring", "dial", "cell", "text", "sms", "appelez", "appeler", "joindre", "anrufen", "ruf", "rufen", "erreichbar", "llame",
        "llama",
        "llámame", "chiama", "chiamami", "bel", "reach", "zadzwoń", "позвоните", "звоните",
    ]
    private static let likelyDigits = 9
    private static let sureDigits = 7
    private static let asian = ["电话", "電話", "手机", "手機", "携帯", "联系方式", "連絡先", "전화", "휴대폰", "연락처"].map { Array($0.utf8) }

    /// How many digits a number must have to be taken for one, by the words in front of it; nil: by these it is none.
    static func leastDigits(_ bytes: UnsafeRawBufferPointer, before start: Int) -> Int? {
        var from = start
        while from > 0, start - from < window, !PersonalDataScanner.isDigit(bytes[from - 1]), bytes[from - 1] != 0x0A { from -= 1 }
        guard start - from > 3 else { return nil }
        let before = Array(bytes[from..<start])
        if asian.contains(where: { before.firstRange(of: $0) != nil }) { return sureDigits }
        // Signs of scripts without spaces end a word.
        let words = String(decoding: before, as: UTF8.self).unicodeScalars
            .split { $0 != "_" && !($0.properties.isAlphabetic && $0.value < 0x2E80) }.suffix(mostWords)
        var least: Int?
        for word in words {
            let name = String(word).lowercased()
            if sure.contains(name) { return sureDigits }
            if likely.contains(name) { least = likelyDigits }
        }
        return least
    }
}
