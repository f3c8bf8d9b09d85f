/// A calendar month in UTC.
package struct BillingPeriod: Sendable, Equatable, Comparable, CustomStringConvertible {
    package let year: Int
    /// 1 to 12.
    package let month: Int

    /// The month that holds an instant, microseconds since 1970.
    package init(microseconds: Int64) {
        let day = Self.floorDivide(microseconds, 86_400_000_000)
        // Days to civil date, with eras of 400 years that begin in March (Hinnant, "chrono-compatible low-level date algorithms").
        let shifted = day + 719_468
        let era = Self.floorDivide(shifted, 146_097)
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let marchMonth = (5 * dayOfYear + 2) / 153
        month = Int(marchMonth < 10 ? marchMonth + 3 : marchMonth - 9)
        year = Int(yearOfEra + era * 400) + (month <= 2 ? 1 : 0)
    }

    package init(year: Int, month: Int) {
        precondition((1...12).contains(month), "a month is 1 to 12")
        self.year = year
        self.month = month
    }

    /// First instant after the month, microseconds since 1970.
    package var end: Int64 {
        month == 12 ? Self(year: year + 1, month: 1).start : Self(year: year, month: month + 1).start
    }

    /// First instant of the month, microseconds since 1970.
    package var start: Int64 {
        let shiftedYear = Int64(month <= 2 ? year - 1 : year)
        let era = Self.floorDivide(shiftedYear, 400)
        let yearOfEra = shiftedYear - era * 400
        let marchMonth = Int64(month > 2 ? month - 3 : month + 9)
        let dayOfYear = (153 * marchMonth + 2) / 5
        let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
        return (era * 146_097 + dayOfEra - 719_468) * 86_400_000_000
    }

    /// Such as `2026-07`.
    package var description: String {
        "\(year)-\(month < 10 ? "0" : "")\(month)"
    }

    package static func < (left: BillingPeriod, right: BillingPeriod) -> Bool {
        (left.year, left.month) < (right.year, right.month)
    }

    private static func floorDivide(_ value: Int64, _ divisor: Int64) -> Int64 {
        value >= 0 ? value / divisor : -((-value + divisor - 1) / divisor)
    }
}
