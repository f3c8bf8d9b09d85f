import Domain
import FoundationEssentials
import Postgres
import TestSupport
import Testing

@testable import ControlPlane

/// Signs that a promise is in danger: one customer's budget, a budget that ends soon, nobody who looks from outside.
@Suite struct PromiseSignTests {
    private let start = Date(timeIntervalSince1970: (Date().timeIntervalSince1970 / 60).rounded(.down) * 60)

    /// A tenant of Business with a budget of its own, which is spent too fast.
    private func burn(_ world: IncidentWorld) async throws -> UUID {
        let tenant = UUID()
        _ = try await world.world.pool.pipeline([
            "INSERT INTO serving.tenants (id, name, display_name, tier) VALUES (\(tenant), 'acme', 'Acme', 'business')",
            "INSERT INTO reliability.budget_subject (tenant_id, tier, model, region, first_minute_at) VALUES (\(tenant), '', 'tiny', 'eu', \(start))",
            alert("tenant_id = \(tenant)"),
        ])
        return tenant
    }

    private func alert(_ subject: SQL) -> SQL {
        """
        INSERT INTO reliability.burn_alert (subject_id, kind, objective_id, severity, long_seconds, short_seconds, burn, threshold, bad, total, opened_at)
        SELECT id, 'availability', gen_random_uuid(), 'page', 3600, 300, 20, 14.4, 5, 100, \(start)::timestamptz FROM reliability.budget_subject
        WHERE \(subject)
        """
    }

    private let burns: SQL = "SELECT rule, tier, tenant_id IS NOT NULL FROM reliability.incident WHERE rule = 'burn' ORDER BY opened_at"

