import Domain
import Foundation
import Logging
import NIOCore
import PlimsollWire
import Synchronization
import TestSupport
import Testing

@testable import Gateway

@Suite struct LeasePlanTests {
    private static let second: Int64 = 1_000_000

    private static func fixture(_ file: LimitFile? = nil, now: Int64 = 0) throws -> LimitFixture {
        var fixture = try LimitFixture(file: file, isLeased: true, monotonic: now)
        fixture.tier.tokensPerDay = 10_000
        return fixture
    }

    private static func grant(_ report: LeaseReport, _ granted: Int64, spent: Int64 = 0, isExhausted: Bool = false) -> LeaseGrant {
        LeaseGrant(
            holder: report.holder, kind: report.kind, period: report.period, granted: granted, spent: spent, elsewhere: 0, seconds: 60,
            isExhausted: isExhausted)
    }

    @Test func nothingIsAskedForUntilSomebodyNeedsIt() throws {
        let fixture = try Self.fixture()
        let limits = fixture.limits
        var plan = LeasePlan()
        let none = plan.reports(fixture.book.holders, now: 0)
        #expect(none.isEmpty)
        let fault = try #require(limits.take(300).fault)
        #expect(fault.kind == .tokensPerDay && fault.mayBeLeased)
        let reports = plan.reports(fixture.book.holders, now: 1)
        let report = try #require(reports.first)
        #expect(report == LeaseReport(holder: "tenant/t", kind: "tokens_per_day", period: report.period, granted: 0, spent: 0, need: 300))
        plan.take(Self.grant(report, 1000), fixture.book, sentAt: 1, now: 2)
        let reservation = try #require(limits.take(300).reservation)
        #expect(limits.take(701).fault?.mayBeLeased == true)
        limits.settle(reservation, tokens: 200, spend: 0, now: 3)
        #expect(limits.take(800).fault == nil)
    }

