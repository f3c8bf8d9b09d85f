import Domain
import FoundationEssentials
import Postgres
import Testing

@testable import ControlPlane

/// Minutes as the database counts them against the rules as values.
@Suite struct MinuteBookTests {
    private static let month = BillingPeriod(microseconds: Int64(Date().timeIntervalSince1970 * 1_000_000))
    private static let start = month.start / 60_000_000

    /// Reports of two gateways, one of which started again, and probes; some minutes have none of it.
    private static func fill(_ world: PeerWorld, tenant: UUID, minutes: Int64) async throws {
        var random = SeededNumbers(seed: 11)
        for minute in start..<start + minutes {
            for (gateway, boot) in [(1, "a"), (1, "b"), (2, "a")] where random.next(below: 3) == 0 {
                let (good, bad) = (random.next(below: 40), random.next(below: 10) == 0 ? random.next(below: 4) : 0)
                let samples = random.next(below: 10)
                try await world.pool.execute(
                    """
                    INSERT INTO reliability.minute (tenant_id, model, region, minute_at, gateway_id, boot_id, sequence, tier, outcomes, good, bad,
                        excluded, first_token_samples, first_token_over, prompt_tokens, completion_tokens, rate_limited, disconnects,
                        first_token_histogram)
                    VALUES (\(tenant), 'tiny', 'eu', to_timestamp(\(minute) * 60), lpad(\(gateway)::text, 32, '0')::uuid, \(boot), 1, 'pro', '{}',
                        \(good), \(bad), 2, \(samples), \(random.next(below: samples + 1)), 0, 0, 0, 0, '{}')
                    """)
            }
            if random.next(below: 4) > 0 {
                try await world.pool.execute(
                    """
                    INSERT INTO reliability.probe_minute VALUES ('tiny', 'eu', to_timestamp(\(minute) * 60), \(random.next(below: 3)),
                        \(random.next(below: 2)))
                    """)
            }
        }
    }

    @Test(arguments: [TrafficRule.anyBad, .ratio(above: Ratio(1, 20)), .ratio(above: Ratio(0, 1))])
    func whatIsCountedInTheDatabaseIsWhatTheRulesSay(rule: TrafficRule) async throws {
        try await PeerWorld.with { world in
            let (tenant, range) = (UUID(), Self.start..<Self.start + 300)
            try await Self.fill(world, tenant: tenant, minutes: 300)
            for _ in 0..<2 { try await MinuteRoll(pool: world.pool).roll(range) }
            let gaps = [range.lowerBound + 10..<range.lowerBound + 25, range.lowerBound + 20..<range.lowerBound + 60]
            let book = MinuteBook(pool: world.pool)
            let services = [MinuteSubject(tier: "pro", model: "tiny", region: "eu"), MinuteSubject(model: "tiny", region: "eu")]
            for subject in [MinuteSubject(tenant: tenant, model: "tiny", region: "eu")] + services {
                var (promise, budget) = (MinuteTally(), MinuteTally())
                var samples = LatencyCounter()
                try await book.minutes(of: subject, in: range, leftOut: gaps) { minutes in
                    for minute in minutes {
                        promise.add(minute.evidence.promiseStatus(rule))
                        budget.add(minute.evidence.budgetStatus(rule))
                        samples = samples + minute.firstTokens
                    }
                }
                #expect(try await book.tally(of: subject, in: range, rule: rule, leftOut: gaps) == promise)
                #expect(try await book.tally(of: subject, in: range, rule: rule) == budget)
                #expect(promise.excluded == 50 && budget.excluded == 0 && budget.minutes == 300)
                #expect(budget.good > 0 && budget.goodIdle > 0 && budget.badIdle > 0 && budget.unmeasured > 0)
                let counted = try await book.firstTokens(of: subject, in: range).reduce(LatencyCounter()) { $0 + $1.counter }
                #expect(counted == samples && samples.samples > 0)
            }
        }
    }

