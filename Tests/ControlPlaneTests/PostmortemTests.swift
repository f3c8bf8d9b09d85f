import Domain
import FoundationEssentials
import Postgres
import TestSupport
import Testing

@testable import ControlPlane

/// What a draft says of an incident, and when it must be written up.
@Suite struct PostmortemTests {
    private let start = Date(timeIntervalSince1970: (Date().timeIntervalSince1970 / 60).rounded(.down) * 60)

    /// A provider is lost for a minute, and over after ten clean ones.
    private func lose(_ world: IncidentWorld) async throws {
        try await world.probed(start, minutes: 12)
        for second in [0.0, 1] { try await world.turn(start + second, out: ["alpha"]) }
        for second in stride(from: 20.0, through: 700, by: 40) { try await world.turn(start + second) }
    }

    private func draft(_ world: IncidentWorld) async throws -> String {
        try await world.one("SELECT postmortem::text AS one FROM reliability.incident WHERE rule = 'provider_health'") ?? ""
    }

    @Test func `a lost provider says whom it touched by the minutes of its models, without drill traffic and other models`() async throws {
        try await IncidentWorld.with { world in
            for tenant in [UUID(), UUID()] { try await world.minute(start, good: 90, errors: 10, tenant: tenant) }
            try await world.minute(start, good: 1, errors: 30, drill: true)
            _ = try await world.world.pool.pipeline([
                "UPDATE reliability.minute SET first_token_over = 4 WHERE NOT drill",
                """
                INSERT INTO reliability.minute (tenant_id, model, region, minute_at, gateway_id, boot_id, sequence, tier, outcomes, good, bad, excluded,
                    first_token_samples, first_token_over, prompt_tokens, completion_tokens, rate_limited, disconnects, first_token_histogram)
                SELECT gen_random_uuid(), place.model, place.region, \(start), gen_random_uuid(), 'b', 1, 'pro', '{}', 0, 500, 0, 0, 0, 0, 0, 0, 0, '{}'
                FROM (VALUES ('other', 'eu'), ('tiny', 'us')) AS place (model, region)
                """,
            ])
            try await lose(world)
            let draft = try await draft(world)
            #expect(draft.contains(#""customers_touched": 2"#) && draft.contains(#""bad_requests": 20"#), "\(draft)")
            #expect(draft.contains(#""late_first_tokens": 8"#) && draft.contains(#""excluded_drill_requests": 31"#), "\(draft)")
            #expect(
                draft.contains("of 200 requests for what it touches 20 failed") && draft.contains("Excluded drill traffic: 31 requests."), "\(draft)")
        }
    }

    @Test func `a draft is made anew when its minutes are closed, and not each minute until then`() async throws {
        try await IncidentWorld.with { world in
            let pool = world.world.pool
            try await lose(world)
            #expect(try await draft(world).contains(#""is_settled": false"#))
            let text = try await world.one("SELECT id::text AS one FROM reliability.incident WHERE rule = 'provider_health'") ?? ""
            let id = try #require(UUID(uuidString: text))
            func isMadeAnew() async throws -> Bool { try await PostmortemDesk.unsettled(pool, pool).contains(id) }
            #expect(try await !isMadeAnew())
            try await pool.execute(
                "INSERT INTO reliability.minute_progress (closed_until) SELECT date_trunc('minute', resolved_at) FROM reliability.incident WHERE id = \(id)"
            )
            #expect(try await !isMadeAnew())
            try await pool.execute("UPDATE reliability.minute_progress SET closed_until = closed_until + interval '1 minute'")
            #expect(try await isMadeAnew())
        }
    }

    @Test func `a draft says what would prevent the like, by its timeline`() async throws {
        try await IncidentWorld.with { world in
            for second in [0.0, 1] { try await world.turn(start + second, out: ["alpha"]) }
            let incident: SQL = "(SELECT id FROM reliability.incident WHERE rule = 'provider_health')"
            _ = try await world.world.pool.pipeline([
                """
                INSERT INTO reliability.incident_event (incident_id, at, kind, text, actor, detail)
                VALUES (\(incident), now(), 'signal', 'worse', 'policy', '{"release": "tiny-1"}')
                """,
                """
                INSERT INTO reliability.mitigation (action, worker_id, incident_id, cause, mode, state, requested_by, expires_at, ended_at, end_reason)
                VALUES ('restart_worker', gen_random_uuid(), \(incident), 'test of it', 'automatic', 'reverted', 'policy', now() + interval '1 hour', now(),
                    'it did not help')
                """,
            ])
            try await world.probed(start, minutes: 12)
            for second in stride(from: 20.0, through: 700, by: 40) { try await world.turn(start + second) }
            let text = try #require(
                try await world.one("SELECT postmortem ->> 'prevention' AS one FROM reliability.incident WHERE rule = 'provider_health'"))
            for sentence in [
                "Find out why the release that was worse passed its checks", "Decide what is still proposed: review_provider.",
                "See why these actions were refused, failed or did not help: restart_worker.",
            ] { #expect(text.contains(sentence), "\(text)") }
            #expect(!text.contains("customer that asked for far more"), "\(text)")
        }
    }

    private let felt: SQL = """
        SELECT serving.wire_time(impact_from) || ' ' || serving.wire_time(impact_until) AS one FROM reliability.incident WHERE rule = 'provider_health'
        """

    private func span(_ first: Double, _ end: Double) -> String {
        "\((start + first).formatted(.iso8601)) \((start + end).formatted(.iso8601))"
    }

    @Test func `customers felt a lost provider in the minutes that say so, whatever its rule, and never those of drills or within the objective`()
        async throws
    {
        try await IncidentWorld.with { world in
            for second in [0.0, 1] { try await world.turn(start + second, out: ["alpha"]) }
            try await world.minute(start, good: 10, errors: 5, drill: true)
            try await world.minute(start, good: 100)
            try await world.world.pool.execute("UPDATE reliability.minute SET first_token_over = 5 WHERE NOT drill")
            try await world.turn(start + 61, out: ["alpha"])
            #expect(try await world.one(felt) == nil, "nobody felt it")
            try await world.minute(start + 60, good: 90, errors: 10)
            try await world.turn(start + 70, out: ["alpha"])
            #expect(try await world.one(felt) == span(60, 120))
            try await world.minute(start + 180, good: 90)
            try await world.world.pool.execute("UPDATE reliability.minute SET first_token_over = 5 WHERE good = 90 AND bad = 0")
            try await world.turn(start + 200, out: ["alpha"])
            #expect(try await world.one(felt) == span(60, 240))
            // Ten clean minutes end a spell and not the incident: what comes while the provider is still lost is felt of it, too.
            try await world.minute(start + 900, good: 90, errors: 10)
            try await world.turn(start + 910, out: ["alpha"])
            #expect(try await world.one(felt) == span(60, 960))
            try await world.probed(start + 960, minutes: 12)
            for second in stride(from: 930.0, through: 1_650, by: 40) { try await world.turn(start + second) }
            #expect(try await world.one(felt) == span(60, 960))
            let spells: SQL = "SELECT unnest(felt) FROM reliability.incident WHERE rule = 'provider_health'"
            #expect(try await world.rows(spells).count == 2)
            let draft = try await draft(world)
            #expect(draft.contains(#""felt_minutes": 4"#) && draft.contains(#""bad_requests": 20"#), "\(draft)")
            #expect(try await world.rows("SELECT 1 FROM reliability.incident WHERE rule = 'provider_health' AND resolved_at IS NULL").isEmpty)
        }
    }

    @Test func `who was asked and answered well says so with numbers, and how long it waited before it ended`() async throws {
        try await IncidentWorld.with { world in
            try await world.minute(start, good: 70)
            try await lose(world)
            let draft = try await draft(world)
            #expect(draft.contains("No customer felt it: all 70 requests for what it touches"), "\(draft)")
            let ends = try await world.rows("SELECT text FROM reliability.incident_event WHERE kind = 'resolved'")
            #expect(ends == ["(\"10 clean minutes\")"])
        }
    }

    @Test func `a drill that is compressed says how long was really waited`() async throws {
        try await IncidentWorld.with { world in
            try await world.world.pool.execute(
                """
                INSERT INTO reliability.drill (kind, provider, models, compression, reason, requested_by, started_at, until_at)
                VALUES ('provider-loss', 'alpha', '{tiny}', 10, 'test of it', 'test', \(start), \(start + 120))
                """)
            try await world.probed(start, minutes: 3)
            for second in [0.0, 1] { try await world.turn(start + second, out: ["alpha"]) }
            for second in stride(from: 6.0, through: 90, by: 6) { try await world.turn(start + second) }
            let ends = try await world.rows("SELECT text FROM reliability.incident_event WHERE kind = 'resolved' ORDER BY id LIMIT 1").first ?? ""
            #expect(ends.contains("clean seconds, which the drill counts 10 times"), "\(ends)")
        }
    }

    @Test func `an incident that woke nobody and touched customers must be written up, one that nobody felt need not be`() async throws {
        try await IncidentWorld.with { world in
            for model in ["tiny", "other"] {
                try await world.probed(start + 60, minutes: 12, model: model)
                try await world.world.pool.execute(
                    """
                    INSERT INTO reliability.incident (key, rule, severity, tier, model, region, title, began_at, opened_at, last_signal_at, impact_from)
                    VALUES (\("business/\(model)/eu/queue_time"), 'queue_time', 'ticket', 'business', \(model), 'eu', 'Waits', \(start), \(start),
                        \(start + 60), \(start))
                    """)
            }
            try await world.minute(start, good: 90, errors: 3)
            for second in stride(from: 60.0, through: 700, by: 40) { try await world.turn(start + second) }
            let due: SQL = """
                SELECT model, postmortem_due = resolved_at + interval '48 hours' AS due FROM reliability.incident WHERE rule = 'queue_time' ORDER BY model
                """
            #expect(try await world.rows(due) == ["(other,)", "(tiny,t)"])
        }
    }

    @Test func `an incident that woke nobody and spent a fifth of a budget must be written up, and pages when it is not`() async throws {
        try await IncidentWorld.with { world in
            let pool = world.world.pool
            _ = try await pool.pipeline([
                "INSERT INTO reliability.page_channel (name, kind, url) VALUES ('on-call', 'generic', 'http://127.0.0.1:1/')",
                "INSERT INTO reliability.budget_subject (tier, model, region, first_minute_at) VALUES ('business', 'tiny', 'eu', \(start))",
                """
                INSERT INTO reliability.budget_state (subject_id, kind, objective_id, period_from, period_until, total, bad, consumed_numerator,
                    consumed_denominator, rolling_total, rolling_bad, rolling_consumed_numerator, rolling_consumed_denominator, verdict, freeze_state,
                    causes, evaluated_at)
                SELECT subject.id, 'availability', objective.id, now(), now() + interval '30 days', 43200, 4, 10, 432, 43200, 4, 10, 432, 'met', 'normal',
                    '{}', now()
                FROM reliability.budget_subject AS subject, reliability.objective WHERE objective.name = 'availability'
                """,
                """
                INSERT INTO reliability.incident (key, rule, severity, tier, model, region, title, began_at, opened_at, last_signal_at)
                VALUES ('business/tiny/eu/redundancy', 'redundancy', 'ticket', 'business', 'tiny', 'eu', 'Redundancy', \(start), \(start), \(start + 240))
                """,
            ])
            try await world.probed(start, minutes: 20)
            for second in stride(from: 240.0, through: 860, by: 20) { try await world.turn(start + second) }
            let due: SQL = """
                SELECT severity, step, postmortem_due = resolved_at + interval '48 hours' FROM reliability.incident WHERE rule = 'redundancy'
                """
            #expect(try await world.rows(due) == ["(ticket,resolved,)"])
            _ = try await pool.pipeline([
                "INSERT INTO reliability.minute_progress (closed_until) VALUES (\(start + 3_600))",
                """
                INSERT INTO reliability.budget_entry (subject_id, minute_at, amount, status, cause)
                SELECT id, \(start)::timestamptz + make_interval(mins => place), 1, 'bad', 'unexpected'
                FROM reliability.budget_subject, generate_series(0, 8) AS place
                """,
            ])
            try await world.turn(start + 1_900)
            #expect(try await world.rows(due) == ["(ticket,resolved,t)"])
            try await world.turn(start + 860 + 48 * 3_600 + 60)
            let pages = try await world.rows(
                "SELECT event FROM reliability.page WHERE incident_id = (SELECT id FROM reliability.incident WHERE rule = 'redundancy')")
            #expect(pages == ["(overdue)"])
        }
    }
}
