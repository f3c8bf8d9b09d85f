import Testing

@testable import Domain

@Suite("Quota windows")
struct QuotaPeriodTests {
    private let hour: Int64 = 3_600_000_000

    @Test("days and months begin and end at midnight UTC", arguments: [Int64(0), -1, 1_782_777_600_000_000, 1_709_251_199_999_999])
    func windows(instant: Int64) {
        for period in QuotaPeriod.allCases {
            let number = period.number(at: instant)
            #expect(period.end(of: number - 1) <= instant && instant < period.end(of: number))
            #expect(period.number(at: period.end(of: number)) == number + 1)
            #expect(period.end(of: number) % (24 * hour) == 0)
        }
    }

    /// Row 33 of the failure catalogue.
    @Test("a jump of the wall clock moves a window by no more than five milliseconds a second", arguments: [Int64(1), -1, 87_600, -87_600])
    func jumps(hours: Int64) {
        let start: Int64 = 1_782_777_600_000_000
        var clock = SteadyClock(wall: start, monotonic: 1000)
        var time = start
        for second in 1...3600 {
            let elapsed = Int64(second) * 1_000_000
            let next = clock.now(wall: start + elapsed + hours * hour, monotonic: 1000 + elapsed)
            #expect(next >= time)
            time = next
        }
        #expect(abs(time - (start + hour)) <= hour / 200)
    }

    @Test("a better clock is believed at once, and no time comes twice but where it was wrong")
    func better() {
        var clock = SteadyClock(wall: 10 * hour, monotonic: 0)
        clock.set(12 * hour, monotonic: 5)
        let believed = clock.now(wall: 12 * hour, monotonic: 5)
        clock.set(12 * hour - 30_000_000, monotonic: 6)
        let again = clock.now(wall: 12 * hour, monotonic: 6)
        clock.set(11 * hour, monotonic: 7)
        let corrected = clock.now(wall: 12 * hour, monotonic: 7)
        var restarted = SteadyClock(wall: hour, monotonic: 0, notBefore: 3 * hour)
        let first = restarted.now(wall: hour, monotonic: 0)
        #expect(believed == 12 * hour && again == 12 * hour && corrected == 11 * hour && first == 3 * hour)
    }
}