    @Test func moreIsAskedForAheadOfNeed() throws {
        let fixture = try Self.fixture()
        let limits = fixture.limits
        var plan = LeasePlan()
        _ = limits.take(100)
        let firsts = plan.reports(fixture.book.holders, now: 0)
        let first = try #require(firsts.first)
        plan.take(Self.grant(first, 1000), fixture.book, sentAt: 0, now: 0)
        for _ in 0..<4 { limits.settle(try #require(limits.take(100).reservation), tokens: 100, spend: 0, now: 0) }
        // 400 a second: what is left would last for less than two.
        let seconds = plan.reports(fixture.book.holders, now: Self.second)
        let second = try #require(seconds.first)
        #expect(second.granted == 1000 && second.spent == 400 && second.need == 400 * 15 - 600)
        plan.take(Self.grant(second, 1000, isExhausted: true), fixture.book, sentAt: Self.second, now: Self.second)
        #expect(limits.take(601).fault?.mayBeLeased == false)
    }

    /// Cut off: from the unspent lease only, and not beyond its time.
    @Test func aLeaseEndsByItselfBeforeItEndsAtTheControlPlane() throws {
        let fixture = try Self.fixture()
        let limits = fixture.limits
        var plan = LeasePlan()
        _ = limits.take(1)
        let reports = plan.reports(fixture.book.holders, now: 0)
        let report = try #require(reports.first)
        plan.take(Self.grant(report, 1000), fixture.book, sentAt: 0, now: 0)
        _ = plan.reports(fixture.book.holders, now: 58 * Self.second, isReachable: false)
        #expect(limits.take(10).fault == nil)
        _ = plan.reports(fixture.book.holders, now: 59 * Self.second, isReachable: false)
        #expect(limits.take(10).fault?.kind == .tokensPerDay)
    }

    /// While an exchange waits for its answer nobody makes a plan.
    @Test func whatWasLeasedOrLentEndsWhileTheControlPlaneDoesNotAnswer() throws {
        let fixture = try Self.fixture()
        let limits = fixture.limits
        var plan = LeasePlan()
        _ = limits.take(1)
        let reports = plan.reports(fixture.book.holders, now: 0)
        plan.take(Self.grant(try #require(reports.first), 1000), fixture.book, sentAt: 0, now: 0)
        limits.tenant.lend(RateParts(requests: 0, tokens: 0, concurrent: 5), until: 59 * Self.second)
        let usual = fixture.tier.concurrentRequests
        for (seconds, isHeld) in [(Int64(58), true), (59, false)] {
            fixture.book.tick(wall: LimitFixture.start + seconds * Self.second, monotonic: seconds * Self.second)
            #expect((limits.take(10).fault == nil) == isHeld)
            #expect(limits.tenant.concurrentLimit == (isHeld ? usual + 5 : usual))
        }
    }

    @Test func whatOthersLookForIsGivenBackInTwoSteps() throws {
        let fixture = try Self.fixture()
        let limits = fixture.limits
        var plan = LeasePlan()
        _ = limits.take(1)
        let reports = plan.reports(fixture.book.holders, now: 0)
        let report = try #require(reports.first)
        plan.take(Self.grant(report, 1000), fixture.book, sentAt: 0, now: 0)
        let running = try #require(limits.take(50).reservation)
        plan.sought = [SoughtQuota(holder: report.holder, kind: report.kind, period: report.period)]
        let lowering = plan.reports(fixture.book.holders, now: Self.second)
        #expect(lowering.allSatisfy { $0.enough == nil })
        #expect(limits.take(10).fault != nil, "nobody takes what is about to be given back")
        let backs = plan.reports(fixture.book.holders, now: 2 * Self.second)
        let back = try #require(backs.first)
        #expect(back.enough == 50)
        limits.settle(running, tokens: 20, spend: 0, now: 0)
    }

    @Test func aRestartedProcessKeepsItsLeaseAndOneWithoutItsFileLearnsWhatItSpent() throws {
        let path = LimitFixture.path
        defer { try? FileManager.default.removeItem(atPath: path) }
        do {
            let fixture = try Self.fixture(LimitFixture.file(path))
            _ = fixture.limits.take(1)
            var plan = LeasePlan()
            let reports = plan.reports(fixture.book.holders, now: 0)
            let report = try #require(reports.first)
            plan.take(Self.grant(report, 1000), fixture.book, sentAt: 0, now: 0)
            fixture.limits.settle(try #require(fixture.limits.take(300).reservation), tokens: 300, spend: 0, now: 0)
        }
        let restarted = try Self.fixture(LimitFixture.file(path), now: Self.second)
        #expect(restarted.limits(now: Self.second).take(701).fault?.mayBeLeased == true)
        #expect(restarted.limits(now: Self.second).take(700).fault == nil)
        let bare = try Self.fixture()
        _ = bare.limits.take(1)
        var plan = LeasePlan()
        let reports = plan.reports(bare.book.holders, now: 0)
        let report = try #require(reports.first)
        plan.take(Self.grant(report, 1000, spent: 300), bare.book, sentAt: 0, now: 0)
        #expect(bare.limits.take(701).fault != nil)
        #expect(bare.limits.take(700).fault == nil)
    }

    @Test func `where nothing of a quota could be lent the refusal is our failure, and where it is used up the customer's`() async throws {
        var setup = GatewayFixture.Setup()
        setup.tier.tokensPerDay = 10_000
        let book = try LimitBook(
            file: LimitFile(), isLeased: true, wall: LoopClock.wallMicroseconds(), monotonic: NIODeadline.now().microseconds)
        setup.limits = book
        let runtime = try await ScriptedRuntime { _, _ in [.send(Answers.json(Samples.answer))] }
        try await GatewayFixture.run([runtime], setup) { gateway in
            let client = try await TestClient(port: gateway.port)
            for outcome in ["bad:shed", "excluded:quota"] {
                client.clear()
                try await client.post(Samples.request)
                #expect(try await client.answer().contains("tokens_per_day_exceeded"))
                #expect(try await gateway.spool.takeMinutes().map { MinuteCounters($0.key, $0.value).outcomes } == [[outcome: 1]])
                var plan = LeasePlan()
                let now = NIODeadline.now().microseconds
                for report in plan.reports(book.holders, now: now) {
                    plan.take(Self.grant(report, 0, isExhausted: true), book, sentAt: now, now: now)
                }
            }
        }
    }

    @Test func `what the part of a gateway that is cut off refuses is our failure, as far as it was agreed`() async throws {
        var setup = GatewayFixture.Setup()
        setup.tier.requestsPerMinute = 2
        setup.edit = { $0.gateways = TableGateways.make(2) }
        let book = try LimitBook(
            file: LimitFile(), isLeased: true, wall: LoopClock.wallMicroseconds(), monotonic: NIODeadline.now().microseconds)
        setup.limits = book
        // Nobody ever answers it.
        setup.leases = LeaseKeeper(book: book, boot: "b", logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })) { _ in
            throw CancellationError()
        }
        let runtime = try await ScriptedRuntime { _, _ in [.send(Answers.json(Samples.answer))] }
        try await GatewayFixture.run([runtime], setup) { gateway in
            let client = try await TestClient(port: gateway.port)
            for status in [200, 429, 429] {
                client.clear()
                try await client.post(Samples.request)
                #expect(try await client.answer().hasPrefix("HTTP/1.1 \(status) "))
            }
            var outcomes: [String: Int64] = [:]
            try await Waiting.until("what they count as", within: .seconds(60)) {
                for (key, cell) in try await gateway.spool.takeMinutes() { outcomes.merge(MinuteCounters(key, cell).outcomes, uniquingKeysWith: +) }
                return outcomes.values.reduce(0, +) == 3
            }
            #expect(outcomes == ["good": 1, "bad:throttled": 1, "excluded:quota": 1])
        }
    }

    @Test func aGatewayThatStopsTellsOfMoreLeasesThanOneRequestHolds() async throws {
        var fixture = try LimitFixture(isLeased: true)
        fixture.key.tokensPerDay = 1000
        for number in 0..<501 {
            fixture.key.id = "k\(number)"
            _ = fixture.limits.take(1)
        }
        let told = Mutex<[LeaseRequest]>([])
        let keeper = LeaseKeeper(book: fixture.book, boot: "b", logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })) {
            request in
            told.withLock { $0.append(request) }
            return LeaseAnswer(now: LimitFixture.start, grants: request.reports.map { Self.grant($0, 100) }, sought: [])
        }
        var plan = LeasePlan()
        await keeper.turn(&plan)
        told.withLock { $0 = [] }
        var last = LeasePlan(isLast: true)
        await keeper.turn(&last)
        let requests = told.withLock { $0 }
        #expect(requests.map(\.reports.count) == [500, 1] && requests.map(\.sequence) == [.max, .max])
        #expect(requests.flatMap(\.reports).allSatisfy { $0.enough == 0 })
    }

    @Test func theKeeperSaysWhenThereIsNobodyToWaitFor() async throws {
        struct Away: Error {}
        let fixture = try Self.fixture()
        _ = fixture.limits.take(5)
        let calls = Atomic<Int>(0)
        let keeper = LeaseKeeper(book: fixture.book, boot: "b", logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })) {
            request in
            guard calls.wrappingAdd(1, ordering: .relaxed).newValue > 1 else { throw Away() }
            return LeaseAnswer(now: LimitFixture.start, grants: request.reports.map { Self.grant($0, 1000) }, sought: [])
        }
        var plan = LeasePlan()
        await keeper.turn(&plan)
        #expect(!keeper.isReachable && keeper.answeredAt == .min && fixture.limits.take(5).fault != nil)
        let before = NIODeadline.now().microseconds
        await keeper.turn(&plan)
        #expect(keeper.isReachable && keeper.answeredAt >= before && fixture.limits.take(5).fault == nil)
    }
}
