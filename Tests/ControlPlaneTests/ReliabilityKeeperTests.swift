import Domain
import FoundationEssentials
import Postgres
import Telemetry
import TestSupport
import Testing

@testable import ControlPlane

@Suite struct ReliabilityKeeperTests {
    @Test func everyBadMinuteIsWrittenOnceWithItsCauseAndLateReportsCorrectIt() async throws {
        try await KeeperWorld.run { keeper in
            let (pool, start) = (keeper.world.pool, keeper.start)
            try await pool.execute(
                """
                INSERT INTO serving.routing_weights (scope, subject, weight_ppm, source, reason, actor, created_at)
                VALUES ('release', 'tiny-1', 500000, 'operator', 'canary', 'test', \(SQL.minute(start + 4))),
                    ('pool', 'llama', 0, 'operator', 'dear', 'test', \(SQL.minute(start + 52))),
                    ('provider', 'alpha', 500000, 'operator', 'dear', 'test', \(SQL.minute(start + 37))),
                    ('provider', 'gamma', 0, 'operator', 'of another region', 'test', \(SQL.minute(start + 84)))
                """)
            _ = try await pool.pipeline([
                "INSERT INTO serving.providers (name, display_name, kind, updated_at) VALUES ('gamma', 'Gamma', 'independent', \(SQL.minute(start + 84)))",
                "UPDATE serving.providers SET created_at = \(SQL.minute(start)) WHERE name = 'gamma'",
                "INSERT INTO serving.pools (name, provider, region) VALUES ('gamma-us', 'gamma', 'us')",
            ])
            try await pool.execute(
                """
                INSERT INTO reliability.maintenance_window (title, reason, starts_at, ends_at, announced_by)
                VALUES ('Drivers', 'new ones', \(SQL.minute(start + 54)), \(SQL.minute(start + 55)), 'test')
                """)
            try await keeper.report(start..<start + 90, good: 20, bad: 0)
            for minute in [5, 40, 53, 54, 85] { try await keeper.report(start + Int64(minute), good: 0, bad: 2, gateway: 2) }
            try await keeper.turn()
            try await keeper.turn()
            let first = ["5 deployment 1", "40 provider_swap 1", "53 provider_swap 1", "54 maintenance 1", "85 unexpected 1"]
            #expect(try await keeper.ledger() == first)
            try await keeper.report(start + 40, good: 100, bad: 0, gateway: 3)
            try await keeper.report(start + 41, good: 0, bad: 9, gateway: 3)
            try await keeper.turn()
            try await keeper.turn()
            #expect(try await keeper.ledger() == first[0..<2] + ["40 provider_swap -1", "41 provider_swap 1"] + first[2...])
            let state = try await pool.queryOne(
                "SELECT bad, causes::text AS causes, verdict FROM reliability.budget_state WHERE kind = 'availability'")
            #expect(try state?.value("bad", as: Int64.self) == 5 && state?.value("verdict", as: String.self) == "met")
            #expect(try state?.value("causes", as: String.self) == #"{"deployment": 1, "unexpected": 1, "maintenance": 1, "provider_swap": 2}"#)
            await #expect(throws: PostgresError.self) { try await pool.execute("UPDATE reliability.budget_entry SET cause = 'maintenance'") }
        }
    }

