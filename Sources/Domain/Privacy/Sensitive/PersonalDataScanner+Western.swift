extension PersonalDataScanner {
    // MARK: Addresses with a postal code

    /// An address of Europe or North America whose postal code has the group of digits at `at`: a street with a number, in front of the code and a town, or of
    /// a town and the code.
    static func western(_ bytes: UnsafeRawBufferPointer, _ at: Int) -> Range<Int>? {
        guard isFree(bytes, before: at) else { return nil }
        var end = at
        while end < bytes.count, end - at < 6, isDigit(bytes[end]) { end += 1 }
        let text = WesternText(bytes: bytes)
        switch end - at {
        case 1: return text.british(at)
        case 5: return text.american(at, end) ?? text.continental(at, end)
        case 2: return text.continental(at, text.digits(3, behind: end))
        case 4: return text.continental(at, text.digits(3, behind: end)) ?? text.continental(at, text.letters(behind: end) ?? end)
        default: return nil
        }
    }
}

/// Reads streets and towns around a postal code; from each place a bounded number of bytes.
private struct WesternText {
    private static let most = 100
    private static let mostWords = 6
    /// Ends of a street's name, or the last word of it, behind which its number stands.
    private static let endings = [
        "straße", "strasse", "str.", "weg", "platz", "allee", "gasse", "ring", "damm", "ufer", "gracht", "straat", "laan", "plein", "kade", "vej",
        "gade",
        "gatan", "vägen", "gata", "veien",
    ]
    /// First words of a street's name behind which its number stands.
    private static let openings: Set<String> = [
        "Calle", "C/", "Avenida", "Av.", "Plaza", "Paseo", "Via", "Viale", "Piazza", "Corso", "Rua", "Praça", "Travessa", "Largo", "ul.", "al.", "Am",
        "Im",
        "Unter",
    ]
    /// First words of a street's name in front of which its number stands.
    private static let numbered: Set<String> = ["rue", "avenue", "av.", "boulevard", "bd", "place", "chemin", "allée", "quai", "impasse"]
    /// Last words of a street's name in front of which its number stands.
    private static let kinds: Set<String> = [
        "street", "st", "st.", "road", "rd", "rd.", "avenue", "ave", "ave.", "lane", "ln", "drive", "dr", "dr.", "boulevard", "blvd", "blvd.", "way",
        "court",
        "ct", "place", "pl", "square", "sq", "terrace", "close", "crescent", "gardens", "parkway", "pkwy", "highway", "hwy", "grove", "broadway",
    ]
    private static let repeated: Set<String> = ["bis", "ter", "quater"]
    /// First words of a town's name of several, and those within one.
    private static let townOpenings: Set<String> = [
        "San", "Santa", "Den", "Bad", "Las", "Los", "Le", "La", "El", "São", "St.", "Saint", "Sankt", "New", "Reggio", "Santiago", "Vila", "Nowy",
        "Zielona",
    ]
    private static let within: Set<String> = ["am", "an", "der", "im", "a", "de", "del", "della", "do", "la", "le", "sur", "en", "ob"]
    private static let states: Set<String> = [
        "AL", "AK", "AZ", "AR", "CA", "CO", "CT", "DE", "DC", "FL", "GA", "HI", "ID", "IL", "IN", "IA", "KS", "KY", "LA", "ME", "MD", "MA", "MI",
        "MN", "MS",
        "MO", "MT", "NE", "NV", "NH", "NJ", "NM", "NY", "NC", "ND", "OH", "OK", "OR", "PA", "PR", "RI", "SC", "SD", "TN", "TX", "UT", "VT", "VA",
        "WA", "WV",
        "WI", "WY",
    ]

    let bytes: UnsafeRawBufferPointer

    private func text(_ range: Range<Int>) -> String { String(decoding: UnsafeRawBufferPointer(rebasing: bytes[range]), as: UTF8.self) }

