import Testing

@testable import Domain

@Suite struct MaintenanceTests {
    /// 1 January 2026, a Thursday.
    private static let day: Int64 = 29_453_760
    private static let month = day..<day + 31 * 1_440

    private func accepted(_ windows: [(from: Int64, until: Int64)], _ rules: MaintenanceRules, _ clock: ZoneClock = .utc) -> [Range<Int64>] {
        let planned = windows.map { window in
            let starts = (Self.day + window.from) * 60_000_000
            return PlannedMaintenance(announced: starts - 300_000_000_000, starts: starts, ends: (Self.day + window.until) * 60_000_000, reason: "")
        }
        return rules.accepted(planned, in: Self.month, clock: clock).map { $0.lowerBound - Self.day..<$0.upperBound - Self.day }
    }

    private func agreed(_ weekday: Int?, _ from: Int, _ until: Int) -> MaintenanceRules {
        MaintenanceRules(monthlyMinutes: 10_000, window: .init(weekday: weekday, from: from, until: until))
    }

    @Test("a window over midnight belongs to the day on which it begins")
    func overMidnight() {
        let days: [(Int64, Int64)] = [(0, 3 * 1_440)]
        #expect(accepted(days, agreed(nil, 1_320, 120)) == [0..<120, 1_320..<1_560, 2_760..<3_000, 4_200..<4_320])
        #expect(accepted(days, agreed(4, 1_320, 120)) == [1_320..<1_560], "Thursday, and into Friday")
        #expect(accepted(days, agreed(3, 1_320, 120)) == [0..<120], "what Wednesday left")
        #expect(accepted(days, agreed(5, 60, 120)) == [1_500..<1_560])
        #expect(accepted(days, agreed(5, 0, 1_440)) == [1_440..<2_880])
        #expect(accepted([(0, 2_880)], agreed(4, 600, 600)) == [600..<2_040], "a whole day from ten to ten")
    }

    @Test("an agreed window is by the clocks of the contract, also in the night in which they are changed")
    func clocks() {
        let berlin = ZoneClock([.init(since: Self.day, ahead: 60), .init(since: Self.day + 1_440 + 60, ahead: 120)])
        // 2:00 to 3:00 of the second day does not come: clocks go from 1:59 to 3:00.
        #expect(accepted([(0, 4_320)], agreed(nil, 120, 180), berlin) == [60..<120, 2_880..<2_940])
        let back = ZoneClock([.init(since: Self.day, ahead: 120), .init(since: Self.day + 60, ahead: 60)])
        #expect(accepted([(0, 1_440)], agreed(nil, 120, 180), back) == [0..<120], "an hour that comes twice counts twice")
    }

    @Test("the month's first minutes count, each once, up to the cap")
    func cap() {
        let rules = MaintenanceRules(monthlyMinutes: 50)
        #expect(accepted([(500, 600), (0, 20), (10, 30)], rules) == [0..<30, 500..<520])
        #expect(accepted([(0, 20)], MaintenanceRules(monthlyMinutes: 0)).isEmpty)
        #expect(accepted([(-50, 20)], MaintenanceRules()) == [0..<20], "what lies in another month is that month's")
    }

    @Test("minutes of a window begin with the one in which it starts")
    func minutes() {
        func minutes(_ starts: Int64, _ ends: Int64) -> Range<Int64> {
            PlannedMaintenance(announced: 0, starts: starts, ends: ends, reason: "").minutes
        }
        #expect(minutes(60_000_000, 180_000_000) == 1..<3)
        #expect(minutes(90_000_000, 180_000_000) == 1..<3)
        #expect(minutes(90_000_000, 210_000_001) == 1..<4)
        #expect(minutes(60_000_000, 60_000_000).isEmpty)
    }
}