    @Test func aReleaseThatTakesNothingIsNoCauseAndAWeightIsOnlyWhereItChanges() async throws {
        try await KeeperWorld.run { keeper in
            let (pool, start) = (keeper.world.pool, keeper.start)
            _ = try await pool.pipeline([
                "UPDATE serving.releases SET created_at = \(SQL.minute(start - 600)), updated_at = \(SQL.minute(start - 600))",
                """
                INSERT INTO serving.releases (name, model, created_at, updated_at)
                VALUES ('tiny-b', 'tiny', \(SQL.minute(start + 9)), \(SQL.minute(start + 9)))
                """,
                """
                INSERT INTO serving.routing_weights (scope, subject, weight_ppm, source, reason, actor, created_at)
                VALUES ('release', 'tiny-b', 0, 'default', 'a new release takes nothing until its weight is set', 'test', \(SQL.minute(start + 9))),
                    ('release', 'tiny-1', 1000000, 'operator', 'as it was', 'test', \(SQL.minute(start + 9))),
                    ('release', 'tiny-b', 50000, 'operator', 'canary', 'test', \(SQL.minute(start + 49)))
                """,
            ])
            try await keeper.report(start..<start + 90, good: 20, bad: 0)
            for minute in [10, 50] { try await keeper.report(start + Int64(minute), good: 0, bad: 2, gateway: 2) }
            try await keeper.turn()
            #expect(try await keeper.ledger() == ["10 unexpected 1", "50 deployment 1"])
            let changed = try await pool.queryOne("SELECT changed FROM reliability.budget_entry WHERE cause = 'deployment'")
            #expect(try changed?.value("changed") == "release tiny-b")
        }
    }

    @Test func aTenantsBudgetIsJudgedNoLooserThanItsContract() async throws {
        try await KeeperWorld.run { keeper in
            let (pool, start) = (keeper.world.pool, keeper.start)
            try await pool.execute(
                """
                WITH made AS (
                    INSERT INTO reliability.terms (name, version, title, tier, created_by) VALUES ('pro', 1, 'Pro', 'pro', 'test') RETURNING id)
                INSERT INTO reliability.agreement (tenant_id, terms_id, model, region, state, starts_at, monthly_minimum_micro_usd, evidence, requested_by)
                SELECT \(keeper.tenant), made.id, 'tiny', 'eu', 'active', \(SQL.minute(start)), 0, '{}', 'test' FROM made
                """)
            try await keeper.report(start..<start + 90, good: 39, bad: 0)
            // Below the 5 % of the objective, and one failure more than the contract allows.
            try await keeper.report(start + 40, good: 0, bad: 1, gateway: 2)
            try await keeper.turn()
            let rows = try await pool.query(
                """
                SELECT (extract(epoch FROM minute_at)::bigint / 60 - \(start)) || ' ' || (tenant_id IS NOT NULL) || ' ' || amount AS line
                FROM reliability.budget_entry JOIN reliability.budget_subject AS subject ON subject.id = subject_id
                """)
            #expect(try rows.map { try $0.value("line", as: String.self) } == ["40 true 1"])
        }
    }

    @Test func aTenantsBudgetIsKeptUntilItsAgreementIsOverAndNoLonger() async throws {
        try await KeeperWorld.run { keeper in
            let (pool, start) = (keeper.world.pool, keeper.start)
            // The first one's notice is running, the second one is over.
            try await pool.execute(
                """
                WITH made AS (
                    INSERT INTO reliability.terms (name, version, title, tier, created_by) VALUES ('pro', 1, 'Pro', 'pro', 'test') RETURNING id)
                INSERT INTO reliability.agreement (tenant_id, terms_id, model, region, state, starts_at, ends_at, monthly_minimum_micro_usd, evidence,
                    requested_by)
                SELECT \(keeper.tenant), made.id, promised.model, 'eu', 'ended', \(SQL.minute(start)), promised.ends_at, 0, '{}', 'test'
                FROM made, (VALUES ('tiny', \(SQL.minute(keeper.now + 43_200))), ('other', \(SQL.minute(start + 10)))) AS promised (model, ends_at)
                """)
            try await keeper.report(start..<start + 90, good: 39, bad: 1)
            for minute in [keeper.now, keeper.now + 1] { try await keeper.turn(at: minute) }
            let open = try await pool.query(
                "SELECT model FROM reliability.budget_subject WHERE tenant_id IS NOT NULL AND ended_at IS NULL")
            #expect(try open.map { try $0.value("model", as: String.self) } == ["tiny"])
            try await BudgetSubjects(serving: pool, reliability: pool).discover(keeper.now + 43_200..<keeper.now + 43_201)
            #expect(try await pool.query("SELECT 1 FROM reliability.budget_subject WHERE tenant_id IS NOT NULL AND ended_at IS NULL").isEmpty)
        }
    }