    private func isCapital(_ at: Int) -> Bool { at < bytes.count && (0x41...0x5A).contains(bytes[at]) }

    // MARK: Codes

    /// Behind a dash and so many digits; nil: they do not follow.
    func digits(_ count: Int, behind end: Int) -> Int? {
        let last = end + 1 + count
        guard last <= bytes.count, bytes[end] == UInt8(ascii: "-"), bytes[end + 1..<last].allSatisfy(PersonalDataScanner.isDigit) else { return nil }
        return last
    }

    /// Behind a space and the two letters of a code of the Netherlands; nil: they do not follow.
    func letters(behind end: Int) -> Int? {
        guard end + 3 < bytes.count, bytes[end] == UInt8(ascii: " "), isCapital(end + 1), isCapital(end + 2), bytes[end + 3] == UInt8(ascii: " ")
        else {
            return nil
        }
        return end + 3
    }

    /// - Parameter at: Of the digit in the second half of the code.
    func british(_ at: Int) -> Range<Int>? {
        guard isCapital(at + 1), isCapital(at + 2), PersonalDataScanner.isFree(bytes, after: at + 3), at > 0, bytes[at - 1] == UInt8(ascii: " ")
        else { return nil }
        var start = at - 1
        while start > 0, at - start < 6, isCapital(start - 1) || PersonalDataScanner.isDigit(bytes[start - 1]) { start -= 1 }
        let half = bytes[start..<at - 1]
        guard (2...4).contains(half.count), isCapital(start), half.contains(where: PersonalDataScanner.isDigit) else { return nil }
        return street(before: start).map { $0..<at + 3 }
    }

    /// - Parameters:
    ///   - at: Of the code.
    ///   - end: Behind its five digits.
    func american(_ at: Int, _ end: Int) -> Range<Int>? {
        guard at > 3, bytes[at - 1] == UInt8(ascii: " "), PersonalDataScanner.isFree(bytes, before: at - 3),
            Self.states.contains(text(at - 3..<at - 1))
        else {
            return nil
        }
        return street(before: at - 3).map { $0..<(digits(4, behind: end) ?? end) }
    }

    /// - Parameter end: Behind the code; nil: it is none.
    func continental(_ at: Int, _ end: Int?) -> Range<Int>? {
        guard let end, end < bytes.count, bytes[end] == UInt8(ascii: " "), let townEnd = town(end + 1) else { return nil }
        var last = at
        while last > 0, at - last < 4, " ,\n\r-".utf8.contains(bytes[last - 1]) { last -= 1 }
        guard last < at else { return nil }
        return (numberLast(words(before: last, " ")) ?? numberFirst(words(before: last, " ,"))).map { $0..<townEnd }
    }

    // MARK: Towns and streets

    /// Where a town's name ends that begins at `at`.
    private func town(_ at: Int) -> Int? {
        guard isCapital(at) || letter(at) == 2 else { return nil }
        var (end, count) = (word(at), 1)
        guard end - at > 1 else { return nil }
        var isOpen = Self.townOpenings.contains(text(at..<end))
        while count < 4, end < bytes.count, bytes[end] == UInt8(ascii: " "), case let next = word(end + 1), next > end + 1 {
            let isWithin = Self.within.contains(text(end + 1..<next))
            guard isOpen || isWithin else { break }
            // Of a small word that another one follows.
            guard !isWithin || word(next + 1) > next + 1 else { break }
            (end, count, isOpen) = (next, count + 1, isWithin)
        }
        return end
    }

    /// Bytes of the letter at `at`; 0: there is none.
    private func letter(_ at: Int) -> Int {
        guard at < bytes.count else { return 0 }
        if PersonalDataScanner.isLetter(bytes[at]) { return 1 }
        return (0xC3...0xDF).contains(bytes[at]) && at + 1 < bytes.count ? 2 : 0
    }

