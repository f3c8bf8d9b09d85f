import Domain
import FoundationEssentials
import Postgres
import Telemetry
import Testing

@testable import ControlPlane

@Suite struct CreditTests {
    /// The month before this one, whose minutes there are partitions for.
    private static let period: BillingPeriod = {
        let this = BillingPeriod(microseconds: Int64(Date().timeIntervalSince1970 * 1_000_000))
        return BillingPeriod(microseconds: this.start - 1)
    }()
    private static let month = period.start / 60_000_000..<period.end / 60_000_000

    /// Terms of a zone, a tenant's agreement for all of the month before, and probes that found everything well.
    private static func agreement(
        _ keeper: KeeperWorld, zone: String = "UTC", minimum: Int64 = 1_000_000_000, from first: Int64 = month.lowerBound - 1_440
    ) async throws -> UUID {
        let row = try await keeper.world.pool.queryOne(
            """
            WITH made AS (
                INSERT INTO reliability.terms (name, version, title, tier, time_zone, created_by) VALUES ('pro', 1, 'Pro', 'pro', \(zone), 'test')
                RETURNING id
            )
            INSERT INTO reliability.agreement (tenant_id, terms_id, model, region, state, starts_at, monthly_minimum_micro_usd, evidence, requested_by)
            SELECT \(keeper.tenant), id, 'tiny', 'eu', 'active', \(SQL.minute(first)), \(minimum), '{}', 'test' FROM made RETURNING id
            """)
        _ = try await keeper.world.pool.execute("DELETE FROM reliability.probe_minute")
        try await keeper.probe(month.lowerBound - 120..<month.upperBound + 120)
        return try #require(try row?.value("id", as: UUID.self))
    }

    private static func compute(_ keeper: KeeperWorld, _ agreement: UUID) async throws -> CreditComputation {
        try #require(try await CreditLedger(keeper.databases).compute(agreement, month: period.description))
    }

    @Test func aMonthPaysWhatTheRulesSayAndIsComputedAgainToTheSame() async throws {
        try await KeeperWorld.run { keeper in
            let agreement = try await Self.agreement(keeper)
            try await keeper.report(Self.month.lowerBound + 10..<Self.month.lowerBound + 110, good: 5, bad: 1)
            try await MinuteRoll(pool: keeper.world.pool).roll(Self.month)
            let found = try await Self.compute(keeper, agreement)
            let minutes = Int64(Self.month.count)
            #expect(found.tally.bad == 100 && found.tally.eligible == minutes && found.tally.unmeasured == 0)
            let expected = CreditTerms(objective: Ratio(999, 1000)).percent(uptime: Ratio(minutes - 100, minutes))
            #expect(found.totalPercent == expected && found.cents == Credit.amount(fee: 100_000, percent: expected))
            #expect(found.arithmetic.contains("\"steps\":[2,1]") && found.arithmetic.contains("\"amount_cents\":10000"))
            let record = { try await keeper.world.pool.transaction { try await CreditLedger.record(found, by: "test", $0) } }
            #expect(try await record() != nil)
            #expect(try await record() == nil, "the same inputs are the same version")
            await #expect(throws: PostgresError.self) { try await keeper.world.pool.execute("UPDATE reliability.credit SET amount_cents = 1") }
        }
    }

    @Test func lateReportsAndExclusionsMakeNewVersionsAndTheOldOnesStay() async throws {
        try await KeeperWorld.run { keeper in
            let agreement = try await Self.agreement(keeper)
            let pool = keeper.world.pool
            try await keeper.report(Self.month.lowerBound + 10..<Self.month.lowerBound + 110, good: 5, bad: 1)
            try await MinuteRoll(pool: pool).roll(Self.month)
            for change in 0..<3 {
                if change == 1 { try await keeper.report(Self.month.lowerBound + 500..<Self.month.lowerBound + 560, good: 0, bad: 1, gateway: 2) }
                if change == 2 {
                    try await pool.execute(
                        """
                        INSERT INTO reliability.exclusion (tenant_id, code, reason, starts_at, ends_at, requested_by, approved_by)
                        VALUES (\(keeper.tenant), 'customer_network', 'their uplink', \(SQL.minute(Self.month.lowerBound)),
                            \(SQL.minute(Self.month.lowerBound + 200)), 'a', ARRAY['b'])
                        """)
                }
                try await MinuteRoll(pool: pool).roll(Self.month)
                let found = try await Self.compute(keeper, agreement)
                _ = try await pool.transaction { try await CreditLedger.record(found, by: "test", $0) }
            }
            let rows = try await pool.query("SELECT version || ' ' || amount_cents || ' ' || status AS line FROM reliability.credit ORDER BY version")
            #expect(try rows.map { try $0.value("line", as: String.self) } == ["1 10000 provisional", "2 15000 provisional", "3 5000 provisional"])
        }
    }

