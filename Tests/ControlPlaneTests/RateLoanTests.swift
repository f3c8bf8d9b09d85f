import Cryptography
import FoundationEssentials
import PlimsollWire
import Postgres
import Testing

@testable import ControlPlane

@Suite struct RateLoanTests {
    /// Two gateways and a tenant with 100 requests, 100,000 tokens a minute and 10 at once.
    private struct Stand {
        let world: PeerWorld
        let holder: String
        let gateways: [UUID]

        init(_ world: PeerWorld, gateways count: Int = 2) async throws {
            self.world = world
            let row = try await world.pool.queryOne(
                "INSERT INTO serving.tenants (name, display_name, tier) VALUES ('acme', 'Acme', 'pro') RETURNING id")
            holder = "tenant/\(try #require(try row?.value("id", as: UUID.self)).uuidString.lowercased())"
            var ids: [UUID] = []
            for _ in 0..<count { ids.append(try await world.enrol(.gateway).identity.id) }
            gateways = ids.sorted { $0.uuidString < $1.uuidString }
        }

        func promise(_ place: Int, requests: Int, tokens: Int = 10_000, concurrent: Int = 1) async throws -> [RateGrant] {
            let share = RateShare(requests: requests, tokens: tokens, concurrent: concurrent)
            let report = RateReport(holder: holder, requests: 0, tokens: 0, concurrent: 0, isShort: false, promised: share)
            return try await RateLoans(pool: world.pool).exchange([report], from: gateways[place])
        }

        func ask(_ place: Int, needed: RateShare? = nil) async throws -> RateGrant? {
            let report = RateReport(holder: holder, requests: 100, tokens: 100_000, concurrent: 10, isShort: true, promised: nil, needed: needed)
            return try await RateLoans(pool: world.pool).exchange([report], from: gateways[place]).first { !$0.isSought }
        }
    }

    @Test func whatOnePromisesTheOtherIsLent() async throws {
        try await PeerWorld.with { world in
            let stand = try await Stand(world)
            #expect(try await stand.ask(0)?.extra == RateShare(requests: 0, tokens: 0, concurrent: 0))
            let told = try await RateLoans(pool: world.pool).exchange([], from: stand.gateways[1])
            #expect(told.map(\.isSought) == [true] && told.map(\.holder) == [stand.holder])
            _ = try await stand.promise(1, requests: 20)
            #expect(try await stand.ask(0)?.extra == RateShare(requests: 30, tokens: 40_000, concurrent: 4))
            // A promise does not grow while somebody may use what it left.
            _ = try await stand.promise(1, requests: 40)
            let again = try await stand.ask(0)
            #expect(again?.extra.requests == 30)
        }
    }

    @Test func aPromiseThatEndsSoonIsNotLentAndOneThatLendsIsNotLentTo() async throws {
        try await PeerWorld.with { world in
            let stand = try await Stand(world)
            _ = try await stand.promise(1, requests: 20)
            #expect(try await stand.ask(1)?.extra.requests == 0, "bound by its own promise")
            try await world.pool.execute("UPDATE serving.rate_shares SET expires_at = now() + interval '9 seconds'")
            #expect(try await stand.ask(0)?.extra.requests == 0)
        }
    }

    @Test func whatOneRequestNeedsIsToldToTheOthersAsLongAsItIsNeeded() async throws {
        try await PeerWorld.with { world in
            let stand = try await Stand(world, gateways: 3)
            func told(_ place: Int) async throws -> [RateGrant] { try await RateLoans(pool: world.pool).exchange([], from: stand.gateways[place]) }
            _ = try await stand.ask(0)
            #expect(try await told(2).map(\.needed) == [nil])
            _ = try await stand.ask(0, needed: RateShare(requests: 0, tokens: 90_000, concurrent: 0))
            _ = try await stand.ask(1, needed: RateShare(requests: 0, tokens: 50_000, concurrent: 1))
            _ = try await stand.ask(1)
            #expect(try await told(2).map(\.needed) == [RateShare(requests: 0, tokens: 90_000, concurrent: 1)])
            try await world.pool.execute("UPDATE serving.rate_holders SET needed_until = now()")
            #expect(try await told(2).map(\.needed) == [nil])
            _ = try await stand.ask(1, needed: RateShare(requests: 0, tokens: 40_000, concurrent: 0))
            #expect(try await told(2).map(\.needed) == [RateShare(requests: 0, tokens: 40_000, concurrent: 0)])
            // All that the others do not need.
            _ = try await stand.promise(0, requests: 0, tokens: 0)
            _ = try await stand.promise(2, requests: 0, tokens: 0)
            #expect(try await stand.ask(1)?.extra.tokens == 100_000 - 33_333)
        }
    }

    @Test func whatAThrottleLeavesIsLentToo() async throws {
        try await PeerWorld.with { world in
            let stand = try await Stand(world)
            _ = try await stand.promise(1, requests: 2, tokens: 1_000)
            // A quarter of what was agreed.
            let report = RateReport(holder: stand.holder, requests: 25, tokens: 25_000, concurrent: 10, isShort: true, promised: nil)
            let grant = try await RateLoans(pool: world.pool).exchange([report], from: stand.gateways[0]).first { !$0.isSought }
            #expect(grant?.extra == RateShare(requests: 11, tokens: 11_500, concurrent: 4))
        }
    }

    /// The sum of all parts, promises and loans is never above the limit.
    @Test func threeThatBorrowTogetherGetNoMoreThanThereIs() async throws {
        try await PeerWorld.with { world in
            let stand = try await Stand(world, gateways: 4)
            _ = try await stand.promise(0, requests: 5)
            let loans = try await withThrowingTaskGroup(of: Int.self) { group in
                for place in 1...3 { group.addTask { try await stand.ask(place)?.extra.requests ?? 0 } }
                return try await group.reduce(0, +)
            }
            #expect(loans == 20)
        }
    }
}
