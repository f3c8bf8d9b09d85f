import Foundation
import Synchronization
import Domain
import PlimsollWire
import Testing

@testable import Gateway

@Suite struct LimitHolderTests {
    /// Exact on one gateway, whatever loops do: I9 with no lease.
    @Test(arguments: [1, 2, 4])
    func threadsTogetherTakeExactlyTheLimit(_ threads: Int) async throws {
        var fixture = try LimitFixture()
        fixture.tier.tokensPerDay = 100_003
        fixture.tier.concurrentRequests = 1_000_000
        let limits = fixture.limits
        let taken = await withTaskGroup(of: Int.self) { group in
            for thread in 0..<threads {
                group.addTask {
                    var sum = 0
                    while case .granted(let reservation, _) = limits.reserve(LimitAsk(tokens: 7, spend: 0, now: 0)) {
                        // A third of them uses less than it took.
                        let used = (sum + thread) % 3 == 0 ? 4 : 7
                        limits.settle(reservation, tokens: used, spend: 0, now: 0)
                        sum += used
                    }
                    return sum
                }
            }
            return await group.reduce(0, +)
        }
        #expect(taken <= 100_003 && taken > 100_003 - 7)
        #expect(limits.own.used(.tokensPerDay) == Int64(taken) && limits.tenant.left(.tokensPerDay) == Int64(100_003 - taken))
        #expect(limits.tenant.running == 0)
    }

    @Test func eachLimitSaysWhichItIsAndGivesTheOthersBack() throws {
        var fixture = try LimitFixture()
        fixture.tier.tokensPerDay = 100
        fixture.tier.tokensPerMonth = 150
        fixture.key.spendPerMonthMicroUsd = 1
        let limits = fixture.limits
        #expect(limits.take(101).fault?.kind == .tokensPerDay)
        #expect(limits.take(10, spend: 1_000_001).fault?.kind == .spendPerMonth)
        let first = try #require(limits.take(100, spend: 600_000).reservation)
        let late = try #require(limits.take(1).fault)
        #expect(late.kind == .tokensPerDay && late.retryAfter == LimitFixture.day && !late.mayBeLeased)
        limits.settle(first, tokens: 60, spend: 500_000, now: 0)
        #expect(limits.take(1, spend: 500_001).fault?.kind == .spendPerMonth)
        #expect(limits.take(41).fault?.kind == .tokensPerDay)
        #expect(limits.take(40, spend: 500_000).fault == nil)
        #expect(limits.tenant.standing(now: 0).requestsLeft == 1_000_000 - 2)
    }

    @Test func whatCostsLessThanNothingMakesNoRoom() throws {
        var fixture = try LimitFixture()
        fixture.tier.spendPerMonthMicroUsd = 1
        let limits = fixture.limits
        let free = try #require(limits.take(0, spend: -500_000).reservation)
        #expect(limits.tenant.left(.spendPerMonth) == 1_000_000)
        #expect(limits.take(0, spend: 1_000_001).fault?.kind == .spendPerMonth)
        limits.settle(free, tokens: 0, spend: 0, now: 0)
        #expect(limits.tenant.left(.spendPerMonth) == 1_000_000)
    }

    /// Reservations that have grown old could be had back all at once, and ten minutes' tokens be used in one.
    @Test func whatIsGivenBackLateMakesLittleRoom() throws {
        var fixture = try LimitFixture()
        fixture.tier.tokensPerMinute = 6000
        let (limits, second) = (fixture.limits, Int64(1_000_000))
        let running = (0..<600).compactMap { limits.take(100, now: $0 * second).reservation }
        #expect(running.count == 600)
        let now = 600 * second
        var admitted = 0
        for reservation in running {
            while limits.take(100, now: now).fault == nil { admitted += 100 }
            limits.settle(reservation, tokens: 0, spend: 0, now: now)
        }
        while limits.take(100, now: now).fault == nil { admitted += 100 }
        #expect((14_000...15_000).contains(admitted), "two and a half bursts")
    }

    @Test func whatIsGivenBackSoonIsGivenBackWhole() throws {
        var fixture = try LimitFixture()
        fixture.tier.tokensPerMinute = 6000
        let limits = fixture.limits
        let first = try #require(limits.take(6000).reservation)
        limits.settle(first, tokens: 500, spend: 0, now: 30_000_000)
        // Half a burst has drained.
        #expect(limits.standing(now: 30_000_000).tokensLeft == 6000)
        let second = try #require(limits.take(6000, now: 30_000_000).reservation)
        limits.settle(second, tokens: 500, spend: 0, now: 30_000_000)
        #expect(limits.standing(now: 30_000_000).tokensLeft == 5500)
    }

