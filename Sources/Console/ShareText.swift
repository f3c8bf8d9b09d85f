import Domain

/// Shares as pages show them.
enum ShareText {
    /// Percent with as many digits as tell it from 100 %: a bad minute of a month is never rounded away. Nil: there is nothing to share.
    static func uptime(_ share: Ratio?) -> String? {
        guard let share else { return nil }
        for places in 2...5 {
            let text = (share * Ratio(100, 1)).decimal(places: places)
            if share.numerator == share.denominator { return "100 %" }
            if !text.hasPrefix("100") { return text + " %" }
        }
        return "below 100 %"
    }

    /// With a comma before each thousand.
    static func count(_ number: Int64) -> String {
        var (digits, groups) = (String(number), [Substring]())
        while digits.count > 3 {
            groups.insert(digits.suffix(3), at: 0)
            digits = String(digits.dropLast(3))
        }
        return ([digits[...]] + groups).joined(separator: ",")
    }

    static func percent(ppm: Int64) -> String { Ratio(ppm, 10_000).shortDecimal(places: 2) + " %" }

    static func seconds(microseconds: Int64) -> String {
        if microseconds == 0 { return "0 s" }
        return microseconds < 1_000_000
            ? "\(max(1, microseconds / 1_000)) ms" : Ratio(microseconds, 1_000_000).decimal(places: 2) + " s"
    }
}
