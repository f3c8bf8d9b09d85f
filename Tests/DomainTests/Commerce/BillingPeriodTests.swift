import Domain
import Testing

@Suite("Billing periods")
struct BillingPeriodTests {
    private static let months = (1900...2200).flatMap { year in (1...12).map { BillingPeriod(year: year, month: $0) } }

    @Test("every instant belongs to one month: the first and the last microsecond, and those beside them")
    func boundaries() {
        for (previous, month) in zip(Self.months, Self.months.dropFirst()) {
            #expect(previous.end == month.start && previous < month)
            #expect(BillingPeriod(microseconds: month.start) == month)
            #expect(BillingPeriod(microseconds: month.start - 1) == previous)
            #expect(BillingPeriod(microseconds: month.end - 1) == month)
        }
    }

    @Test(
        "months are as long as the calendar says, leap years included",
        arguments: [
            (1900, 2, 28), (2000, 2, 29), (2024, 2, 29), (2026, 2, 28), (2100, 2, 28), (2026, 1, 31), (2026, 4, 30), (2026, 12, 31),
        ])
    func lengths(year: Int, month: Int, days: Int64) {
        let period = BillingPeriod(year: year, month: month)
        #expect(period.end - period.start == days * 86_400_000_000)
    }

    @Test("the clocks of summer and winter time do not move a month, and 1970 is no border")
    func utc() {
        // 2026-10-25 00:59:59.999999 UTC, within the hour that Europe has twice.
        #expect(BillingPeriod(microseconds: 1_792_889_999_999_999).description == "2026-10")
        // 2026-11-01 03:30 UTC is still October in New York.
        #expect(BillingPeriod(microseconds: 1_793_503_800_000_000).description == "2026-11")
        #expect(BillingPeriod(microseconds: -1).description == "1969-12" && BillingPeriod(microseconds: 0).description == "1970-01")
    }
}