    @Test func aMonthBeginsAndEndsInTheZoneOfTheTerms() async throws {
        try await KeeperWorld.run { keeper in
            let agreement = try await Self.agreement(keeper, zone: "Europe/Berlin")
            let found = try await Self.compute(keeper, agreement)
            #expect(found.active.lowerBound < Self.month.lowerBound && found.active.upperBound < Self.month.upperBound)
            let whole = try await BudgetStates.month(of: Self.month.lowerBound + 2_000, in: "Europe/Berlin") {
                try await keeper.world.pool.queryOne($0)
            }
            #expect(whole == found.active)
            // The last minute of the month in Berlin counts, the one after does not.
            try await keeper.report(whole.upperBound - 1..<whole.upperBound + 1, good: 0, bad: 1)
            try await MinuteRoll(pool: keeper.world.pool).roll(whole.upperBound - 1..<whole.upperBound + 1)
            #expect(try await Self.compute(keeper, agreement).tally.bad == 1)
        }
    }

    @Test func maintenanceIsLeftOutUpToItsCapForWhoeverTheBudgetChargesIt() async throws {
        try await KeeperWorld.run { keeper in
            let agreement = try await Self.agreement(keeper)
            let first = Self.month.lowerBound
            try await keeper.world.pool.execute(
                """
                INSERT INTO reliability.maintenance_window (title, reason, starts_at, ends_at, announced_at, announced_by)
                VALUES ('Move', 'new racks', \(SQL.minute(first + 100)), \(SQL.minute(first + 400)), '2020-01-01', 'test')
                """)
            try await keeper.report(first + 100..<first + 400, good: 0, bad: 1)
            try await MinuteRoll(pool: keeper.world.pool).roll(Self.month)
            let found = try await Self.compute(keeper, agreement)
            #expect(found.tally.excluded == 240 && found.tally.bad == 60)
            let subject = MinuteSubject(tenant: keeper.tenant, model: "tiny", region: "eu")
            let budget = try await MinuteBook(pool: keeper.world.pool).tally(of: subject, in: Self.month, rule: .anyBad)
            #expect(budget.bad == 300 && budget.excluded == 0)
        }
    }

    @Test func latencyPaysOnceAtAnyAlignmentAndUseIsPricedByItsVersion() async throws {
        try await KeeperWorld.run { keeper in
            let agreement = try await Self.agreement(keeper, minimum: 0)
            let first = Self.month.lowerBound + 37
            try await keeper.world.pool.execute(
                """
                INSERT INTO reliability.minute_total (tenant_id, model, region, minute_at, tier, good, bad, excluded, server_errors, shed, over_quota,
                    first_token_samples, first_token_over, disconnects)
                SELECT \(keeper.tenant), 'tiny', 'eu', minute_at, 'pro', 1, 0, 0, 0, 0, 0, 1, CASE WHEN extract(minute FROM minute_at)::int % 15 = 0 THEN 1 ELSE 0 END, 0
                FROM generate_series(\(SQL.minute(first)), \(SQL.minute(first + 179)), '1 minute') AS minute_at
                """)
            _ = try await keeper.world.pool.pipeline([
                """
                INSERT INTO serving.price_versions (model, tier, effective_from, prompt_price_pico_usd, cached_prompt_price_pico_usd,
                    completion_price_pico_usd, actor) VALUES ('tiny', 'pro', '2020-01-01', 7, 3, 1000000000000, 'test')
                """,
                """
                INSERT INTO billing.usage_event (tenant_id, request_id, accepted_at, key_id, tier, model, region, gateway_id, boot_id, sequence,
                    stream, status, outcome, finished_after_us, queued_for_us, prompt_tokens, cached_prompt_tokens, completion_tokens,
                    reasoning_tokens, billable_prompt_tokens, billable_completion_tokens, estimated, attempts, payload_sha256, price_version)
                SELECT \(keeper.tenant), gen_random_uuid(), \(SQL.minute(first)), gen_random_uuid(), 'pro', 'tiny', 'eu', gen_random_uuid(), 'b', 1,
                    true, 200, 'good', 10, 0, 100, 40, 7, 0, 100, 7, false, 1, sha256('x'), version FROM serving.price_versions
                """,
            ])
            let found = try await Self.compute(keeper, agreement)
            #expect(found.latency.longestRun >= 3 && found.latencyPercent == 5 && found.availabilityPercent == Ratio(0, 1))
            let prices = TokenPrices(prompt: 7, cachedPrompt: 3, completion: 1_000_000_000_000)
            #expect(found.fee.charges == prices.cost(prompt: 100, cached: 40, completion: 7) && found.fee.requests == 1)
            #expect(found.cents == 35, "5 % of 7.00 US dollars and a little")
        }
    }