    @Test func maintenanceCountsUpToItsCapInsideTheAgreedWindowAndAnnouncedInTime() async throws {
        try await PeerWorld.with { world in
            let month = Self.start..<Self.start + 40_000
            let plan = { (from: Int64, minutes: Int64, lead: Int64) async throws in
                try await world.pool.execute(
                    """
                    INSERT INTO reliability.maintenance_window (model, region, title, reason, starts_at, ends_at, announced_at, announced_by)
                    VALUES ('tiny', NULL, 'Upgrade', 'new drivers', to_timestamp(\((Self.start + from) * 60)), to_timestamp(\((Self.start + from + minutes) * 60)),
                        to_timestamp(\((Self.start + from) * 60 - lead)), 'test')
                    """)
            }
            _ = try await plan(100, 200, 72 * 3600)
            _ = try await plan(1000, 30, 72 * 3600 - 1)
            _ = try await plan(2000, 100, 80 * 3600)
            let subject = MinuteSubject(model: "tiny", region: "eu")
            let gaps = PromiseGaps(pool: world.pool)
            let accepted = try await gaps.gaps(of: subject, month: month)
            let split = Maintenance.split(announcedMinutes: 300)
            #expect(accepted.reduce(0) { $0 + Int64($1.count) } == split.excluded)
            #expect(accepted == [Self.start + 100..<Self.start + 300, Self.start + 2000..<Self.start + 2040])
            let night = MaintenanceRules(window: .init(weekday: nil, from: 120, until: 180))
            #expect(try await gaps.gaps(of: subject, month: month, rules: night) == [Self.start + 120..<Self.start + 180])
            let other = MinuteSubject(model: "other", region: "eu")
            #expect(try await gaps.gaps(of: other, month: month) == [])
        }
    }

    @Test func exclusionsHoldOnceOthersHaveApprovedThem() async throws {
        try await PeerWorld.with { world in
            let (tenant, range) = (UUID(), Self.start..<Self.start + 1_000)
            let insert = { (code: String, approvers: [String], published: Bool) async throws in
                try await world.pool.execute(
                    """
                    INSERT INTO reliability.exclusion (tenant_id, code, reason, starts_at, ends_at, requested_by, approved_by, published)
                    VALUES (\(tenant), \(code), 'for a test', to_timestamp(\(Self.start * 60 + 600)), to_timestamp(\(Self.start * 60 + 1200)), 'a',
                        \(approvers)::text[], \(published))
                    """)
            }
            let gaps = PromiseGaps(pool: world.pool)
            let subject = MinuteSubject(tenant: tenant, model: "tiny", region: "eu")
            _ = try await insert("customer_network", [], false)
            _ = try await insert("force_majeure", ["b"], true)
            _ = try await insert("force_majeure", ["b", "c"], false)
            #expect(try await gaps.gaps(of: subject, month: range) == [])
            await #expect(throws: PostgresError.self) { try await insert("misuse", ["a"], false) }
            _ = try await insert("force_majeure", ["b", "c"], true)
            #expect(try await gaps.gaps(of: subject, month: range) == [Self.start + 10..<Self.start + 20])
            #expect(try await gaps.gaps(of: MinuteSubject(model: "tiny", region: "eu"), month: range) == [])
        }
    }
}

extension MinuteTally {
    fileprivate mutating func add(_ status: MinuteStatus) {
        minutes += 1
        switch status {
        case .good: good += 1
        case .bad: bad += 1
        case .goodIdle: goodIdle += 1
        case .badIdle: badIdle += 1
        case .unmeasured: unmeasured += 1
        case .excluded: excluded += 1
        }
    }
}

/// The same numbers in every run.
struct SeededNumbers {
    private var state: UInt64

    init(seed: UInt64) {
        state = seed
    }

    /// 0 up to the bound.
    mutating func next(below bound: Int64) -> Int64 {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return bound <= 0 ? 0 : Int64((state >> 33) % UInt64(bound))
    }
}
