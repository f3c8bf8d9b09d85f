import Domain
import Logging
import NIOCore
import PlimsollWire
import Synchronization
import TestSupport
import Testing

@testable import Gateway

/// A request that needs more of a limit of the minute than its gateway's part, and not more than was agreed.
@Suite struct AbovePartTests {
    private static let second: Int64 = 1_000_000

    /// The first of four gateways, with 600 requests, 10,000 tokens and 8 requests at once between them.
    private static func fixture(requests: Int = 600, concurrent: Int = 8) throws -> (LimitFixture, KeyLimits) {
        var fixture = try LimitFixture(isLeased: true)
        fixture.tier.requestsPerMinute = requests
        fixture.tier.tokensPerMinute = 10_000
        fixture.tier.concurrentRequests = concurrent
        return (fixture, fixture.limits(GatewayShare(gateways: TableGateways.make(4), own: "g0")))
    }

    private static func lent(_ tokens: Int) -> RateGrant {
        RateGrant(holder: "tenant/t", extra: RateShare(requests: 0, tokens: tokens, concurrent: 0), milliseconds: 10_000, isSought: false)
    }

    private static func sought(_ needed: RateShare?) -> RateGrant {
        RateGrant(
            holder: "tenant/t", extra: RateShare(requests: 0, tokens: 0, concurrent: 0), milliseconds: 0, isSought: true, needed: needed)
    }

    @Test func itIsToldToComeAgainSoonAndPassesWithWhatIsLent() throws {
        let (fixture, limits) = try Self.fixture()
        var plan = RatePlan()
        let fault = try #require(limits.take(4_000).fault)
        #expect(fault.kind == .tokens && fault.isAbovePart && fault.retryAfter == 4 * Self.second && fault.mayBeLent)
        var asked = plan.reports(fixture.book.holders, now: 0)
        #expect(asked.map(\.needed) == [RateShare(requests: 0, tokens: 4_000, concurrent: 0)] && asked.map(\.tokens) == [10_000])
        plan.take([Self.lent(1_000)], fixture.book, sentAt: 0)
        #expect(limits.take(4_000).fault?.isAbovePart == true)
        asked = plan.reports(fixture.book.holders, now: Self.second)
        #expect(asked.isEmpty)
        asked = plan.reports(fixture.book.holders, now: 2 * Self.second)
        #expect(asked.count == 1, "what was lent is too little for it")
        plan.take([Self.lent(7_500)], fixture.book, sentAt: 2 * Self.second)
        #expect(limits.take(4_000, now: 4 * Self.second).fault == nil)
        #expect(limits.take(10_000, now: 4 * Self.second).fault?.retryAfter ?? 0 > 0)
    }

    @Test func oneAboveWhatWasAgreedIsToldSo() throws {
        let (fixture, limits) = try Self.fixture()
        let fault = try #require(limits.take(10_001).fault)
        #expect(fault.kind == .tokens && !fault.isAbovePart && fault.retryAfter == nil)
        var plan = RatePlan()
        #expect(plan.reports(fixture.book.holders, now: 0).allSatisfy { $0.needed == nil })
    }

    @Test func whereAPartIsNothingOneRequestIsAskedFor() throws {
        let (fixture, limits) = try Self.fixture(requests: 3, concurrent: 1)
        var plan = RatePlan()
        #expect(limits.take(1).fault?.isAbovePart == true)
        #expect(plan.reports(fixture.book.holders, now: 0).map(\.needed) == [RateShare(requests: 1, tokens: 0, concurrent: 1)])
        limits.tenant.lend(RateParts(requests: 3, tokens: 0, concurrent: 1), until: 10 * Self.second)
        #expect(limits.take(1).fault == nil)
    }

    /// A quarter of each part is kept, unless one request elsewhere needs that too.
    @Test(arguments: [(nil, 625), (6_000, 625), (7_501, 0), (10_000, 0)]) func othersLeaveWhatItNeeds(_ needed: Int?, _ kept: Int) throws {
        let (fixture, limits) = try Self.fixture()
        var plan = RatePlan()
        plan.take([Self.sought(needed.map { RateShare(requests: 0, tokens: $0, concurrent: 0) })], fixture.book, sentAt: 0)
        #expect(plan.isUrgent == (needed != nil))
        let promised = plan.reports(fixture.book.holders, now: 0).compactMap(\.promised)
        #expect(promised == [RateShare(requests: 38, tokens: kept, concurrent: 1)] && !plan.isUrgent)
        #expect(limits.tenant.tokenBucket.limit == kept)
    }