    @Test func `what comes late of a budget that has ended since stands in its ledger, and nothing of afterwards`() async throws {
        try await KeeperWorld.run { keeper in
            let (pool, start) = (keeper.world.pool, keeper.start)
            try await keeper.report(start..<start + 90, good: 20, bad: 0)
            try await keeper.turn()
            try await pool.execute("UPDATE reliability.budget_subject SET ended_at = \(SQL.minute(start + 60))")
            for minute in [40, 70] { try await keeper.report(start + Int64(minute), good: 0, bad: 2, gateway: 2) }
            for _ in 0..<2 { try await keeper.turn() }
            #expect(try await keeper.ledger() == ["40 unexpected 1"])
            let events = try await pool.query(
                "SELECT concat_ws(' ', kind, extract(epoch FROM minute_at)::bigint / 60 - \(start), amount) AS line FROM reliability.budget_event")
            #expect(try events.map { try $0.value("line", as: String.self) } == ["error_rate 40 2"])
        }
    }

    /// The SQL of the ledger against the rules as values, with minutes of every status.
    @Test func theLedgerHoldsExactlyTheMinutesThatTheRulesCallBad() async throws {
        try await KeeperWorld.run(opening: 300) { keeper in
            let pool = keeper.world.pool
            _ = try await pool.execute("DELETE FROM reliability.probe_minute WHERE minute_at < \(SQL.minute(keeper.start + 250))")
            var random = SeededNumbers(seed: 5)
            for minute in keeper.start..<keeper.start + 250 {
                if random.next(below: 3) > 0 { try await keeper.report(minute, good: random.next(below: 30), bad: random.next(below: 3)) }
                if random.next(below: 2) > 0 {
                    try await pool.execute(
                        "INSERT INTO reliability.probe_minute VALUES ('tiny', 'eu', \(SQL.minute(minute)), \(random.next(below: 2)), 1)")
                }
            }
            try await keeper.turn()
            let subject = MinuteSubject(tier: "pro", model: "tiny", region: "eu")
            let first = try await pool.queryOne("SELECT extract(epoch FROM first_minute_at)::bigint / 60 AS minute FROM reliability.budget_subject")
            let from: Int64 = try first?.value("minute") ?? 0
            var bad: [String] = []
            try await MinuteBook(pool: pool).minutes(of: subject, in: from..<keeper.start + 250) { minutes in
                for minute in minutes {
                    let status = minute.evidence.budgetStatus(.ratio(above: Ratio(50_000, 1_000_000)))
                    if status.rawValue.hasPrefix("bad") { bad.append("\(minute.minute - keeper.start) \(status.rawValue)") }
                }
            }
            let rows = try await pool.query(
                """
                SELECT (extract(epoch FROM minute_at)::bigint / 60 - \(keeper.start)) || ' ' || status AS line FROM reliability.budget_entry
                WHERE minute_at < \(SQL.minute(keeper.start + 250)) ORDER BY minute_at
                """)
            #expect(try rows.map { try $0.value("line", as: String.self) } == bad)
            #expect(Set(bad.map { $0.split(separator: " ")[1] }).count == 3)
        }
    }

    @Test func aBudgetSaysWhenItEndsAtThePaceOfTheLastHour() async throws {
        try await KeeperWorld.run { keeper in
            let forecast: SQL = """
                SELECT coalesce(r.hour_burn::text, '') || ' ' || coalesce(\(BudgetResource.hoursLeft), 'lasts') AS line FROM \(BudgetResource.source)
                WHERE r.kind = 'availability'
                """
            func line() async throws -> String? { try await keeper.world.pool.queryOne(forecast)?.value("line") }
            try await keeper.report(keeper.start..<keeper.now - 30, good: 100, bad: 0)
            try await keeper.report(keeper.now - 25..<keeper.now, good: 100, bad: 0)
            try await keeper.turn()
            #expect(try await line() == "0.000 lasts")
            // Five of 43.2 minutes are spent: 636.7 hours are left at the pace that is allowed.
            try await keeper.report(keeper.now - 30..<keeper.now - 25, good: 60, bad: 40)
            try await keeper.turn(at: keeper.now + 1)
            let spent = try #require(try await line()).split(separator: " ").compactMap { Double($0) }
            #expect(spent.count == 2 && spent[0] > 30 && abs(spent[0] * spent[1] - 636.7) < spent[0] * 0.06, "\(spent)")
        }
    }

