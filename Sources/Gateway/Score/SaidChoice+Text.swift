/// What can be told of a text by its characters alone.
extension SaidChoice {
    /// Nothing but white space.
    var isBlank: Bool { text.allSatisfy(\.isWhitespace) }

    /// Bytes of what is said again, at the most.
    private static let longestPeriod = 400
    /// Bytes at the end that say the same again and again, and how often: a rule in a table or a verse is shorter.
    private static let (leastRepeated, leastTimes) = (400, 5)

    /// Its end says the same at least five times, over 400 bytes or more: it is caught in a loop.
    var repeats: Bool {
        let bytes = Array(text.utf8)
        guard bytes.count >= Self.leastRepeated else { return false }
        return (1...Self.longestPeriod).contains { period in
            let wanted = max(Self.leastRepeated, Self.leastTimes * period)
            guard bytes.count >= wanted else { return false }
            return (bytes.count - wanted + period..<bytes.count).reversed().allSatisfy { bytes[$0] == bytes[$0 - period] }
        }
    }

    /// One in so many characters that no text has is too many.
    private static let garbledShare = 50

    /// At least two characters, and one in fifty, are none that a text has.
    var isGarbled: Bool {
        var (garbled, all) = (0, 0)
        var last: Unicode.Scalar?
        for scalar in text.unicodeScalars {
            all += 1
            if Self.isForeign(scalar, behind: last) { garbled += 1 }
            last = scalar
        }
        return garbled >= 2 && garbled * Self.garbledShare >= all
    }

    /// A control, a replacement, or the second half of a letter in UTF-8 that was read as Latin-1 or Windows-1252 (`Ã©`, `â€™`).
    private static func isForeign(_ scalar: Unicode.Scalar, behind last: Unicode.Scalar?) -> Bool {
        switch scalar.value {
        case 0x09, 0x0A, 0x0D: false
        case 0x00...0x1F, 0x7F...0x9F, 0xFFFD: true
        case 0xA0...0xBF: last?.value == 0xC3
        case 0x20AC: last?.value == 0xE2
        default: false
        }
    }
}