    /// Where the word ends that begins at `at`, dashes and points within it included.
    private func word(_ at: Int) -> Int {
        var end = at
        while end - at < 40 {
            if case let size = letter(end), size > 0 {
                end += size
            } else if end > at, end < bytes.count, "-'.".utf8.contains(bytes[end]), letter(end + 1) > 0 {
                end += 1
            } else {
                break
            }
        }
        return end
    }

    /// The words in front of `end`, the last one first, as far as there are no other signs than these between them.
    private func words(before end: Int, _ separators: String) -> [Range<Int>] {
        var (words, start, last): ([Range<Int>], Int, Int) = ([], end, end)
        func close() { if start < last { words.append(start..<last) } }
        while start > 0, end - start < Self.most, words.count < 3 * Self.mostWords {
            let byte = bytes[start - 1]
            if separators.utf8.contains(byte) {
                close()
                start -= 1
                last = start
            } else if case let size = sign(before: start), size > 0 {
                start -= size
            } else {
                break
            }
        }
        close()
        return words
    }

    /// Bytes of what may be within a word in front of `end`; 0: it ends there.
    private func sign(before end: Int) -> Int {
        let byte = bytes[end - 1]
        if PersonalDataScanner.isAlphanumeric(byte) || "./-#".utf8.contains(byte) { return 1 }
        // A quote begins no word.
        if byte == UInt8(ascii: "'") { return end > 1 && PersonalDataScanner.isLetter(bytes[end - 2]) ? 1 : 0 }
        if end > 1, (0x80...0xBF).contains(byte), (0xC3...0xDF).contains(bytes[end - 2]) { return 2 }
        return end > 2 && byte == 0x99 && bytes[end - 2] == 0x80 && bytes[end - 3] == 0xE2 ? 3 : 0
    }

    private func isNumber(_ word: Range<Int>, most: Int = 4) -> Bool {
        let text = bytes[word]
        let count = text.prefix(while: PersonalDataScanner.isDigit).count
        guard (1...most).contains(count) else { return false }
        let rest = text.dropFirst(count)
        return rest.isEmpty || rest.count == 1 && PersonalDataScanner.isLetter(rest[rest.startIndex])
            || "-/".utf8.contains(rest[rest.startIndex]) && rest.count <= 5
    }

    /// Of a street whose number is the last word.
    private func numberLast(_ words: [Range<Int>]) -> Int? {
        guard words.count > 1, isNumber(words[0]) else { return nil }
        let name = text(words[1]).lowercased()
        let hasCapital = isCapital(words[1].lowerBound) || letter(words[1].lowerBound) == 2
        if hasCapital, let ending = Self.endings.first(where: { name.hasSuffix($0) }) {
            guard name == ending else { return words[1].lowerBound }
            return words.count > 2 ? words[2].lowerBound : nil
        }
        return words.dropFirst(2).prefix(Self.mostWords - 1).first { Self.openings.contains(text($0)) }?.lowerBound
    }

    /// Of a street whose number stands before a word such as `rue`.
    private func numberFirst(_ words: [Range<Int>]) -> Int? {
        guard let place = words.prefix(Self.mostWords).firstIndex(where: { Self.numbered.contains(text($0).lowercased()) }), place > 0 else {
            return nil
        }
        var before = words.dropFirst(place + 1)
        if let word = before.first, Self.repeated.contains(text(word)) { before = before.dropFirst() }
        return before.first.flatMap { isNumber($0) ? $0.lowerBound : nil }
    }

    /// Where a street begins that stands before a town, or before what else is in front of a code: a number, a name, and a word such as `Street`.
    private func street(before end: Int) -> Int? {
        let words = words(before: end, " ,\n\r")
        guard let kind = words.prefix(Self.mostWords + 2).firstIndex(where: { Self.kinds.contains(text($0).lowercased()) }) else { return nil }
        return words.dropFirst(kind + 2).prefix(Self.mostWords - 1).first { isNumber($0, most: 5) }?.lowerBound
    }
}