    @Test func aPromiseBecomesLessAsSoonAsMoreIsNeeded() throws {
        let (fixture, limits) = try Self.fixture()
        var plan = RatePlan()
        plan.take([Self.sought(nil)], fixture.book, sentAt: 0)
        _ = plan.reports(fixture.book.holders, now: 0)
        plan.take([Self.sought(RateShare(requests: 0, tokens: 9_000, concurrent: 0))], fixture.book, sentAt: Self.second)
        #expect(plan.isUrgent)
        #expect(plan.reports(fixture.book.holders, now: Self.second).compactMap(\.promised?.tokens) == [0])
        plan.take([Self.sought(RateShare(requests: 0, tokens: 9_000, concurrent: 0))], fixture.book, sentAt: 2 * Self.second)
        #expect(!plan.isUrgent && plan.reports(fixture.book.holders, now: 2 * Self.second).isEmpty)
        // Who needs its part after that waits for the end of its promise, and promises nothing more before it has asked.
        let fault = try #require(limits.take(1_000, now: 11 * Self.second).fault)
        #expect(fault.isAbovePart && fault.retryAfter == 14_500_000, "21.5 s after the beginning, and 4 s")
        for second: Int64 in 11...21 { #expect(plan.reports(fixture.book.holders, now: second * Self.second).isEmpty) }
        let asked = plan.reports(fixture.book.holders, now: 22 * Self.second)
        #expect(limits.take(1_000, now: 22 * Self.second).fault == nil && asked.allSatisfy { $0.promised == nil })
    }

    @Test func noMoreIsGivenBackThanWasTakenWhenALoanHasEnded() throws {
        let (_, limits) = try Self.fixture()
        limits.tenant.lend(RateParts(requests: 0, tokens: 7_500, concurrent: 0), until: 10 * Self.second)
        let reservation = try #require(limits.take(10_000).reservation)
        limits.tenant.lend(nil)
        limits.settle(reservation, tokens: 8_000, spend: 0, now: 0)
        #expect(limits.tenant.standing(now: 0).tokensLeft == 500, "a fifth of its part, as of all")
    }

    /// Four gateways that ask, promise and are lent what `RateLending` says are never allowed more than was agreed, and the one that needs all of it gets it.
    @Test func togetherTheyNeverHaveMoreThanWasAgreed() throws {
        let fixtures = try (0..<4).map { _ in try Self.fixture().0 }
        let limits = fixtures.enumerated().map { $1.limits(GatewayShare(gateways: TableGateways.make(4), own: "g\($0)")) }
        var plans = Array(repeating: RatePlan(), count: 4)
        let parts = limits.map { $0.tenant.minuteShare.part.parts }
        var (promises, loan, needed) = ([Int: RateParts](), RateParts.none, nil as RateShare?)
        #expect(limits[0].take(9_900).fault?.isAbovePart == true)
        for turn: Int64 in 0..<4 {
            for gateway in 0..<4 {
                let now = turn * Self.second
                for report in plans[gateway].reports(fixtures[gateway].book.holders, now: now) {
                    if let promised = report.promised {
                        promises[gateway] = RateParts(requests: promised.requests, tokens: promised.tokens, concurrent: promised.concurrent)
                    } else {
                        needed = report.needed
                        loan = RateLending.free(parts: parts, promises: promises, loans: [])
                        plans[gateway].take(
                            [
                                RateGrant(
                                    holder: "tenant/t", extra: RateShare(requests: loan.requests, tokens: loan.tokens, concurrent: loan.concurrent),
                                    milliseconds: 10_000, isSought: false)
                            ], fixtures[gateway].book, sentAt: now)
                    }
                }
                if gateway != 0 { plans[gateway].take([Self.sought(needed)], fixtures[gateway].book, sentAt: now) }
                #expect(limits.reduce(0) { $0 + $1.tenant.tokenBucket.limit } <= 10_000)
            }
        }
        #expect(limits[0].take(9_900, now: 4 * Self.second).fault == nil)
    }

    // MARK: At the gateway

    private static func setup() throws -> (setup: GatewayFixture.Setup, book: LimitBook) {
        var setup = GatewayFixture.Setup()
        setup.tier.tokensPerMinute = 400
        setup.edit = { table in
            table.gateways = (0..<10).map { GatewayEntry(id: "gateway-\($0)", region: "default", address: "a:1") }
        }
        let book = try LimitBook(
            file: LimitFile(), isLeased: true, wall: LoopClock.wallMicroseconds(), monotonic: NIODeadline.now().microseconds)
        setup.limits = book
        return (setup, book)
    }

    @Test func withoutACapItWaitsForTheLoanAndItsAnswerIsNoShorter() async throws {
        var (setup, book) = try Self.setup()
        let server = Mutex<GatewayServer?>(nil)
        let keeper = LeaseKeeper(
            book: book, boot: "b", logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }),
            granted: { server.withLock { $0 }?.leasesChanged() },
            exchange: { request in
                let rates = request.rates?.filter { $0.needed != nil }.map {
                    RateGrant(
                        holder: $0.holder, extra: RateShare(requests: 0, tokens: 360, concurrent: 0), milliseconds: 10_000, isSought: false)
                }
                return LeaseAnswer(now: LoopClock.wallMicroseconds(), grants: [], sought: [], rates: rates)
            })
        setup.leases = keeper
        let runtime = try await ScriptedRuntime { _, _ in [.send(Answers.json(Samples.answer))] }
        try await GatewayFixture.run([runtime], setup) { gateway in
            server.withLock { $0 = gateway.server }
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await keeper.run() }
                let client = try await TestClient(port: gateway.port)
                try await client.post(Samples.request)
                #expect(try await client.answer().hasPrefix("HTTP/1.1 200 "))
                group.cancelAll()
            }
            server.withLock { $0 = nil }
        }
        #expect(try #require(runtime.seen.requests.first).contains(#""max_tokens":100,"#))
    }

    @Test(arguments: [
        (100, "This gateway's part of the tokens a minute of this account is too small for this request", false),
        (450, "Prompt and longest answer together are above the tokens a minute of this account", true),
    ])
    func aRefusalSaysWhetherItIsAboveWhatWasAgreed(_ tokens: Int, _ text: String, _ isAboveAll: Bool) async throws {
        var setup = try Self.setup().setup
        setup.tier.maxOutputTokens = 1_000
        try await GatewayFixture.run([], setup) { gateway in
            let client = try await TestClient(port: gateway.port)
            try await client.post(Samples.request.replacing("{\"model\"", with: "{\"max_tokens\":\(tokens),\"model\""))
            let answer = try await client.answer()
            #expect(answer.hasPrefix("HTTP/1.1 429 ") && answer.contains("tokens_per_minute_exceeded") && answer.contains(text), "\(answer)")
            #expect(answer.contains(#""param":"max_tokens""#) == isAboveAll)
            let isSoon = (4...6).contains { answer.contains("\r\nretry-after: \($0)\r\n") }
            #expect(isSoon != isAboveAll && answer.contains("x-ratelimit-limit-tokens: 400\r\n"), "\(answer)")
        }
    }

    @Test func limitsThatAreToldAreThoseThatWereAgreed() async throws {
        var setup = try Self.setup().setup
        setup.tier.requestsPerMinute = 600
        try await GatewayFixture.run([], setup) { gateway in
            let client = try await TestClient(port: gateway.port)
            try await client.send("GET /v1/usage HTTP/1.1\r\nhost: t\r\nx-api-key: sk-test\r\n\r\n")
            let answer = try await client.answer()
            #expect(answer.contains(#""requests":{"limit":600,"burst":600,"used":0,"left":60,"#), "\(answer)")
            #expect(answer.contains(#""tokens":{"limit":400,"burst":400,"used":0,"left":40,"#))
            #expect(answer.contains(#""concurrent_requests":{"limit":100,"used":0,"left":10}"#))
            #expect(answer.contains("x-ratelimit-limit-requests: 600\r\n") && answer.contains("x-ratelimit-remaining-requests: 60\r\n"))
        }
    }
}
