import Domain
import PlimsollWire
import Testing

@testable import Gateway

@Suite struct RatePlanTests {
    private static let second: Int64 = 1_000_000

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
