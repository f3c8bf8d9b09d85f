import FoundationEssentials
import Testing

@testable import Domain

@Suite struct PromiseTests {
    @Test func sumsAndProductsOfRatiosAreExact() {
        var random = SeededRandom(seed: 7)
        for _ in 0..<2_000 {
            let (a, b) = (Int64.random(in: -5_000...5_000, using: &random), Int64.random(in: 1...5_000, using: &random))
            let (c, d) = (Int64.random(in: -5_000...5_000, using: &random), Int64.random(in: 1...5_000, using: &random))
            let (left, right) = (Ratio(a, b), Ratio(c, d))
            #expect(left + right == Ratio(a * d + c * b, b * d) && left - right == Ratio(a * d - c * b, b * d))
            #expect(left * right == Ratio(a * c, b * d))
            if c != 0 { #expect(left / right * right == left) }
            #expect(Ratio(left.floor, 1) <= left && left < Ratio(left.floor + 1, 1))
            #expect(Ratio(left.ceiling, 1) >= left && left > Ratio(left.ceiling - 1, 1))
        }
    }

    @Test func moreBadMinutesNeverPayLess() {
        for counting in CreditTerms.Counting.allCases {
            let terms = CreditTerms(objective: Ratio(999, 1000), schedule: .steps(counting, step: Ratio(1, 1000), percent: Ratio(5, 1)))
            var last = Ratio(0, 1)
            for bad in stride(from: Int64(0), through: 43_200, by: 7) {
                let percent = terms.percent(uptime: Ratio(43_200 - bad, 43_200))
                #expect(percent >= last && percent <= terms.capPercent)
                last = percent
            }
            #expect(last == terms.capPercent)
        }
    }

    @Test func aBudgetAndItsUptimeAgreeOnTheBreach() {
        let objective = Ratio(9_995, 10_000)
        for minutes: Int64 in [40_320, 41_760, 43_200, 44_640, 21_601] {
            let budget = ErrorBudget(minutes: minutes, objective: objective)
            for bad in 0...60 as ClosedRange<Int64> {
                #expect((bad <= budget.allowedBad) == ((budget.uptime(bad: bad) ?? objective) >= objective))
            }
        }
        #expect(ErrorBudget(minutes: 0, objective: objective).uptime(bad: 0) == nil)
    }

    @Test(arguments: [
        ("0.1", "0.5", "0.2", FreezeState.normal), ("0.25", "0.2", "0.2", .normal), ("0.25", "0.1", "0.2", .caution), ("0.5", "0.9", "0.2", .caution),
        ("0.5", "0.25", "0.2", .frozen), ("0.99", "0.98", "0.2", .caution), ("1", "1", "0.2", .frozen), ("0", "0.1", "1", .frozen),
    ])
    func changesAreFrozenByWhatIsSpentAndHowFast(consumed: String, elapsed: String, rolling: String, state: FreezeState) throws {
        let (spent, passed, recent) = try (#require(Ratio(decimal: consumed)), #require(Ratio(decimal: elapsed)), #require(Ratio(decimal: rolling)))
        #expect(FreezeState(consumed: spent, bad: 1, elapsed: passed, rolling: recent) == state)
    }

    @Test func withoutEnoughBadEventsNothingFires() {
        let (long, short) = (BurnWindow(bad: 2, total: 10), BurnWindow(bad: 2, total: 2))
        func verdict(_ least: Int64) -> BurnRule.Verdict {
            BurnRule.verdict(long: long, short: short, objective: Ratio(999, 1000), threshold: Ratio(144, 10), leastBad: least)
        }
        #expect(verdict(3) == .quiet && verdict(2) == .fire)
        #expect(
            BurnRule.verdict(long: long, short: BurnWindow(bad: 0, total: 0), objective: Ratio(999, 1000), threshold: Ratio(1, 1), leastBad: 0)
                == .noData)
        #expect(BurnRule.shipped.map { $0.threshold(periodSeconds: 30 * 86_400).shortDecimal(places: 3) } == ["14.4", "6", "3", "1"])
    }

    @Test func aMinuteOfWhichNothingIsKnownBreaksAStreak() {
        var streak = BreachStreak(need: 3)
        #expect([true, true, nil, true, true, true, true].map { streak.note($0) } == [false, false, false, false, false, true, false])
    }

    @Test func aLeafIsReadOnlyAsItIsWritten() throws {
        let text = "v1|acme|pro-8b|eu|2026-06-01T00:00Z|120|0|3|120|4|good"
        #expect(try #require(MinuteLeaf(text)).text == text)
        for broken in [
            "v2|acme|pro-8b|eu|2026-06-01T00:00Z|120|0|3|120|4|good", "v1|acme|pro-8b|eu|2026-06-01T00:00Z|0120|0|3|120|4|good",
            "v1|acme|pro-8b|eu|2026-06-31T00:00Z|120|0|3|120|4|good", "v1||pro-8b|eu|2026-06-01T00:00Z|120|0|3|120|4|good",
            "v1|acme|pro-8b|eu|2026-06-01T00:00Z|-1|0|3|120|4|good", "v1|acme|pro-8b|eu|2026-06-01T24:00Z|120|0|3|120|4|good",
            "v1|acme|pro-8b|eu|2026-06-01T00:00Z|120|0|3|120|4|fine", text + "|", "", "v1|a b|pro-8b|eu|2026-06-01T00:00Z|120|0|3|120|4|good",
        ] {
            #expect(MinuteLeaf(broken) == nil, "\(broken)")
        }
    }

    @Test(arguments: [
        ("America/New_York", 2026, 3, 44_580), ("America/New_York", 2026, 11, 43_260), ("America/New_York", 2060, 11, 43_260),
        ("Europe/Berlin", 2026, 3, 44_580), ("Europe/Berlin", 2026, 10, 44_700), ("Europe/Berlin", 2045, 10, 44_700),
        ("Australia/Lord_Howe", 2026, 4, 43_230), ("Asia/Kolkata", 2026, 2, 40_320), ("Asia/Kolkata", 2100, 2, 40_320),
        ("America/Santiago", 2026, 9, 43_140), ("Africa/Casablanca", 2026, 6, 43_200), ("Etc/UTC", 2028, 2, 41_760),
    ])
    func aMonthHasTheMinutesThatReallyElapse(zone: String, year: Int, month: Int, minutes: Int64) throws {
        let file = try Data(contentsOf: URL(filePath: "/usr/share/zoneinfo/" + zone))
        let rules = try #require(ZoneRules(tzif: Array(file)))
        #expect(rules.minutes(of: BillingPeriod(year: year, month: month)) == minutes)
    }

    @Test func aFileThatIsCutOrChangedIsRefusedOrReadWithoutHarm() throws {
        let file = Array(try Data(contentsOf: URL(filePath: "/usr/share/zoneinfo/Europe/Berlin")))
        for length in stride(from: 0, to: file.count - 40, by: 13) { #expect(ZoneRules(tzif: Array(file[..<length])) == nil) }
        var random = SeededRandom(seed: 3)
        for _ in 0..<500 {
            var changed = file
            changed[Int.random(in: 0..<file.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
            _ = ZoneRules(tzif: changed)?.minutes(of: BillingPeriod(year: 2026, month: 10))
        }
        for text in ["", "CET", "CET-1CEST,M3.5.0", "CET-1CEST,M13.5.0,M10.5.0", "C-1", "CET-1CEST,M3.5.0,M10.5.0/3x", "<+03>-3"] {
            #expect((ZoneRule(text) != nil) == (text == "<+03>-3"), "\(text)")
        }
    }
}