    @Test func `a tenant's own burn is an incident of that tenant alone, while more is spent`() async throws {
        try await IncidentWorld.with { world in
            let tenant = try await burn(world)
            try await world.minute(start, good: 50, errors: 2)
            try await world.turn(start + 10)
            #expect(try await world.rows(burns).isEmpty, "others fail, it does not")
            try await world.minute(start, good: 50, errors: 2, tenant: tenant)
            try await world.turn(start + 16)
            #expect(try await world.rows(burns) == ["(burn,business,t)"])
            #expect(
                try await world.rows("SELECT key, title, severity FROM reliability.incident WHERE tenant_id = \(tenant)") == [
                    "(business/tiny/eu/burn/tenant:\(tenant.lowercased),\"Error budget is spent too fast, of one customer: tiny, eu, business\",page)"
                ])
            let pool = world.world.pool
            try await PublicationDesk(serving: pool, reliability: pool).tend(at: start + 20)
            #expect(try await world.rows("SELECT title FROM reliability.status_post").isEmpty, "it is nobody else's business")
            let id = try #require(
                UUID(uuidString: try await world.one("SELECT id::text AS one FROM reliability.incident WHERE tenant_id IS NOT NULL") ?? ""))
            let draft = try await PostmortemDraft(reliability: pool).make(id, until: start + 60).document
            #expect(draft.contains(#""customers_touched":1,"bad_requests":2"#), "\(draft)")
        }
    }

    @Test func `where the tier's budget burns too, the tenant's is a part of that`() async throws {
        try await IncidentWorld.with { world in
            let tenant = try await burn(world)
            _ = try await world.world.pool.pipeline([
                "INSERT INTO reliability.budget_subject (tier, model, region, first_minute_at) VALUES ('business', 'tiny', 'eu', \(start))",
                alert("tenant_id IS NULL"),
            ])
            try await world.minute(start, good: 50, errors: 2, tenant: tenant)
            for second in [10.0, 16, 22] { try await world.turn(start + second) }
            #expect(try await world.rows(burns) == ["(burn,business,f)"])
        }
    }

    @Test func `a budget that ends within a day at this pace is told before it does, unless it is known to burn`() async throws {
        try await IncidentWorld.with { world in
            let pool = world.world.pool
            _ = try await pool.pipeline([
                "INSERT INTO reliability.budget_subject (tier, model, region, first_minute_at) VALUES ('business', 'tiny', 'eu', \(start))",
                // A tenth is left, which lasts for 72 hours as allowed, and for 24 at three times that.
                """
                INSERT INTO reliability.budget_state (subject_id, kind, objective_id, period_from, period_until, total, bad, consumed_numerator,
                    consumed_denominator, rolling_total, rolling_bad, rolling_consumed_numerator, rolling_consumed_denominator, verdict, freeze_state,
                    causes, evaluated_at, hour_burn)
                SELECT subject.id, 'availability', objective.id, now() - interval '15 days', now() + interval '15 days', 43200, 39, 9, 10, 43200, 39, 9, 10,
                    'met', 'normal', '{}', now(), 2.9
                FROM reliability.budget_subject AS subject, reliability.objective WHERE objective.name = 'availability'
                """,
            ])
            let incidents: SQL = "SELECT rule, severity, impact_from FROM reliability.incident WHERE rule <> 'server_errors'"
            try await world.minute(start, good: 500, errors: 1)
            try await world.turn(start + 10)
            #expect(try await world.rows(incidents).isEmpty)
            try await pool.execute("UPDATE reliability.budget_state SET hour_burn = 6")
            try await world.turn(start + 16)
            #expect(try await world.rows(incidents) == ["(budget_ending,ticket,)"])
            let told = try await world.one("SELECT text AS one FROM reliability.incident_event WHERE kind = 'opened'")
            #expect(told == "at the pace of the last hour the budget ends: availability in 12.0 h")
            _ = try await pool.pipeline(["UPDATE reliability.incident SET resolved_at = \(start), step = 'resolved'", alert("TRUE")])
            for second in [22.0, 28] { try await world.turn(start + second) }
            #expect(try await world.rows("SELECT rule FROM reliability.incident WHERE resolved_at IS NULL") == ["(burn)"])
        }
    }

    @Test func `a tenant's own budget that ends within a day is told while the tenant spends of it, unless its tier's is`() async throws {
        try await IncidentWorld.with { world in
            let (pool, tenant) = (world.world.pool, UUID())
            func state(_ subject: SQL) -> SQL {
                """
                INSERT INTO reliability.budget_state (subject_id, kind, objective_id, period_from, period_until, total, bad, consumed_numerator,
                    consumed_denominator, rolling_total, rolling_bad, rolling_consumed_numerator, rolling_consumed_denominator, verdict, freeze_state,
                    causes, evaluated_at, hour_burn)
                SELECT subject.id, 'availability', objective.id, now() - interval '15 days', now() + interval '15 days', 43200, 39, 9, 10, 43200, 39, 9, 10,
                    'met', 'normal', '{}', now(), 6
                FROM reliability.budget_subject AS subject, reliability.objective WHERE objective.name = 'availability' AND \(subject)
                """
            }
            _ = try await pool.pipeline([
                "INSERT INTO serving.tenants (id, name, display_name, tier) VALUES (\(tenant), 'acme', 'Acme', 'business')",
                "INSERT INTO reliability.budget_subject (tenant_id, tier, model, region, first_minute_at) VALUES (\(tenant), '', 'tiny', 'eu', \(start))",
                state("subject.tenant_id IS NOT NULL"),
            ])
            let incidents: SQL = "SELECT key FROM reliability.incident WHERE rule IN ('budget_ending', 'burn') AND resolved_at IS NULL"
            try await world.minute(start, good: 500, errors: 1)
            try await world.turn(start + 10)
            #expect(try await world.rows(incidents).isEmpty, "others fail, it does not")
            try await world.minute(start, good: 500, errors: 1, tenant: tenant)
            try await world.turn(start + 16)
            #expect(try await world.rows(incidents) == ["(business/tiny/eu/budget_ending/tenant:\(tenant.lowercased))"])
            let told = try await world.one("SELECT text AS one FROM reliability.incident_event WHERE kind = 'opened' AND text LIKE '%ends%'")
            #expect(told == "at the pace of the last hour the budget of tenant \(tenant.lowercased) ends: availability in 12.0 h")
            _ = try await pool.pipeline([
                "UPDATE reliability.incident SET resolved_at = \(start), step = 'resolved'",
                "INSERT INTO reliability.budget_subject (tier, model, region, first_minute_at) VALUES ('business', 'tiny', 'eu', \(start))",
                state("subject.tenant_id IS NULL"),
            ])
            for second in [22.0, 28] { try await world.turn(start + second) }
            #expect(try await world.rows(incidents) == ["(business/tiny/eu/budget_ending)"])
            _ = try await pool.pipeline(["UPDATE reliability.incident SET resolved_at = \(start), step = 'resolved'", alert("tenant_id IS NOT NULL")])
            for second in [34.0, 40] { try await world.turn(start + second) }
            #expect(
                try await world.rows("\(incidents) ORDER BY key") == [
                    "(business/tiny/eu/budget_ending)", "(business/tiny/eu/burn/tenant:\(tenant.lowercased))",
                ])
        }
    }

    @Test func `nobody who probes from outside for three minutes is an incident of its own, where there is an endpoint to probe`() async throws {
        try await IncidentWorld.with(outside: ["eu"]) { world in
            for region in ["eu", "us"] {
                try await world.world.pool.execute(
                    """
                    INSERT INTO serving.skus (name, model, tier, primary_region, prompt_price_pico_usd, completion_price_pico_usd, state, override_reason)
                    VALUES (\("tiny-" + region), 'tiny', 'business', \(region), 1, 1, 'active', 'demonstration')
                    """)
            }
            func probe(_ second: Double, fault: String? = nil) async throws {
                try await world.world.pool.execute(
                    """
                    INSERT INTO reliability.probe (id, at, kind, model, region, succeeded, fault, status)
                    VALUES (gen_random_uuid(), \(start + second), 'outside', 'tiny', 'eu', \(fault == nil), \(fault), 200)
                    """)
            }
            let incidents: SQL = "SELECT rule, model, region, severity FROM reliability.incident WHERE rule <> 'unmeasured'"
            for second in [0.0, 60, 120] { try await probe(second) }
            for second in [0.0, 100, 200, 295] { try await world.turn(start + second) }
            #expect(try await world.rows(incidents).isEmpty)
            // Our own key is refused: nothing is seen of the service.
            try await probe(290, fault: "customer")
            try await world.turn(start + 305)
            #expect(try await world.rows(incidents) == ["(outside_view_lost,tiny,eu,ticket)"])
            try await probe(310)
            try await world.turn(start + 315)
            #expect(
                try await world.rows("SELECT last_signal_at = \(start + 305)::timestamptz FROM reliability.incident WHERE rule = 'outside_view_lost'")
                    == ["(t)"])
        }
    }

    @Test func `an hour of a contract that cannot be judged is told as unmeasured, once, until it can be`() async throws {
        try await IncidentWorld.with { world in
            let (pool, tenant) = (world.world.pool, UUID())
            _ = try await pool.pipeline([
                "INSERT INTO serving.tenants (id, name, display_name, tier) VALUES (\(tenant), 'acme', 'Acme', 'pro')",
                "INSERT INTO reliability.terms (name, version, title, tier, created_by) VALUES ('pro', 1, 'Pro', 'pro', 'test')",
                """
                INSERT INTO reliability.agreement (tenant_id, terms_id, model, region, state, starts_at, monthly_minimum_micro_usd, evidence, requested_by)
                SELECT \(tenant), terms.id, 'tiny', 'eu', 'active', date_trunc('minute', \(start)::timestamptz) - interval '2 hours', 0, '{}', 'test'
                FROM reliability.terms
                """,
            ])
            func probe(_ count: Int) async throws {
                try await pool.execute(
                    """
                    INSERT INTO reliability.probe (id, at, kind, model, region, succeeded, status, ttft_us)
                    SELECT gen_random_uuid(), \(start)::timestamptz - number * interval '1 minute', 'outside', 'tiny', 'eu', TRUE, 200, 1000
                    FROM generate_series(10, 9 + \(count)::integer) AS number
                    """)
            }
            let told: SQL = "SELECT model, region, severity FROM reliability.incident WHERE rule = 'unmeasured'"
            try await probe(19)
            try await world.minute(start - 1_200, good: 20, tier: "pro", tenant: tenant)
            for second in [0.0, 100, 190] { try await world.turn(start + second) }
            #expect(try await world.rows(told).isEmpty, "its own requests are enough")
            try await pool.execute("UPDATE reliability.minute SET first_token_samples = 19")
            for second in [210.0, 230] { try await world.turn(start + second) }
            #expect(try await world.rows(told) == ["(tiny,eu,ticket)"])
            let text = try await world.one("SELECT text AS one FROM reliability.incident_event WHERE kind = 'opened'")
            #expect(text?.hasPrefix("an hour of a contract for tiny in eu cannot be judged") == true, "\(text ?? "")")
            try await probe(1)
            try await world.turn(start + 250)
            #expect(
                try await world.rows("SELECT last_signal_at < \(start + 240)::timestamptz FROM reliability.incident WHERE rule = 'unmeasured'") == [
                    "(t)"
                ])
        }
    }

    @Test func `a budget that is spent because nobody measures is told as unmeasured, also where nothing is sold`() async throws {
        try await IncidentWorld.with { world in
            let pool = world.world.pool
            let closed = start - 15 * 60
            _ = try await pool.pipeline([
                "INSERT INTO reliability.budget_subject (tier, model, region, first_minute_at) VALUES ('business', 'tiny', 'eu', \(start - 7_200))",
                """
                INSERT INTO reliability.budget_state (subject_id, kind, objective_id, period_from, period_until, total, bad, consumed_numerator,
                    consumed_denominator, rolling_total, rolling_bad, rolling_consumed_numerator, rolling_consumed_denominator, verdict, freeze_state,
                    causes, evaluated_at)
                SELECT subject.id, 'availability', objective.id, now() - interval '15 days', now() + interval '15 days', 43200, 3, 1, 10, 43200, 3, 1, 10,
                    'met', 'normal', '{}', \(closed)
                FROM reliability.budget_subject AS subject, reliability.objective WHERE objective.name = 'availability'
                """,
                """
                INSERT INTO reliability.budget_entry (subject_id, minute_at, revision, amount, status, cause)
                SELECT id, \(closed)::timestamptz - ago * interval '1 minute', 0, 1, 'bad:unmeasured', 'unexpected'
                FROM reliability.budget_subject, generate_series(1, 3) AS ago
                """,
            ])
            let told: SQL = "SELECT model, region, severity FROM reliability.incident WHERE rule = 'unmeasured' AND resolved_at IS NULL"
            for second in [0.0, 100] { try await world.turn(start + second) }
            #expect(try await world.rows(told).isEmpty, "nobody could be heard before")
            try await world.turn(start + 190)
            #expect(try await world.rows(told) == ["(tiny,eu,ticket)"])
            #expect(
                try await world.one("SELECT text AS one FROM reliability.incident_event WHERE kind = 'opened'")?.hasPrefix(
                    "nobody measures tiny in eu") == true)
        }
    }
}
