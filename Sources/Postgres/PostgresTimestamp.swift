import FoundationEssentials

/// `timestamptz` in ISO form at UTC, such as `2026-02-03 04:05:06.789012+00`. Sessions are set to that form when they open.
enum PostgresTimestamp {
    static func text(_ date: Date) -> String {
        let microseconds = Int64((date.timeIntervalSince1970 * 1_000_000).rounded())
        let (seconds, fraction) = floored(microseconds, 1_000_000)
        let (days, secondOfDay) = floored(seconds, 86_400)
        let (year, month, day) = civil(days)
        let hour = secondOfDay / 3_600
        let minute = secondOfDay / 60 % 60
        return padded(year, 4) + "-" + padded(month, 2) + "-" + padded(day, 2) + " " + padded(hour, 2) + ":" + padded(minute, 2) + ":"
            + padded(secondOfDay % 60, 2) + "." + padded(fraction, 6) + "+00"
    }

    /// Nil when the text is not such an instant; `infinity` is none.
    static func parse(_ text: String) -> Date? {
        let parts = text.split(separator: " ")
        guard parts.count == 2, parts[1].hasSuffix("+00") else { return nil }
        let calendar = parts[0].split(separator: "-").map { Int64($0) }
        let clock = parts[1].dropLast(3).split(separator: ":")
        guard calendar.count == 3, clock.count == 3, let year = calendar[0], let month = calendar[1], let day = calendar[2],
            let hour = Int64(clock[0]), let minute = Int64(clock[1]), let microsecond = microseconds(clock[2])
        else { return nil }
        let seconds = days(year, month, day) * 86_400 + hour * 3_600 + minute * 60
        return Date(timeIntervalSince1970: Double(seconds) + Double(microsecond) / 1_000_000)
    }

    /// `06` or `06.789` in microseconds.
    private static func microseconds(_ text: Substring) -> Int64? {
        let parts = text.split(separator: ".")
        guard let whole = parts.first.flatMap({ Int64($0) }), parts.count <= 2 else { return nil }
        guard parts.count == 2 else { return whole * 1_000_000 }
        guard parts[1].count <= 6, let fraction = Int64(parts[1]) else { return nil }
        let scale = (parts[1].count..<6).reduce(Int64(1)) { product, _ in product * 10 }
        return whole * 1_000_000 + fraction * scale
    }

    private static func padded(_ value: Int64, _ width: Int) -> String {
        let digits = String(value)
        return String(repeating: "0", count: max(0, width - digits.count)) + digits
    }

    private static func floored(_ value: Int64, _ divisor: Int64) -> (quotient: Int64, remainder: Int64) {
        let remainder = (value % divisor + divisor) % divisor
        return ((value - remainder) / divisor, remainder)
    }

    /// Days since 1970 of a proleptic Gregorian date, counted in eras of 400 years that begin in March.
    private static func days(_ year: Int64, _ month: Int64, _ day: Int64) -> Int64 {
        let shifted = month <= 2 ? year - 1 : year
        let (era, yearOfEra) = floored(shifted, 400)
        let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    }

    private static func civil(_ days: Int64) -> (year: Int64, month: Int64, day: Int64) {
        let (era, dayOfEra) = floored(days + 719_468, 146_097)
        let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, dayOfYear - (153 * shiftedMonth + 2) / 5 + 1)
    }
}
