import Domain
import PlimsollWire
import Synchronization
import Testing

@testable import Gateway

@Suite struct RatePlanTests {
    fileprivate static let second: Int64 = 1_000_000

    /// One of two gateways, with 100 requests a minute between them.
    private static func fixture() throws -> (LimitFixture, KeyLimits) {
        var fixture = try LimitFixture(isLeased: true)
        fixture.tier.requestsPerMinute = 100
        return (fixture, fixture.limits(GatewayShare(gateways: TableGateways.make(2), own: "g0")))
    }

    private static func grant(_ requests: Int, milliseconds: Int = 10_000, isSought: Bool = false) -> RateGrant {
        RateGrant(
            holder: "tenant/t", extra: RateShare(requests: requests, tokens: 0, concurrent: 0), milliseconds: milliseconds, isSought: isSought)
    }

    @Test func whoIsShortAsksAndUsesWhatItIsLentUntilItEnds() throws {
        let (fixture, limits) = try Self.fixture()
        var plan = RatePlan()
        for _ in 0..<50 { #expect(limits.take(1).fault == nil) }
        let quiet = plan.reports(fixture.book.holders, now: 0)
        #expect(quiet.isEmpty && limits.take(1).fault?.kind == .requests)
        let asked = plan.reports(fixture.book.holders, now: 0)
        #expect(asked.count == 1 && asked[0].isShort && asked[0].requests == 100)
        plan.take([Self.grant(30)], fixture.book, sentAt: 0)
        // 80 a minute now, where 50 were.
        #expect(limits.take(1, now: 750_000).fault == nil && limits.take(1, now: 750_000).fault?.retryAfter == 750_000)
        #expect(limits.tenant.requestBucket.limit == 80)
        _ = plan.reports(fixture.book.holders, now: 10 * Self.second)
        #expect(limits.tenant.requestBucket.limit == 50)
    }

    /// Requests that were refused at the beginning, until it is known whose failure that is.
    private struct Refused {
        let limits: KeyLimits
        var undecided = UndecidedRefusals()

        mutating func refuse(_ times: Int, at seconds: Int64 = 0) throws {
            let subject = UsageSubject(tenant: "t", key: "k", tier: "pro", model: "m", region: "eu", firstTokenObjective: 1)
            for _ in 0..<times {
                let fault = try #require(limits.take(1).fault)
                #expect(fault.kind == .requests && fault.mayBeLent && fault.outcome == .quota)
                let isKept = undecided.add(limits.tenant, subject, fault.kind, tokens: 1, acceptedAt: 0, now: seconds * RatePlanTests.second)
                #expect(isKept)
            }
        }

        /// What they count as, of those of which it is known since the last call.
        ///
        /// - Parameter answeredAt: When the control plane was last heard; nil: just now.
        mutating func outcomes(after seconds: Int64, answeredAt: Int64? = nil) -> [Outcome: Int] {
            var found: [Outcome: Int] = [:]
            undecided.decide(now: seconds * RatePlanTests.second, answeredAt: (answeredAt ?? seconds) * RatePlanTests.second) { _, outcome, _ in
                found[outcome, default: 0] += 1
            }
            return found
        }
    }

    @Test func whatAPartRefusesIsOursWhenOthersTurnOutToHaveLeftTheRest() throws {
        let (fixture, limits) = try Self.fixture()
        var (plan, refused) = (RatePlan(), Refused(limits: limits))
        for _ in 0..<50 { #expect(limits.take(1).fault == nil) }
        try refused.refuse(20)
        var asked = plan.reports(fixture.book.holders, now: 0)
        #expect(asked.count == 1)
        plan.take([Self.grant(0)], fixture.book, sentAt: 0)
        var known = refused.outcomes(after: 1)
        #expect(known.isEmpty && limits.tenant.requestBucket.limit == 50)
        // Others are asked meanwhile.
        asked = plan.reports(fixture.book.holders, now: Self.second)
        #expect(asked.isEmpty)
        asked = plan.reports(fixture.book.holders, now: 2 * Self.second)
        #expect(asked.count == 1)
        plan.take([Self.grant(15)], fixture.book, sentAt: 2 * Self.second, now: 2 * Self.second + 100)
        known = refused.outcomes(after: 3)
        #expect(known == [.throttled: 15, .quota: 5], "as far as the loan goes")
        known = refused.outcomes(after: 60)
        #expect(known.isEmpty)
        let isLent = limits.tenant.share.withLock { $0.mayBeLent }
        #expect(!isLent, "what a loan refuses is more than there is")
    }

    @Test func whatAPartRefusesIsTheCustomersWhenNobodyLeavesAnything() throws {
        let (fixture, limits) = try Self.fixture()
        var (plan, refused) = (RatePlan(), Refused(limits: limits))
        for _ in 0..<50 { #expect(limits.take(1).fault == nil) }
        try refused.refuse(3)
        for second: Int64 in 0...7 {
            _ = plan.reports(fixture.book.holders, now: second * Self.second)
            plan.take([Self.grant(0)], fixture.book, sentAt: second * Self.second)
            let known = refused.outcomes(after: second)
            #expect(known.isEmpty)
        }
        let known = refused.outcomes(after: 8)
        #expect(known == [.quota: 3])
        limits.tenant.promise(RateParts(requests: 13, tokens: 1000, concurrent: 5))
        #expect(!limits.tenant.share.withLock { $0.mayBeLent })
        #expect(try !LimitFixture().limits.tenant.share.withLock { $0.mayBeLent }, "the only gateway has all of it")
    }

    @Test func whatAPartRefusesWhileNobodyAnswersIsOursAsFarAsItWasAgreed() throws {
        let (_, limits) = try Self.fixture()
        var refused = Refused(limits: limits)
        for _ in 0..<50 { #expect(limits.take(1).fault == nil) }
        try refused.refuse(70, at: 10)
        var known = refused.outcomes(after: 17, answeredAt: 9)
        #expect(known.isEmpty, "it may be heard yet")
        known = refused.outcomes(after: 18, answeredAt: 9)
        #expect(known == [.throttled: 50, .quota: 20], "with the 50 that were admitted all of the 100")
        try refused.refuse(70, at: 40)
        known = refused.outcomes(after: 48, answeredAt: 9)
        #expect(known == [.throttled: 25, .quota: 45], "in half a minute half of the rest has come back")
        try refused.refuse(2, at: 100)
        known = refused.outcomes(after: 108, answeredAt: 101)
        #expect(known == [.quota: 2], "others were asked")
    }

    @Test func whatAPartRefusesWhileNobodyAnswersIsTheCustomersWhereOthersUsedTheRestUntilThen() throws {
        let (fixture, limits) = try Self.fixture()
        var (plan, refused) = (RatePlan(), Refused(limits: limits))
        for _ in 0..<50 { #expect(limits.take(1).fault == nil) }
        try refused.refuse(1, at: 10)
        var known = refused.outcomes(after: 18)
        #expect(known == [.quota: 1])
        try refused.refuse(3, at: 60)
        known = refused.outcomes(after: 68, answeredAt: 30)
        #expect(known == [.quota: 3])
        try refused.refuse(3, at: 1_000)
        known = refused.outcomes(after: 1_008, answeredAt: 900)
        #expect(known == [.throttled: 3], "that was long before")
        // What is lent shows that there is a rest.
        try refused.refuse(1, at: 1_010)
        known = refused.outcomes(after: 1_018)
        #expect(known == [.quota: 1])
        _ = plan.reports(fixture.book.holders, now: 1_020 * Self.second)
        plan.take([Self.grant(15)], fixture.book, sentAt: 1_020 * Self.second)
        _ = plan.reports(fixture.book.holders, now: 1_030 * Self.second)
        try refused.refuse(3, at: 1_040)
        known = refused.outcomes(after: 1_048, answeredAt: 1_029)
        #expect(known == [.throttled: 3])
    }

    @Test func whoNeedsLessPromisesItAndKeepsItWhateverBecomesOfTheRequest() throws {
        let (fixture, limits) = try Self.fixture()
        var plan = RatePlan()
        plan.take([Self.grant(0, milliseconds: 0, isSought: true)], fixture.book, sentAt: 0)
        let promised = plan.reports(fixture.book.holders, now: 0)
        // A quarter of its part: nothing is used.
        #expect(promised.compactMap(\.promised?.requests) == [13] && limits.tenant.requestBucket.limit == 13)
        // The answer is lost after 4 s.
        plan.told(now: 4 * Self.second)
        plan.take([], fixture.book, sentAt: 4 * Self.second)
        _ = plan.reports(fixture.book.holders, now: 24 * Self.second)
        #expect(limits.tenant.requestBucket.limit == 13)
        _ = plan.reports(fixture.book.holders, now: 25 * Self.second)
        #expect(limits.tenant.requestBucket.limit == 50)
    }

    @Test func aNewTableChangesThePartAndKeepsThePromise() throws {
        let (fixture, limits) = try Self.fixture()
        limits.tenant.promise(RateParts(requests: 13, tokens: 1000, concurrent: 5))
        _ = fixture.limits(GatewayShare(gateways: TableGateways.make(4), own: "g0"))
        #expect(limits.tenant.requestBucket.limit == 13)
        limits.tenant.promise(nil)
        #expect(limits.tenant.requestBucket.limit == 25)
    }
}
