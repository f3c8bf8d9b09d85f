/// The calendar windows of quotas, in UTC: days and months by a running number, so that the next one is the number after.
package enum QuotaPeriod: UInt8, Sendable, CaseIterable {
    case day
    case month

    private static let dayMicroseconds: Int64 = 86_400_000_000

    /// Number of the window that holds an instant, microseconds since 1970.
    package func number(at microseconds: Int64) -> Int64 {
        switch self {
        case .day: microseconds >= 0 ? microseconds / Self.dayMicroseconds : (microseconds - Self.dayMicroseconds + 1) / Self.dayMicroseconds
        case .month:
            BillingPeriod(microseconds: microseconds).number
        }
    }

    /// First instant after a window, microseconds since 1970.
    package func end(of number: Int64) -> Int64 {
        switch self {
        case .day: (number + 1) * Self.dayMicroseconds
        case .month: BillingPeriod(number: number).end
        }
    }
}

extension BillingPeriod {
    /// Months since the beginning of year 0.
    package var number: Int64 { Int64(year) * 12 + Int64(month) - 1 }

    package init(number: Int64) {
        let year = number >= 0 ? number / 12 : (number - 11) / 12
        self.init(year: Int(year), month: Int(number - year * 12) + 1)
    }
}

/// What is counted in a calendar window. Raw values are those of the wire and the database.
package enum QuotaKind: String, Sendable, CaseIterable {
    case tokensPerDay = "tokens_per_day"
    case tokensPerMonth = "tokens_per_month"
    /// In 10^-12 US dollars wherever amounts are counted; limits are agreed in 10^-6.
    case spendPerMonth = "spend_per_month"

    package var period: QuotaPeriod { self == .tokensPerDay ? .day : .month }
}
