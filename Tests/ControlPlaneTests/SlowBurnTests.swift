import Domain
import FoundationEssentials
import Postgres
import TestSupport
import Testing

@testable import ControlPlane

/// Budgets that are spent slowly: the two windows of which a person hears in time, without being woken.
@Suite struct SlowBurnTests {
    private let start = Date(timeIntervalSince1970: (Date().timeIntervalSince1970 / 60).rounded(.down) * 60)

    private func alert(_ severity: BurnRule.Severity, of subject: SQL = "TRUE", at: Date? = nil) -> SQL {
        let rule = BurnRule.shipped.first { $0.severity == severity } ?? BurnRule.shipped[0]
        return """
            INSERT INTO reliability.burn_alert (subject_id, kind, objective_id, severity, long_seconds, short_seconds, burn, threshold, bad, total, opened_at)
            SELECT id, 'availability', gen_random_uuid(), \(severity.rawValue), \(rule.longSeconds), \(rule.shortSeconds), 20, 3, 5, 100,
                \(at ?? start)::timestamptz FROM reliability.budget_subject WHERE \(subject)
            """
    }

    /// Two channels, and a budget of which a ticket is open.
    private func with(_ body: (IncidentWorld) async throws -> Void) async throws {
        try await IncidentWorld.with { world in
            _ = try await world.world.pool.pipeline([
                "INSERT INTO reliability.budget_subject (tier, model, region, first_minute_at) VALUES ('business', 'tiny', 'eu', \(start))",
                """
                INSERT INTO reliability.page_channel (name, kind, url, least_severity)
                VALUES ('desk', 'generic', 'http://127.0.0.1:1/', 'ticket'), ('on-call', 'generic', 'http://127.0.0.1:1/', 'page')
                """,
                alert(.ticket),
            ])
            try await world.minute(start, good: 90, errors: 3)
            try await body(world)
        }
    }

    private let incidents: SQL = "SELECT rule, severity, impact_from IS NOT NULL FROM reliability.incident ORDER BY number"
    private let pages: SQL = """
        SELECT channel.name, page.event, page.state FROM reliability.page AS page JOIN reliability.page_channel AS channel ON channel.id = page.channel_id
        ORDER BY channel.name, page.event
        """
    private let actions: SQL = "SELECT action FROM reliability.mitigation WHERE mode = 'automatic'"

    @Test func `what is spent slowly is a ticket, which nobody is woken by and customers neither read nor feel anything of`() async throws {
        try await with { world in
            for second in stride(from: 6.0, to: 120, by: 6) { try await world.turn(start + second) }
            #expect(try await world.rows(incidents) == ["(burn,ticket,f)"])
            #expect(try await world.rows(pages) == ["(desk,opened,pending)"])
            #expect(try await world.rows(actions).isEmpty)
            try await PublicationDesk(serving: world.world.pool, reliability: world.world.pool).tend(at: start + 1_200)
            #expect(try await world.rows("SELECT title FROM reliability.status_post").isEmpty)
            let text = try await world.one("SELECT text AS one FROM reliability.incident_event WHERE kind = 'opened'")
            #expect(text == "budget of availability is spent slowly, and too fast to last")
        }
    }

    @Test func `a ticket becomes a page when it is spent fast, of which everybody hears, and the runbook is walked`() async throws {
        try await with { world in
            let pool = world.world.pool
            try await world.turn(start + 6)
            let told: SQL =
                "SELECT page.id::text AS one FROM reliability.page AS page JOIN reliability.page_channel AS channel ON channel.id = channel_id WHERE name = 'desk'"
            let first = try await world.one(told)
            _ = try await pool.pipeline([
                "UPDATE reliability.page SET state = 'delivered', ended_at = \(start + 7), attempts = 1", alert(.page, at: start + 8),
            ])
            for second in stride(from: 12.0, to: 60, by: 6) { try await world.turn(start + second) }
            #expect(try await world.rows(incidents) == ["(burn,page,t)"])
            #expect(try await world.rows(pages) == ["(desk,opened,pending)", "(on-call,opened,pending)"])
            #expect(try await world.one(told) != first, "receivers pass over a delivery that they know")
            let raised = try await world.rows("SELECT text FROM reliability.incident_event WHERE kind = 'signal'")
            #expect(raised == ["(\"it is a page now: budget of availability is spent too fast\")"])
            #expect(try await world.one("SELECT (impact_from = \(start + 8))::text AS one FROM reliability.incident") == "true")
            #expect(try await !world.rows(actions).isEmpty)
        }
    }

    @Test func `whoever hears only of what nobody acknowledged hears of no page that somebody has in hand`() async throws {
        try await with { world in
            let pool = world.world.pool
            try await pool.execute("UPDATE reliability.page_channel SET escalate_after_seconds = 60 WHERE name = 'on-call'")
            try await world.turn(start + 6)
            _ = try await pool.pipeline(["UPDATE reliability.incident SET acknowledged_at = \(start + 7), acknowledged_by = 'ann'", alert(.page)])
            for second in [12.0, 18] { try await world.turn(start + second) }
            #expect(try await world.rows(incidents) == ["(burn,page,t)"])
            #expect(try await world.rows(pages) == ["(desk,opened,pending)"])
        }
    }