    /// Two hundred requests, and probes of which one in five is late, in the first four hours of a month.
    private static func records(_ keeper: KeeperWorld, _ first: Int64) async throws {
        _ = try await keeper.world.pool.pipeline([
            """
            INSERT INTO serving.price_versions (model, tier, effective_from, prompt_price_pico_usd, cached_prompt_price_pico_usd,
                completion_price_pico_usd, actor) VALUES ('tiny', 'pro', '2020-01-01', 7, 3, 1000000000000, 'test')
            """,
            """
            INSERT INTO billing.usage_event (tenant_id, request_id, accepted_at, key_id, tier, model, region, gateway_id, boot_id, sequence,
                stream, status, outcome, finished_after_us, queued_for_us, prompt_tokens, cached_prompt_tokens, completion_tokens,
                reasoning_tokens, billable_prompt_tokens, billable_completion_tokens, estimated, attempts, payload_sha256, price_version)
            SELECT \(keeper.tenant), gen_random_uuid(), \(SQL.minute(first)) + number * interval '70 seconds', gen_random_uuid(), 'pro', 'tiny', 'eu',
                gen_random_uuid(), 'b', 1, true, 200, 'good', 10, 0, 100, number, number, 0, number / 2, number, false, 1, sha256('x'),
                CASE WHEN number % 9 > 0 THEN (SELECT version FROM serving.price_versions) END
            FROM generate_series(1, 200) AS number
            """,
            """
            INSERT INTO reliability.probe (id, at, kind, worker_id, model, region, succeeded, status, ttft_us)
            SELECT gen_random_uuid(), \(SQL.minute(first)) + number * interval '30 seconds', 'worker', gen_random_uuid(), 'tiny', 'eu', true, 200,
                CASE WHEN number % 5 = 0 THEN 1500001 ELSE 1500000 END
            FROM generate_series(1, 480) AS number
            """,
        ])
    }

    @Test func aMonthComesToTheSameCentsWhenItsRecordsAreGone() async throws {
        try await KeeperWorld.run { keeper in
            let pool = keeper.world.pool
            let old = BillingPeriod(microseconds: Self.period.start - 70 * 86_400_000_000)
            let first = old.start / 60_000_000
            for table in ["billing.usage_event", "reliability.probe", "reliability.probe_minute", "reliability.minute_total"] {
                _ = try await pool.query("SELECT upkeep.ensure_month((\(table)::text)::regclass, \(SQL.minute(first))::date)")
            }
            for table in ["billing.charge_progress", "reliability.probe_progress"] as [SQL] {
                try await pool.execute("UPDATE \(table) SET kept_until = \(SQL.minute(first))")
            }
            let agreement = try await Self.agreement(keeper, minimum: 0, from: first)
            try await Self.records(keeper, first)
            let compute = { try #require(try await CreditLedger(keeper.databases).compute(agreement, month: old.description)) }
            let before = try await compute()
            #expect(before.fee.requests == 200 && before.fee.unpriced == 22 && before.fee.charges > 0 && before.latencyPercent == 5)
            _ = try await pool.transaction { try await CreditLedger.record(before, by: "test", $0) }
            for table in ["billing.usage_event", "reliability.probe"] {
                let refused = try await pool.queryOne("SELECT upkeep.drop_partitions(\(table), interval '60 days') AS n")
                #expect(try refused?.value("n") == 0, "what is not kept is not dropped")
            }
            let limit = Duration.seconds(60 * 86_400)
            let upkeep = ControlUpkeep(
                databases: keeper.databases, holder: UUID(), retention: Retention(usage: limit, minutes: limit, probes: limit),
                metrics: MetricRegistry(), logger: keeper.world.logger)
            for _ in 0..<2 { try await upkeep.sweep() }
            #expect(try await keeper.world.count("SELECT 1 FROM billing.usage_event") == 0)
            #expect(try await keeper.world.count("SELECT 1 FROM reliability.probe") == 0)
            let after = try await compute()
            #expect(after.arithmetic == before.arithmetic && after.cents == before.cents)
            #expect(try await pool.transaction { try await CreditLedger.record(after, by: "test", $0) } == nil, "no other version")
        }
    }

    @Test func creditsAreComputedByThemselvesFromTheFourthDayOnAndProvisionalOnesOnce() async throws {
        try await KeeperWorld.run { keeper in
            _ = try await Self.agreement(keeper, from: Self.month.lowerBound)
            let ledger = CreditLedger(keeper.databases)
            let end = Self.period.end / 1_000_000
            try await ledger.computeDue(at: Date(timeIntervalSince1970: Double(end + 3 * 86_400 - 1)))
            #expect(try await keeper.world.count("SELECT 1 FROM reliability.credit") == 0)
            for _ in 0..<2 { try await ledger.computeDue(at: Date(timeIntervalSince1970: Double(end + 3 * 86_400))) }
            #expect(try await keeper.world.count("SELECT 1 FROM reliability.credit WHERE status = 'provisional' AND version = 1") == 1)
            #expect(try await keeper.world.count("SELECT 1 FROM reliability.credit") == 1)
            #expect(try await keeper.world.count("SELECT 1 FROM audit.entry WHERE actor = 'reliability-keeper' AND subject_kind = 'credit'") == 1)
        }
    }
}