    @Test func aBudgetThatIsSpentTooFastRaisesAnAlertAndASpentOneFreezes() async throws {
        try await KeeperWorld.run { keeper in
            let metrics = MetricRegistry()
            try await keeper.report(keeper.start..<keeper.start + 60, good: 50, bad: 0)
            try await keeper.report(keeper.start + 60..<keeper.now, good: 10, bad: 10)
            try await keeper.turn(metrics: metrics)
            let open: SQL = """
                SELECT severity || ' ' || kind || ' ' || long_seconds AS line FROM reliability.burn_alert WHERE closed_at IS NULL
                ORDER BY long_seconds, kind
                """
            let lines = try await keeper.world.pool.query(open).map { try $0.value("line", as: String.self) }
            #expect(lines.contains("page availability 3600") && lines.contains("page error_rate 3600") && lines.contains("page availability 21600"))
            #expect(metrics.prometheusText().contains(#"plimsoll_control_burn_alerts{severity="page"} 4"#))
            let frozen = try await keeper.world.pool.queryOne("SELECT freeze_state FROM reliability.budget_state WHERE kind = 'availability'")
            #expect(try frozen?.value("freeze_state", as: String.self) == "frozen", "45 bad minutes of 43")
            // An hour of good requests closes what looks back five minutes; silence alone would not.
            try await keeper.report(keeper.now..<keeper.now + 30, good: 900, bad: 0)
            try await keeper.turn(at: keeper.now + 30, metrics: metrics)
            #expect(try await keeper.world.count("SELECT 1 FROM reliability.burn_alert WHERE closed_at IS NULL AND long_seconds <= 21600") == 0)
            #expect(metrics.prometheusText().contains("plimsoll_control_budgets_frozen 1"))
        }
    }

    @Test(arguments: [true, false]) func `errors hold changes up where their objective says so`(freezes: Bool) async throws {
        try await KeeperWorld.run { keeper in
            try await keeper.world.pool.execute("UPDATE reliability.objective SET freezes = \(freezes) WHERE name = 'errors'")
            // 0.2 % may fail.
            try await keeper.report(keeper.start..<keeper.now, good: 97, bad: 3)
            try await keeper.turn()
            let state = try await keeper.world.pool.queryOne("SELECT freeze_state FROM reliability.budget_state WHERE kind = 'error_rate'")
            #expect(try state?.value("freeze_state", as: String.self) == (freezes ? "frozen" : "normal"))
        }
    }

