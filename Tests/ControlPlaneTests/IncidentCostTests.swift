import Domain
import FoundationEssentials
import Postgres
import TestSupport
import Testing

@testable import ControlPlane

/// What of budgets and credits is laid to an incident.
@Suite struct IncidentCostTests {
    private let tenant = UUID()

    /// Minutes since 1970: the tenth day of the next month, whose partitions are there.
    private func day(_ pool: PostgresPool) async throws -> Int64 {
        let row = try await pool.queryOne(
            "SELECT extract(epoch FROM date_trunc('month', now() AT TIME ZONE 'UTC') + interval '1 month 9 days')::bigint / 60 AS minute")
        return try #require(try row?.value("minute"))
    }

    /// A promise of 99.9 % for 1,000 dollars a month.
    private func agree(_ pool: PostgresPool) async throws {
        try await pool.execute(
            """
            WITH made AS (INSERT INTO reliability.terms (name, version, title, tier, availability_ppm, created_by)
                VALUES ('sla', 1, 'SLA', 'business', 999000, 'test') RETURNING id)
            INSERT INTO reliability.agreement (tenant_id, terms_id, model, region, state, starts_at, monthly_minimum_micro_usd, evidence, requested_by)
            SELECT \(tenant), made.id, 'tiny', 'eu', 'active', '2020-01-01', 1000000000, '{}', 'test' FROM made
            """)
    }

    private func minutes(_ range: MinuteRange, good: Int, bad: Int = 0, late: Int = 0, _ world: IncidentWorld) async throws {
        let pool = world.world.pool
        try await pool.execute(
            """
            INSERT INTO reliability.minute (tenant_id, model, region, minute_at, gateway_id, boot_id, sequence, tier, outcomes, good, bad, excluded,
                first_token_samples, first_token_over, prompt_tokens, completion_tokens, rate_limited, disconnects, first_token_histogram)
            SELECT \(tenant), 'tiny', 'eu', minute_at, \(world.gateway), 'b', 1, 'business',
                json_build_object('good', \(good)::bigint, 'bad:5xx', \(bad)::bigint), \(good), \(bad), 0, \(good), \(late), 10, 10, 0, 0, '{}'
            FROM generate_series(\(SQL.minute(range.lowerBound)), \(SQL.minute(range.upperBound - 1)), '1 minute') AS minute_at
            """)
        try await MinuteRoll(pool: pool).roll(range)
    }

    private func scope(_ minutes: MinuteRange) -> IncidentCost.Scope {
        IncidentCost.Scope(tier: "business", models: ["tiny"], region: "eu", tenant: nil, minutes: minutes)
    }

    private func credits(_ minutes: MinuteRange, _ world: IncidentWorld) async throws -> String {
        try await IncidentCost(reliability: world.world.pool).credits(scope(minutes))
    }

    @Test func `four hours of late first tokens and nothing else have their latency credit`() async throws {
        try await IncidentWorld.with { world in
            let first = try await day(world.world.pool)
            try await agree(world.world.pool)
            try await minutes(first..<first + 240, good: 10, late: 10, world)
            try await minutes(first + 240..<first + 600, good: 10, world)
            let found = try await credits(first..<first + 241, world)
            #expect(found.contains(#""amount_cents":5000,"#) && found.contains(#""agreements":1,"is_estimate":true"#), "\(found)")
            #expect(found.contains("less what they would be"))
            let quiet = try await credits(first + 400..<first + 500, world)
            #expect(quiet.contains(#""amount_cents":0,"#) && quiet.contains(#""agreements":0"#), "\(quiet)")
        }
    }

    @Test func `each incident of a month has the part of the credit that it caused`() async throws {
        try await IncidentWorld.with { world in
            let (pool, first) = (world.world.pool, try await day(world.world.pool))
            try await agree(pool)
            var spells: [MinuteRange] = []
            for (hour, length) in [(0, 5), (1, 5), (2, 40)] as [(Int64, Int64)] {
                spells.append(first + hour * 60..<first + hour * 60 + length)
                try await minutes(spells[Int(hour)], good: 90, bad: 10, world)
            }
            var found: [String] = []
            for spell in spells { found.append(try await credits(spell, world)) }
            // Without either of the short ones a step of the shortfall has begun still, without the long one none.
            #expect(found.map { $0.contains(#""amount_cents":5000,"#) } == [false, false, true], "\(found)")
            #expect(found.allSatisfy { $0.contains(#""agreements":1,"is_estimate":true"#) })
            try await pool.execute(
                """
                INSERT INTO reliability.credit (agreement_id, tenant_id, terms_id, month, version, status, amount_cents, arithmetic, computed_by)
                SELECT id, tenant_id, terms_id, to_char(\(SQL.minute(first)) AT TIME ZONE 'UTC', 'YYYY-MM'), 1, 'issued', 10000,
                    '{"minutes": {"eligible": 43200, "bad": 50, "bad_idle": 0, "unmeasured": 0}, "latency": {"percent": 0}, "fee": {"base_usd": "2000"}}',
                    'test' FROM reliability.agreement
                """)
            found = []
            for spell in spells { found.append(try await credits(spell, world)) }
            #expect(found.map { $0.contains(#""amount_cents":10000,"#) } == [false, false, true], "\(found)")
            #expect(found.allSatisfy { $0.contains(#""agreements":1,"is_estimate":false"#) })
        }
    }