    @Test func `whoever was told of a ticket because nobody had acknowledged it is told once more only where nobody has since`() async throws {
        for acknowledges in [true, false] {
            try await with { world in
                let pool = world.world.pool
                try await pool.execute(
                    "UPDATE reliability.page_channel SET escalate_after_seconds = 60, least_severity = 'ticket' WHERE name = 'on-call'")
                try await world.turn(start + 6)
                _ = try await pool.pipeline([
                    "UPDATE reliability.page SET state = 'delivered', ended_at = \(start + 7), attempts = 1",
                    "UPDATE reliability.incident SET acknowledged_at = \(start + 8), acknowledged_by = 'ann' WHERE \(acknowledges)", alert(.page),
                ])
                for second in [12.0, 18] { try await world.turn(start + second) }
                #expect(try await world.rows(incidents) == ["(burn,page,t)"])
                #expect(try await world.rows(pages) == ["(desk,opened,pending)", "(on-call,opened,\(acknowledges ? "delivered" : "pending"))"])
            }
        }
    }

    @Test func `a page is over though days are left in the windows that make tickets`() async throws {
        try await with { world in
            let pool = world.world.pool
            try await pool.execute(alert(.page))
            for second in [6.0, 12] { try await world.turn(start + second) }
            #expect(try await world.rows(incidents) == ["(burn,page,t)"])
            try await pool.execute("UPDATE reliability.burn_alert SET closed_at = \(start + 13) WHERE severity = 'page'")
            let seen: SQL = "SELECT last_signal_at::text AS one FROM reliability.incident"
            let last = try await world.one(seen)
            try await world.minute(start + 60, good: 90, errors: 3)
            for second in [66.0, 72] { try await world.turn(start + second) }
            #expect(try await world.one(seen) == last)
            #expect(try await world.rows(incidents) == ["(burn,page,t)"])
        }
    }

    /// A page that is over, while the window that makes a ticket is still above.
    private func withEndedPage(_ body: (IncidentWorld) async throws -> Void) async throws {
        try await with { world in
            try await world.world.pool.execute(alert(.page))
            try await world.turn(start + 6)
            _ = try await world.world.pool.pipeline([
                "UPDATE reliability.burn_alert SET closed_at = \(start + 7) WHERE severity = 'page'",
                "UPDATE reliability.incident SET step = 'resolved', resolved_at = \(start + 60)",
            ])
            #expect(try await world.rows(incidents) == ["(burn,page,t)"])
            try await body(world)
        }
    }

    @Test func `what a page told is no ticket after it, until the short window has nothing of before and is still above`() async throws {
        try await withEndedPage { world in
            // Of the slow rule that `alert` takes.
            let short = 7_200.0
            for at in [60, short] {
                try await world.minute(start + at, good: 90, errors: 1)
                for second in [6.0, 12] { try await world.turn(start + at + second) }
                #expect(try await world.rows(incidents) == ["(burn,page,t)"], "\(at)")
            }
            for at in [short + 60, short + 180] {
                try await world.minute(start + at, good: 90, errors: 1)
                for second in [6.0, 12] { try await world.turn(start + at + second) }
                #expect(try await world.rows(incidents) == ["(burn,page,t)", "(burn,ticket,f)"], "\(at)")
                try await world.world.pool.execute(
                    "UPDATE reliability.incident SET step = 'resolved', resolved_at = \(start + at + 20) WHERE resolved_at IS NULL")
            }
        }
    }

    @Test func `a slow alert that opens after the page was over is told at once`() async throws {
        try await withEndedPage { world in
            _ = try await world.world.pool.pipeline([
                "UPDATE reliability.burn_alert SET closed_at = \(start + 61) WHERE closed_at IS NULL", alert(.ticket, at: start + 65),
            ])
            try await world.minute(start + 60, good: 90, errors: 1)
            try await world.turn(start + 72)
            #expect(try await world.rows(incidents) == ["(burn,page,t)", "(burn,ticket,f)"])
        }
    }

    @Test func `what a tier's page told is no ticket of its tenants either`() async throws {
        try await withEndedPage { world in
            let (pool, tenant) = (world.world.pool, UUID())
            _ = try await pool.pipeline([
                "INSERT INTO serving.tenants (id, name, display_name, tier) VALUES (\(tenant), 'acme', 'Acme', 'business')",
                "INSERT INTO reliability.budget_subject (tenant_id, tier, model, region, first_minute_at) VALUES (\(tenant), '', 'tiny', 'eu', \(start))",
                alert(.ticket, of: "tenant_id IS NOT NULL"),
            ])
            try await world.minute(start + 60, good: 50, errors: 2, tenant: tenant)
            for second in [66.0, 72] { try await world.turn(start + second) }
            #expect(try await world.rows(incidents) == ["(burn,page,t)"])
        }
    }

    @Test func `a tier's ticket stands for a tenant's, and not for what wakes people or for a forecast`() async throws {
        try await with { world in
            let (pool, tenant) = (world.world.pool, UUID())
            _ = try await pool.pipeline([
                "INSERT INTO serving.tenants (id, name, display_name, tier) VALUES (\(tenant), 'acme', 'Acme', 'business')",
                "INSERT INTO reliability.budget_subject (tenant_id, tier, model, region, first_minute_at) VALUES (\(tenant), '', 'tiny', 'eu', \(start))",
                alert(.ticket, of: "tenant_id IS NOT NULL"),
            ])
            try await world.minute(start, good: 50, errors: 2, tenant: tenant)
            for second in [6.0, 12] { try await world.turn(start + second) }
            let found: SQL = "SELECT rule, severity, tenant_id IS NOT NULL FROM reliability.incident ORDER BY number"
            #expect(try await world.rows(found) == ["(burn,ticket,f)"])
            try await pool.execute(alert(.page, of: "tenant_id IS NOT NULL"))
            for second in [18.0, 24] { try await world.turn(start + second) }
            #expect(try await world.rows(found) == ["(burn,ticket,f)", "(burn,page,t)"])
        }
    }
}