    @Test func whatAThrottleRefusesIsOursAsFarAsItWasAgreed() throws {
        var fixture = try LimitFixture()
        (fixture.tier.requestsPerMinute, fixture.tier.tokensPerMinute) = (100, 100_000)
        let whole = fixture.tier
        #expect(fixture.limits.take(1).fault == nil)
        fixture.tier.requestsPerMinute = 25
        fixture.agreed = (fixture.key, whole)
        let throttled = fixture.limits
        var outcomes: [Outcome: Int] = [:]
        for _ in 0..<200 { outcomes[throttled.take(1).fault?.outcome ?? .good, default: 0] += 1 }
        #expect(outcomes[.good] ?? 0 <= 25 && outcomes[.quota] ?? 0 >= 75, "\(outcomes)")
        #expect((75...100).contains(outcomes[.throttled] ?? 0), "\(outcomes)")
        // Another table with the same throttle forgets nothing.
        #expect(fixture.limits.take(1).fault?.outcome == .quota)
        fixture.agreed = nil
        fixture.tier = whole
        #expect(fixture.limits.take(1).fault?.isWithheld != true)
    }

    @Test func aKeyIsToldWhatItsAccountLeavesWhereThatIsLess() throws {
        var fixture = try LimitFixture()
        (fixture.tier.requestsPerMinute, fixture.tier.tokensPerMinute) = (3, 100)
        let others = fixture.limits
        fixture.key = KeyEntry(id: "own", tenant: "t", sha256Hex: "")
        (fixture.key.requestsPerMinute, fixture.key.tokensPerMinute) = (3, 20)
        let limits = fixture.limits
        #expect(others.take(10).fault == nil && others.take(10).fault == nil)
        #expect(limits.standing(now: 0).requestsLeft == 1 && limits.standing(now: 0).tokensLeft == 20)
        #expect(limits.take(15).fault == nil)
        guard case .refused(let refusal) = limits.reserve(LimitAsk(tokens: 1, spend: 0, now: 0)) else { return #expect(Bool(false)) }
        #expect(!refusal.isOwn && refusal.standing.requestsLeft == 0 && refusal.standing.tokensLeft == 5)
    }

    /// Row 33 of the failure catalogue: what is counted in changes at midnight and at no jump of a clock.
    @Test func windowsEndAtMidnightAndAtNoJump() throws {
        var fixture = try LimitFixture()
        fixture.tier.tokensPerDay = 100
        fixture.tier.tokensPerMonth = 150
        let limits = fixture.limits
        let running = try #require(limits.take(100).reservation)
        for jump in [LimitFixture.day, -LimitFixture.day, 3650 * LimitFixture.day, -3650 * LimitFixture.day] {
            fixture.book.tick(wall: LimitFixture.start + jump, monotonic: 1_000_000)
            #expect(limits.take(1).fault?.kind == .tokensPerDay)
        }
        fixture.book.tick(wall: LimitFixture.start + LimitFixture.day, monotonic: LimitFixture.day + 1_000_000)
        #expect(limits.take(60).fault?.kind == .tokensPerMonth)
        let next = try #require(limits.take(50).reservation)
        // It belongs to the day that it began on.
        limits.settle(running, tokens: 30, spend: 0, now: 0)
        #expect(limits.tenant.left(.tokensPerDay) == 50 && limits.tenant.left(.tokensPerMonth) == 70)
        limits.settle(next, tokens: 50, spend: 0, now: 0)
        #expect(limits.own.used(.tokensPerDay) == 50 && limits.own.used(.tokensPerMonth) == 80)
    }

    /// As after `kill -9`: nothing is written on purpose.
    @Test func whatWasUsedSurvivesTheProcessAndWhatWasReservedDoesNot() throws {
        let path = LimitFixture.path
        defer { try? FileManager.default.removeItem(atPath: path) }
        do {
            var fixture = try LimitFixture(file: LimitFixture.file(path))
            fixture.tier.tokensPerDay = 100
            fixture.tier.requestsPerMinute = 5
            let limits = fixture.limits
            let first = try #require(limits.take(50).reservation)
            limits.settle(first, tokens: 30, spend: 0, now: 0)
            #expect(limits.take(60).fault == nil)
        }
        // A wall clock that was set back meanwhile is no reason to begin anew.
        var fixture = try LimitFixture(file: LimitFixture.file(path), wall: LimitFixture.start - 40 * LimitFixture.day)
        fixture.tier.tokensPerDay = 100
        fixture.tier.requestsPerMinute = 5
        let limits = fixture.limits
        #expect(limits.own.used(.tokensPerDay) == 30 && limits.tenant.running == 0)
        #expect(limits.tenant.standing(now: 0).requestsLeft == 3)
        #expect(limits.take(71).fault?.kind == .tokensPerDay)
        #expect(limits.take(70).fault == nil)
    }

    @Test func aClockThatWasAheadIsPutRightByTheControlPlane() throws {
        let path = LimitFixture.path
        defer { try? FileManager.default.removeItem(atPath: path) }
        let (today, ahead) = (LimitFixture.start / LimitFixture.day, Int64(3650))
        do { _ = try LimitFixture(file: LimitFixture.file(path), isLeased: true, wall: LimitFixture.start + ahead * LimitFixture.day) }
        // The next process has a clock that is right, and finds what time it was.
        var fixture = try LimitFixture(file: LimitFixture.file(path), isLeased: true)
        fixture.tier.tokensPerDay = 100
        let limits = fixture.limits
        #expect(limits.take(10).fault?.mayBeLeased == true)
        #expect(limits.tenant.number(.tokensPerDay) == today + ahead)
        fixture.book.setTime(LimitFixture.start, monotonic: 0)
        fixture.book.tick(wall: LimitFixture.start, monotonic: 1_000_000)
        #expect(limits.tenant.number(.tokensPerDay) == today)
        var plan = LeasePlan()
        let reports = plan.reports(fixture.book.holders, now: 1_000_000)
        #expect(reports.map(\.period) == [today] && reports.map(\.need) == [10])
        let grant = LeaseGrant(
            holder: "tenant/t", kind: "tokens_per_day", period: today, granted: 100, spent: 60, elsewhere: 0, seconds: 60, isExhausted: false)
        plan.take(grant, fixture.book, sentAt: 1_000_000, now: 1_000_000)
        #expect(limits.take(41).fault?.kind == .tokensPerDay && limits.take(40).fault == nil)
    }

    @Test func aFileThatIsNoneIsPutAsideAndAHeldOneIsRefused() throws {
        let path = LimitFixture.path
        defer { for end in ["", ".damaged"] { try? FileManager.default.removeItem(atPath: path + end) } }
        try Data(repeating: 7, count: 4096).write(to: URL(filePath: path))
        let file = try LimitFixture.file(path)
        #expect(FileManager.default.fileExists(atPath: path + ".damaged"))
        #expect(throws: MeterError.self) { try LimitFile(path: path) }
        withExtendedLifetime(file) {}
    }

    @Test func thousandsOfHoldersFindTheirWordsAgain() throws {
        let path = LimitFixture.path
        defer { try? FileManager.default.removeItem(atPath: path) }
        do {
            let file = try LimitFixture.file(path)
            for number in 0..<3000 { try file.record("key/\(number)")[20].value = Int64(number) }
        }
        let file = try LimitFixture.file(path)
        for number in stride(from: 0, to: 3000, by: 7) { #expect(try file.record("key/\(number)")[63].value == 0) }
        file.forget { name, _ in name == "key/5" }
        #expect(try file.record("key/new")[20].value == 0)
    }

    @Test func gatewaysShareALimitToTheLastUnit() {
        let shares = (0..<4).map { GatewayShare(gateways: TableGateways.make(4), own: "g\($0)") }
        for limit in [1, 2, 3, 4, 7, 1000, 1_999_999_999] { #expect(shares.map { $0.of(limit) }.reduce(0, +) == limit) }
        #expect(GatewayShare(gateways: TableGateways.make(4), own: "stranger").of(7) == 1)
        #expect(GatewayShare.whole.of(7) == 7)
    }

    /// A plan's burst, T4: how much at once, beside how much a minute.
    @Test func aBurstThatWasAgreedIsWhatIsFreeAtOnce() throws {
        var fixture = try LimitFixture()
        fixture.tier.requestsPerMinute = 60
        fixture.tier.burstRequests = 3
        let limits = fixture.limits
        for _ in 0..<3 { #expect(limits.take(1).fault == nil) }
        #expect(limits.take(1).fault?.retryAfter == 1_000_000)
        #expect(limits.take(1, now: 1_000_000).fault == nil)
    }
}