    @Test func `an incident over the end of a month counts in the credits and budgets of both`() async throws {
        try await IncidentWorld.with { world in
            let (pool, end) = (world.world.pool, try await day(world.world.pool) - 9 * 1_440)
            try await agree(pool)
            try await minutes(end - 50..<end + 50, good: 90, bad: 10, world)
            let found = try await credits(end - 50..<end + 50, world)
            #expect(found.contains(#""amount_cents":10000,"#) && found.contains(#""agreements":1,"is_estimate":true"#), "\(found)")
            _ = try await pool.pipeline([
                "INSERT INTO reliability.budget_subject (tier, model, region, first_minute_at) VALUES ('business', 'tiny', 'eu', now())",
                """
                INSERT INTO reliability.budget_entry (subject_id, minute_at, amount, status, cause)
                SELECT id, \(SQL.minute(end)) + make_interval(mins => place), 1, 'bad', 'unexpected'
                FROM reliability.budget_subject, generate_series(-40, 29) AS place
                """,
                """
                INSERT INTO reliability.budget_state (subject_id, kind, objective_id, period_from, period_until, total, bad, rolling_total, rolling_bad,
                    verdict, freeze_state, causes, evaluated_at)
                SELECT subject.id, objective.kind, objective.id, \(SQL.minute(end)), \(SQL.minute(end)) + interval '30 days', 43200, 30, 43200, 70, 'met',
                    'normal', '{}', now()
                FROM reliability.budget_subject AS subject, reliability.objective WHERE objective.name = 'availability'
                """,
            ])
            let budget = try await IncidentCost(reliability: pool).budget(scope(end - 50..<end + 50))
            #expect(
                budget.document.contains(#""bad_minutes":70,"bad_events":{},"#) && budget.document.contains(#""budgets":1,"#), "\(budget.document)")
            // 40 minutes of the 40 to 45 that a month allows: the greater part of the two, each of its own month.
            #expect(budget.part > Ratio(89, 100) && budget.part < Ratio(1, 1), "\(budget.document)")
        }
    }

    @Test func `late first tokens are a part of their budget, and more than a fifth of one must be written up`() async throws {
        try await IncidentWorld.with { world in
            let (pool, first) = (world.world.pool, try await day(world.world.pool))
            _ = try await pool.pipeline([
                "INSERT INTO reliability.budget_subject (tier, model, region, first_minute_at) VALUES ('business', 'tiny', 'eu', now())",
                """
                INSERT INTO reliability.budget_event (subject_id, kind, minute_at, revision, amount, cause)
                SELECT id, 'ttft_p95', \(SQL.minute(first)), 0, 300, 'unexpected' FROM reliability.budget_subject
                """,
                """
                INSERT INTO reliability.budget_state (subject_id, kind, objective_id, period_from, period_until, total, bad, rolling_total, rolling_bad,
                    verdict, freeze_state, causes, evaluated_at)
                SELECT subject.id, objective.kind, objective.id, now(), now() + interval '30 days', 2000, 300, 20000, 300, 'met', 'normal', '{}', now()
                FROM reliability.budget_subject AS subject, reliability.objective
                WHERE objective.kind = 'ttft_p95' AND objective.target_ppm = 950000 LIMIT 1
                """,
            ])
            let found = try await IncidentCost(reliability: pool).budget(scope(first..<first + 10))
            #expect(
                found.document.contains(#""bad_minutes":0,"bad_events":{ "ttft_p95" : 300 },"greatest_part_ppm":300000,"budgets":1"#),
                "\(found.document)")
            #expect(IncidentBurn.requiresPostmortem(found.part))
            #expect(!IncidentBurn.requiresPostmortem(try await IncidentCost(reliability: pool).budget(scope(first + 5..<first + 10)).part))
        }
    }
}