    @Test(arguments: ["burn_alerts = false", "state = 'deleted'"])
    func `an alert ends with the wish to have it`(_ change: String) async throws {
        try await KeeperWorld.run { keeper in
            let pool = keeper.world.pool
            try await keeper.report(keeper.start..<keeper.now, good: 10, bad: 10)
            try await keeper.turn()
            let open: SQL = "SELECT 1 FROM reliability.burn_alert WHERE kind = 'availability' AND closed_at IS NULL"
            let paces: SQL = "SELECT 1 FROM reliability.budget_state WHERE kind = 'availability' AND hour_burn IS NOT NULL"
            for found in try await [keeper.world.count(open), keeper.world.count(paces)] { #expect(found > 0) }
            let wish: SQL = change.hasPrefix("state") ? "state = 'deleted', deleted_at = now()" : "burn_alerts = false"
            try await pool.execute("UPDATE reliability.objective SET \(wish) WHERE kind = 'availability'")
            try await keeper.turn(at: keeper.now + 1)
            for left in try await [keeper.world.count(open), keeper.world.count(paces)] { #expect(left == 0) }
            #expect(try await keeper.world.count("SELECT 1 FROM reliability.burn_alert WHERE kind = 'error_rate' AND closed_at IS NULL") > 0)
        }
    }

    @Test func whereNobodyProbesIdleTimeIsMissedButFreezesNothing() async throws {
        try await KeeperWorld.run { keeper in
            _ = try await keeper.world.pool.execute("DELETE FROM reliability.probe_minute")
            try await keeper.report(keeper.start, good: 1, bad: 0)
            try await keeper.turn()
            let unmeasured = BudgetResource.unmeasuredMinutes(since: "r.evaluated_at - interval '1 hour'")
            let state = try await keeper.world.pool.queryOne(
                """
                SELECT verdict || ' ' || freeze_state || ' ' || bad || ' ' || (hour_burn IS NULL) || ' ' || \(unmeasured) AS line
                FROM \(BudgetResource.source) WHERE r.kind = 'availability'
                """)
            #expect(try state?.value("line", as: String.self) == "missed normal 104 true 60", "no pace is known of what nobody measures")
        }
    }

    @Test func daysAreSummedAsTheirMinutesAreAndMonthsReadDays() async throws {
        try await KeeperWorld.run(opening: 3_000) { keeper in
            try await keeper.report(keeper.start..<keeper.start + 2_900, good: 3, bad: 0)
            try await keeper.report(keeper.start + 1_500..<keeper.start + 1_520, good: 0, bad: 1, gateway: 2)
            try await keeper.turn()
            let book = MinuteBook(pool: keeper.world.pool)
            for subject in [
                MinuteSubject(tenant: keeper.tenant, model: "tiny", region: "eu"), MinuteSubject(tier: "pro", model: "tiny", region: "eu"),
                MinuteSubject(model: "tiny", region: "eu"),
            ] {
                let sums = try await book.requests(of: subject, in: keeper.start..<keeper.now - 15)
                #expect(sums.good == 8_700 && sums.bad == 20 && sums.serverErrors == 20)
            }
            let recent = try await book.recent(
                of: MinuteSubject(tier: "pro", model: "tiny", region: "eu"), before: keeper.start + 1_530, seconds: [3_600, 300, 86_400])
            #expect(recent.map(\.bad) == [20, 0, 20] && recent.map(\.good) == [180, 15, 4_320])
            let days = keeper.start / 1_440 + 1..<(keeper.now - 15) / 1_440
            let others = [MinuteSubject(model: "tiny", region: "eu"), MinuteSubject(tenant: UUID(), model: "tiny", region: "eu")]
            for subject in [MinuteSubject(tenant: keeper.tenant, model: "tiny", region: "eu")] + others {
                for day in try await book.days(of: subject, in: days, manyBad: true) {
                    let minutes = day.day * 1_440..<(day.day + 1) * 1_440
                    #expect(day.minutes == (try await book.tally(of: subject, in: minutes, rule: .ratio(above: Ratio(1, 20)))))
                }
                #expect(try await book.days(of: subject, in: days, manyBad: false).count == days.count && !days.isEmpty)
            }
        }
    }
}

/// Objectives that count events: late tokens, errors, refusals.
@Suite struct EventBudgetTests {
    private func probes(_ keeper: KeeperWorld, _ range: MinuteRange, microseconds: Int64) async throws {
        try await keeper.world.pool.execute(
            """
            INSERT INTO reliability.probe (id, at, kind, gateway_id, provider, model, region, succeeded, status, ttft_us, ttlt_us, prompt_tokens,
                completion_tokens)
            SELECT gen_random_uuid(), at + interval '7 seconds', 'outside', NULL, '', 'tiny', 'eu', true, 200, 1000, \(microseconds), 10, 256
            FROM generate_series(\(SQL.minute(range.lowerBound)), \(SQL.minute(range.upperBound - 1)), '1 minute') AS at
            """)
    }

    private func ledger(_ keeper: KeeperWorld) async throws -> [String] {
        let rows = try await keeper.world.pool.query(
            """
            SELECT concat_ws(' ', kind, extract(epoch FROM minute_at)::bigint / 60 - \(keeper.start), cause, amount) AS line
            FROM reliability.budget_ledger WHERE kind <> 'availability' ORDER BY kind, minute_at, revision
            """)
        return try rows.map { try $0.value("line") }
    }

    @Test func `late tokens and errors stand in the ledger with their causes, and late reports correct them`() async throws {
        try await KeeperWorld.run { keeper in
            let (pool, start) = (keeper.world.pool, keeper.start)
            try await pool.execute(
                """
                INSERT INTO serving.routing_weights (scope, subject, weight_ppm, source, reason, actor, created_at)
                VALUES ('release', 'tiny-1', 500000, 'operator', 'canary', 'test', \(SQL.minute(start + 39)))
                """)
            try await keeper.report(start..<start + 90, good: 20, bad: 0)
            try await keeper.report(start + 40, good: 0, bad: 3, gateway: 2)
            try await probes(keeper, start + 41..<start + 43, microseconds: 9_000_000)
            try await probes(keeper, start + 43..<start + 50, microseconds: 8_000_000)
            for _ in 0..<2 { try await keeper.turn() }
            let first = ["error_rate 40 deployment 3", "ttlt_p95 41 deployment 1", "ttlt_p95 42 deployment 1"]
            #expect(try await ledger(keeper) == first)
            try await keeper.report(start + 40, good: 0, bad: 2, gateway: 3)
            try await pool.execute(
                "UPDATE reliability.minute SET first_token_samples = 9, first_token_over = 4 WHERE minute_at = \(SQL.minute(start + 85))")
            for _ in 0..<2 { try await keeper.turn() }
            #expect(try await ledger(keeper) == [first[0], "error_rate 40 deployment 2", "ttft_p95 85 unexpected 4"] + first[1...])
        }
    }

    @Test func `answers that come too late to the end raise a burn alert, and it is closed when they are in time`() async throws {
        try await KeeperWorld.run { keeper in
            try await keeper.report(keeper.start..<keeper.now, good: 5, bad: 0)
            try await probes(keeper, keeper.now - 60..<keeper.now, microseconds: 8_000_001)
            try await keeper.turn()
            let open: SQL =
                "SELECT severity || ' ' || long_seconds AS line FROM reliability.burn_alert WHERE kind = 'ttlt_p95' AND closed_at IS NULL ORDER BY long_seconds"
            let lines = try await keeper.world.pool.query(open).map { try $0.value("line", as: String.self) }
            #expect(lines == ["page 3600", "page 21600", "ticket 86400", "ticket 259200"])
            try await probes(keeper, keeper.now..<keeper.now + 360, microseconds: 8_000_000)
            try await keeper.report(keeper.now..<keeper.now + 360, good: 5, bad: 0)
            try await keeper.turn(at: keeper.now + 360)
            #expect(try await keeper.world.count("SELECT 1 FROM reliability.burn_alert WHERE kind = 'ttlt_p95' AND closed_at IS NULL") == 0)
            let state = try await keeper.world.pool.queryOne(
                "SELECT bad || ' ' || total || ' ' || causes::text AS line FROM reliability.budget_state WHERE kind = 'ttlt_p95'")
            #expect(try state?.value("line", as: String.self).hasPrefix("60 ") == true)
        }
    }

    @Test func `a minute that gateways tell of is merged again and again until five seconds after its end`() {
        let minute = Date(timeIntervalSince1970: 1_800_000_000)
        var (at, turns): (Double, [Double]) = (0.1, [])
        while at < 61 {
            at += ReliabilityKeeper.pause(after: .milliseconds(200), at: minute + at) / .seconds(1)
            turns.append(at)
            at += 0.2
        }
        #expect(turns.contains { abs($0 - 1.5) < 0.01 } && turns.contains { abs($0 - 5) < 0.01 }, "\(turns)")
        #expect(turns.count { $0 > 1.4 && $0 < 4.9 } >= 5 && turns.count { $0 > 5.1 && $0 < 10 } <= 5, "\(turns)")
        #expect(ReliabilityKeeper.pause(after: .seconds(9), at: minute + 20) == .seconds(5))
    }

    @Test func `a report that comes while its minute is closed is not lost`() async throws {
        try await KeeperWorld.run { keeper in
            try await keeper.world.pool.transaction { late in
                try await late.execute(keeper.reports(keeper.start + 5..<keeper.start + 6, good: 0, bad: 3))
                try await keeper.turn()
            }
            try await keeper.turn()
            #expect(try await keeper.world.count("SELECT 1 FROM reliability.minute_total WHERE bad = 3") == 1)
            // A probe of a minute that may be closed at any moment is noted too, until it is.
            let left: SQL = "SELECT 1 FROM reliability.late_minute WHERE minute_at < (SELECT closed_until FROM reliability.minute_progress)"
            #expect(try await keeper.world.count(left) == 0)
        }
    }

    @Test func `what came since is merged, also what a transaction wrote that was open meanwhile`() async throws {
        try await KeeperWorld.run { keeper in
            let (roll, pool, now) = (MinuteRoll(pool: keeper.world.pool), keeper.world.pool, keeper.now)
            let totals = {
                let query: SQL =
                    "SELECT concat_ws(' ', extract(epoch FROM minute_at)::bigint / 60 - \(now), good) AS line FROM reliability.minute_total ORDER BY minute_at"
                return try await pool.query(query).map { try $0.value("line", as: String.self) }
            }
            try await keeper.report(now - 1, good: 5, bad: 0)
            var merged = try await roll.roll(now - 3..<now + 1)
            try await pool.transaction { connection in
                try await connection.execute(keeper.reports(now - 2..<now - 1, good: 7, bad: 0, gateway: 2))
                merged = try await roll.roll(now - 3..<now + 1, since: merged)
            }
            #expect(try await totals() == ["-1 5"])
            try await keeper.report(now + 1, good: 3, bad: 0)
            merged = try await roll.roll(now - 3..<now + 1, since: merged)
            #expect(try await totals() == ["-2 7", "-1 5"])
            merged = try await roll.roll(now - 2..<now + 2, since: merged)
            #expect(try await totals() == ["-2 7", "-1 5", "1 3"], "it came before its minute")
            // What was written while any transaction of the server's was open that still is, of whichever database, is read again.
            try await Waiting.until("what is known is not read again", within: .seconds(60)) {
                try await pool.execute("DELETE FROM reliability.minute_total")
                merged = try await roll.roll(now - 2..<now + 2, since: merged)
                return try await totals() == []
            }
            try await roll.roll(now - 2..<now + 2)
            #expect(try await totals() == ["-2 7", "-1 5", "1 3"])
        }
    }

    @Test func `a late report that comes while others are merged is not lost`() async throws {
        try await KeeperWorld.run { keeper in
            let (pool, start) = (keeper.world.pool, keeper.start)
            try await keeper.report(start + 5, good: 1, bad: 0)
            try await keeper.turn()
            for minute in [5, 9] { try await keeper.report(start + Int64(minute), good: 1, bad: 0, gateway: 2) }
            try await pool.withConnection { late in
                try await late.execute("BEGIN")
                try await late.execute(keeper.reports(start + 7..<start + 8, good: 0, bad: 3))
                // The keeper has looked what is late, and waits for the first of them.
                try await late.execute("SELECT 1 FROM reliability.minute_total WHERE minute_at = \(SQL.minute(start + 5)) FOR UPDATE")
                async let turned: Void = keeper.turn()
                try await Waiting.until("the keeper waits", within: .seconds(20)) {
                    try await keeper.world.count(
                        "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'") > 0
                }
                try await late.execute("COMMIT")
                try await turned
            }
            try await keeper.turn()
            #expect(try await keeper.world.count("SELECT 1 FROM reliability.minute_total WHERE bad = 3") == 1)
        }
    }
}
