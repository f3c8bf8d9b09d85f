import Domain
import FoundationEssentials
import PlimsollWire
import Postgres
import TestSupport
import Testing

@testable import ControlPlane

/// Two providers with a worker each, a gateway that reports, and a keeper whose clock is the test's.
struct IncidentWorld: Sendable {
    let world: PeerWorld
    let keeper: IncidentKeeper
    let gateway = UUID()
    let workers = ["alpha": UUID(), "beta": UUID()]

    /// - Parameter outside: Regions that are to be probed from outside.
    static func with(outside: Set<String> = [], _ body: (IncidentWorld) async throws -> Void) async throws {
        try await PeerWorld.with { world in
            let keeper = IncidentKeeper(
                serving: world.pool, reliability: world.pool, billing: world.pool, outsideRegions: outside, logger: world.logger)
            let incidents = IncidentWorld(world: world, keeper: keeper)
            try await incidents.prepare()
            try await body(incidents)
        }
    }

    private func prepare() async throws {
        let pool = world.pool
        _ = try await pool.pipeline([
            "INSERT INTO serving.providers (name, display_name, kind) VALUES ('beta', 'Beta', 'marketplace')",
            "INSERT INTO serving.pools (name, provider, region) VALUES ('beta-eu', 'beta', 'eu')",
            "INSERT INTO serving.gateways (id, name, region, boot_id) VALUES (\(gateway), 'gw-1', 'eu', 'b')",
            """
            INSERT INTO serving.tiers (name, display_name, capacity_policy, priority, max_prompt_tokens, max_output_tokens, max_body_bytes,
                requests_per_minute, tokens_per_minute, concurrent_requests, max_table_age_seconds, ttft_objective_microseconds)
            VALUES ('business', 'Business', 'preallocated', 90, 1000, 1000, 100000, 100, 100000, 10, 3600, 1500000)
            """,
        ])
        for (name, place) in [("alpha", "llama"), ("beta", "beta-eu")] {
            let host = UUID()
            _ = try await pool.pipeline([
                "INSERT INTO serving.hosts (id, name, pool, region, boot_id) VALUES (\(host), \("host-of-" + name), \(place), 'eu', 'b')",
                """
                INSERT INTO serving.workers (id, host_id, runtime, release, dialect, runtime_state, slots, context_tokens, accepted, load)
                VALUES (\(workers[name]), \(host), 'main', 'tiny-1', 'vllm', 'ready', 4, 2048, TRUE, '{"running": 1, "kv_used_ratio": 0.5}')
                """,
            ])
        }
    }

    /// All hosts speak, the gateway tells which workers are out, and the keeper looks.
    func turn(_ now: Date, out: [String] = [], reason: String = "lost") async throws {
        try await world.pool.execute("UPDATE serving.hosts SET last_heartbeat_at = \(now)")
        let lost = out.compactMap { workers[$0]?.uuidString.lowercased() }.map { "\"\($0)\": \"\(reason)\"" }.joined(separator: ",")
        try await world.pool.execute(
            "UPDATE serving.gateways SET workers_out = \("{\(lost)}")::jsonb, workers_out_at = \(now) WHERE id = \(gateway)")
        try await keeper.turn(at: now)
    }

    func minute(_ at: Date, good: Int = 0, errors: Int = 0, tier: String = "business", tenant: UUID = UUID(), drill: Bool = false) async throws {
        let start = Date(timeIntervalSince1970: (at.timeIntervalSince1970 / 60).rounded(.down) * 60)
        try await world.pool.execute(
            """
            INSERT INTO reliability.minute (tenant_id, model, region, minute_at, gateway_id, boot_id, sequence, tier, outcomes, good, bad, excluded,
                first_token_samples, first_token_over, prompt_tokens, completion_tokens, rate_limited, disconnects, first_token_histogram, drill)
            VALUES (\(tenant), 'tiny', 'eu', \(start), \(gateway), 'b', 1, \(tier), json_build_object('good', \(good)::bigint, 'bad:5xx', \(errors)::bigint),
                \(good), \(errors), 0, \(good), 0, 10, 10, 0, 0, '{}', \(drill))
            """)
    }

    /// A probe succeeds in each of so many minutes.
    func probed(_ first: Date, minutes: Int, model: String = "tiny") async throws {
        try await world.pool.execute(
            """
            INSERT INTO reliability.probe_minute SELECT \(model), 'eu', date_trunc('minute', \(first)::timestamptz) + make_interval(mins => place), 1, 0
            FROM generate_series(0, \(minutes - 1)) AS place
            """)
    }

    /// Requests of the last minutes before a moment, by the worker that answered.
    func requests(
        _ count: Int, failed: Int = 0, worker: UUID?, release: String, at now: Date, within seconds: Int = 60, region: String = "eu"
    ) async throws {
        try await world.pool.execute(
            """
            INSERT INTO billing.usage_event (tenant_id, request_id, accepted_at, key_id, tier, model, release, region, worker_id, gateway_id, boot_id, sequence,
                stream, status, outcome, first_token_after_us, finished_after_us, queued_for_us, prompt_tokens, cached_prompt_tokens, completion_tokens,
                reasoning_tokens, billable_prompt_tokens, billable_completion_tokens, estimated, attempts, payload_sha256)
            SELECT gen_random_uuid(), gen_random_uuid(), \(now)::timestamptz - make_interval(secs => 1 + place % \(seconds)), gen_random_uuid(), 'business',
                'tiny', \(release), \(region), \(worker), \(gateway), 'b', place, TRUE, 200, CASE WHEN place <= \(failed) THEN 'bad:5xx' ELSE 'good' END,
                1000, 1, 0, 10, 0, 10, 0, 0, 0, FALSE, 1, sha256(''::bytea)
            FROM generate_series(1, \(count)) AS place
            """)
    }

    func rows(_ sql: SQL) async throws -> [String] {
        try await world.pool.query("SELECT found.*::text AS line FROM (\(sql)) AS found").map { try $0.value("line") }
    }

    func one(_ sql: SQL) async throws -> String? { try await world.pool.queryOne(sql)?.value("one") }
}

@Suite struct IncidentTests {
    private let start = Date(timeIntervalSince1970: (Date().timeIntervalSince1970 / 60).rounded(.down) * 60)

    @Test func `a lost provider is out of the table within seconds, and comes back when it was well for long enough`() async throws {
        try await IncidentWorld.with { world in
            try await world.turn(start)
            try await world.turn(start + 5, out: ["alpha"])
            #expect(try await world.rows("SELECT rule FROM reliability.incident").isEmpty)
            try await world.turn(start + 6, out: ["alpha"])
            #expect(
                try await world.rows("SELECT rule, provider, region, step, severity FROM reliability.incident") == [
                    "(provider_health,alpha,eu,stabilizing,page)"
                ])
            try await world.turn(start + 7, out: ["alpha"])
            #expect(
                try await world.rows("SELECT action, provider, region, mode, state FROM reliability.mitigation ORDER BY created_at, action")
                    == ["(drain_provider,alpha,eu,automatic,active)", "(review_provider,alpha,,proposal,proposed)"])
            _ = try await world.world.publisher().publishNow()
            let entry = try await world.one(
                "SELECT value AS one FROM serving.routing_table_entry WHERE key LIKE 'mitigation/%' AND value IS NOT NULL")
            #expect(entry?.contains(#""action":"drain_provider""#) == true && entry?.contains(#""provider":"alpha""#) == true)
            let snapshot = try await world.one("SELECT snapshot::text AS one FROM reliability.incident")
            #expect(snapshot?.contains("kv_used_ratio") == true && snapshot?.contains("lost") == true)

            for second in stride(from: 10.0, to: 300, by: 20) { try await world.turn(start + second, out: ["alpha"]) }
            #expect(try await world.rows("SELECT occurrences FROM reliability.incident") == ["(1)"])
            try await world.probed(start, minutes: 20)
            for second in stride(from: 300.0, to: 960, by: 20) { try await world.turn(start + second) }
            #expect(
                try await world.rows("SELECT state, end_reason FROM reliability.mitigation WHERE mode = 'automatic'") == [
                    "(reverted,\"its trouble is over\")"
                ])
            #expect(try await world.rows("SELECT step FROM reliability.incident") == ["(resolved)"])
            let steps = try await world.rows("SELECT text FROM reliability.incident_event WHERE kind = 'step' ORDER BY id")
            #expect(steps == ["(stabilizing)", "(mitigated)"])
            let taken = try await world.one(
                "SELECT extract(epoch FROM ended_at - created_at)::bigint::text AS one FROM reliability.mitigation WHERE mode = 'automatic'")
            #expect(Int(taken ?? "0") ?? 0 >= 500)
        }
    }

    @Test func `the last provider is never drained, and a dry run writes down what it would do`() async throws {
        try await IncidentWorld.with { world in
            try await world.world.pool.execute("UPDATE reliability.mitigation_policy SET mode = 'dry_run'")
            for second in [0.0, 1, 2] { try await world.turn(start + second, out: ["alpha", "beta"]) }
            #expect(try await world.rows("SELECT rule FROM reliability.incident").count == 2)
            #expect(try await world.rows("SELECT action FROM reliability.mitigation WHERE mode <> 'proposal'").isEmpty)
            try await world.turn(start + 10, out: ["alpha"])
            #expect(
                try await world.rows("SELECT action, mode, state FROM reliability.mitigation WHERE mode <> 'proposal'") == [
                    "(drain_provider,dry_run,active)"
                ])
            _ = try await world.world.publisher().publishNow()
            #expect(try await world.rows("SELECT key FROM serving.routing_table_entry WHERE key LIKE 'mitigation/%'").isEmpty)
            #expect(try await world.rows("SELECT text FROM reliability.incident_event WHERE text LIKE 'would do: %'").count == 1)
        }
    }

    @Test func `five breached minutes open one incident, what is promised to nobody pays first, and the draft knows the impact`() async throws {
        try await IncidentWorld.with { world in
            let tenant = UUID()
            for minute in 0..<5 { try await world.minute(start + Double(60 * minute), good: 90, errors: 10, tenant: tenant) }
            for second in stride(from: 0.0, through: 310, by: 10) { try await world.turn(start + second) }
            let opened = try await world.rows("SELECT rule, tier, model, region FROM reliability.incident ORDER BY rule")
            #expect(opened == ["(breached_minutes,business,tiny,eu)", "(server_errors,business,tiny,eu)"])
            // Pro is of the shared kind here: nothing is promised to it.
            let actions = try await world.rows(
                "SELECT action, tier FROM reliability.mitigation WHERE mode = 'automatic' ORDER BY created_at, id")
            #expect(actions.first == "(shorten_batch_window,)" && !actions.contains { $0.contains("business") }, "\(actions)")
            try await world.probed(start + 300, minutes: 15)
            for second in stride(from: 320.0, to: 1_200, by: 20) { try await world.turn(start + second) }
            #expect(
                try await world.rows("SELECT action FROM reliability.mitigation WHERE mode = 'automatic' AND tier = 'pro'").contains("(cap_output)"))
            let draft = try await world.one("SELECT postmortem::text AS one FROM reliability.incident WHERE rule = 'breached_minutes'") ?? ""
            #expect(draft.contains(#""customers_touched": 1"#) && draft.contains(#""bad_requests": 50"#), "\(draft)")
            #expect(try await world.rows("SELECT DISTINCT step FROM reliability.incident") == ["(resolved)"])
        }
    }

    @Test func `an objective of a tier decides which minutes are breached`() async throws {
        try await IncidentWorld.with { world in
            try await world.world.pool.execute(
                "INSERT INTO reliability.objective (name, kind, tier, target_ppm) VALUES ('business-errors', 'error_rate', 'business', 20000)")
            for tier in ["business", "pro"] {
                for minute in 0..<5 { try await world.minute(start + Double(60 * minute), good: 990, errors: 10, tier: tier) }
            }
            try await world.turn(start + 310)
            #expect(try await world.rows("SELECT rule, tier FROM reliability.incident") == ["(breached_minutes,pro)"])
        }
    }

    @Test func `traffic of a drill opens an incident that is marked, and minutes with few requests none`() async throws {
        try await IncidentWorld.with { world in
            for minute in 0..<2 { try await world.minute(start + Double(60 * minute), good: 10, errors: 20, drill: true) }
            try await world.turn(start + 70)
            #expect(try await world.rows("SELECT rule, drill FROM reliability.incident") == ["(server_errors,t)"])
        }
    }

    @Test func `who is throttled was failed, and that is no sign of trouble that would keep the throttle in force`() async throws {
        try await IncidentWorld.with { world in
            for minute in 0..<6 { try await world.minute(start + Double(60 * minute) - 360, good: 90, errors: 10) }
            try await world.world.pool.execute(#"UPDATE reliability.minute SET outcomes = '{"good": 90, "bad:throttled": 10}'"#)
            for second in [10.0, 16] { try await world.turn(start + second) }
            #expect(try await world.rows("SELECT rule FROM reliability.incident").isEmpty)
            try await MinuteRoll(pool: world.world.pool).roll(start.wholeSeconds / 60 - 6..<start.wholeSeconds / 60)
            #expect(try await world.rows("SELECT sum(bad), sum(shed) FROM reliability.service_minute") == ["(60,60)"])
        }
    }

    @Test func `what is not written up within two days is told, and its export names no provider, host or worker`() async throws {
        try await IncidentWorld.with { world in
            _ = try await world.world.pool.pipeline([
                "INSERT INTO reliability.page_channel (name, kind, url) VALUES ('on-call', 'generic', 'http://127.0.0.1:1/')"
            ])
            try await world.probed(start, minutes: 12)
            for second in [0.0, 1] { try await world.turn(start + second, out: ["alpha"]) }
            for second in stride(from: 20.0, through: 700, by: 40) { try await world.turn(start + second) }
            try await world.turn(start + 700 + 48 * 3_600 + 1)
            try await world.turn(start + 700 + 48 * 3_600 + 2)
            let events = try await world.rows("SELECT event FROM reliability.page ORDER BY created_at, event")
            #expect(events == ["(opened)", "(resolved)", "(overdue)"])
            let id = try await world.one("SELECT id::text AS one FROM reliability.incident") ?? ""
            let incident = try #require(UUID(uuidString: id))
            let worker = world.workers["alpha"]?.uuidString.lowercased() ?? "?"
            let text = "ALPHA and Alpha's host-of-alpha (\(worker)) in pool llama failed; alphabet soup stays"
            try await world.world.pool.transaction { connection in
                let desk = PostmortemDesk(connection: connection, now: start + 200_000)
                let first = try await desk.file(incident, "{\"root_cause\":\(AdminJSON.string(text))}", actor: "test")
                let second = try await desk.file(incident, "{}", actor: "test")
                #expect(first && !second)
            }
            let export = try await IncidentExport(pool: world.world.pool).document(incident)
            let lower = export.lowercased()
            for name in ["alpha'", "alpha ", "beta", "llama", "host-of", "gw-1", worker, world.gateway.uuidString.lowercased()] {
                #expect(!lower.contains(name), "\(name) in \(export)")
            }
            #expect(export.contains("alphabet soup stays") && export.contains("drain_provider") && !export.contains("\"provider\""))
            let hosts = try await world.rows("SELECT id FROM serving.hosts").map { $0.trimmingCharacters(["(", ")"]) }
            #expect(hosts.allSatisfy { !lower.contains($0) })
        }
    }

    @Test func `a burn alert that pages and two failed probes from outside open incidents`() async throws {
        try await IncidentWorld.with { world in
            _ = try await world.world.pool.pipeline([
                "INSERT INTO reliability.budget_subject (tier, model, region, first_minute_at) VALUES ('business', 'tiny', 'eu', \(start))",
                """
                INSERT INTO reliability.burn_alert (subject_id, kind, objective_id, severity, long_seconds, short_seconds, burn, threshold, bad, total,
                    opened_at)
                SELECT id, 'availability', gen_random_uuid(), 'page', 3600, 300, 20, 14.4, 5, 100, \(start)::timestamptz FROM reliability.budget_subject
                """,
                """
                INSERT INTO reliability.probe (id, at, kind, model, region, succeeded, fault, status)
                SELECT gen_random_uuid(), \(start)::timestamptz - make_interval(secs => place * 40), 'outside', 'tiny', 'eu', place > 2,
                    CASE WHEN place <= 2 THEN 'host' END, 503 FROM generate_series(1, 3) AS place
                """,
            ])
            // An alert alone says that much was spent within hours, not that any is being spent.
            try await world.turn(start)
            #expect(try await world.rows("SELECT rule FROM reliability.incident ORDER BY rule") == ["(probes_failing)"])
            try await world.minute(start, good: 90, errors: 3)
            try await world.turn(start + 6)
            #expect(try await world.rows("SELECT rule FROM reliability.incident ORDER BY rule") == ["(burn)", "(probes_failing)"])
        }
    }

    @Test func `a worker that answers wrong is restarted by its agent within a look, and comes back when its probes are good`() async throws {
        try await IncidentWorld.with { world in
            let pool = world.world.pool
            _ = try await pool.pipeline([
                "UPDATE serving.workers SET restartable = TRUE",
                """
                UPDATE serving.workers SET log_tail = '["CUDA error: out of memory"]', log_tail_at = \(start + 3) WHERE id = \(world.workers["alpha"])
                """,
            ])
            let row = try await pool.queryOne("SELECT host_id FROM serving.workers WHERE id = \(world.workers["alpha"])")
            let host: UUID = try #require(try row?.value("host_id"))
            for second in [0.0, 1] { try await world.turn(start + second, out: ["alpha"], reason: "probes") }
            let first = try await world.rows("SELECT action, mode, state, operation_id IS NOT NULL FROM reliability.mitigation ORDER BY created_at")
            #expect(first == ["(restart_worker,automatic,active,t)"])
            let states = DesiredStates(pool: pool, trustDomain: "plimsoll.internal")
            let order = try #require(try await states.state(of: host, newerThan: 0))
            let restart = try #require(order.restarts?.first)
            #expect(order.operations.isEmpty && restart.kind == .restart && restart.runtime == "main")
            _ = try await world.world.publisher().publishNow()
            let entries = try await world.rows(
                "SELECT value FROM serving.routing_table_entry WHERE key LIKE 'mitigation/%' AND value LIKE '%restart_worker%'")
            #expect(entries.count == 1)
            let reports = OperationReports(pool: pool)
            try await reports.record(OperationResults(results: [.init(id: restart.id, state: .done, message: "2 requests were cut")]), from: host)
            #expect(
                try await world.rows("SELECT text FROM reliability.incident_event WHERE actor = 'agent'") == [
                    "(\"restart of worker \(world.workers["alpha"]?.lowercased ?? ""): done: 2 requests were cut\")"
                ])
            let detail = try await world.one("SELECT detail::text AS one FROM reliability.incident_event WHERE actor = 'agent'")
            let snapshot = try await world.one("SELECT snapshot::text AS one FROM reliability.incident")
            for text in [detail, snapshot] { #expect(text?.contains("CUDA error: out of memory") == true) }
            for second in stride(from: 20.0, to: 700, by: 20) { try await world.turn(start + second) }
            #expect(
                try await world.rows("SELECT action, end_reason FROM reliability.mitigation WHERE state = 'reverted' AND action = 'restart_worker'")
                    == ["(restart_worker,\"its trouble is over\")"])
            #expect(try await world.rows("SELECT 1 FROM serving.operations").count == 1)
        }
    }

    @Test func `a restart that the agent could not do gives way to a drain, and is not ordered in a dry run`() async throws {
        try await IncidentWorld.with { world in
            let pool = world.world.pool
            _ = try await pool.pipeline([
                "UPDATE serving.workers SET restartable = TRUE", "UPDATE reliability.mitigation_policy SET mode = 'dry_run'",
            ])
            for second in [0.0, 1] { try await world.turn(start + second, out: ["alpha"], reason: "failures") }
            #expect(try await world.rows("SELECT 1 FROM serving.operations").isEmpty)
            _ = try await pool.pipeline([
                "UPDATE reliability.mitigation_policy SET mode = 'act'",
                "UPDATE reliability.mitigation SET state = 'reverted', ended_at = created_at - interval '1 day', end_reason = 'test'",
            ])
            try await world.turn(start + 2, out: ["alpha"], reason: "failures")
            try await pool.execute("UPDATE serving.operations SET state = 'failed'")
            try await world.turn(start + 3, out: ["alpha"], reason: "failures")
            let found = try await world.rows(
                "SELECT action, state, end_reason FROM reliability.mitigation WHERE mode = 'automatic' ORDER BY created_at, action")
            #expect(found.contains("(restart_worker,reverted,\"it did not help\")") && found.contains("(drain_provider,active,)"), "\(found)")
        }
    }

    @Test func `what is sold and not probed for three minutes is unmeasured, which wakes somebody where it is promised`() async throws {
        try await IncidentWorld.with { world in
            let pool = world.world.pool
            _ = try await pool.pipeline([
                """
                INSERT INTO serving.skus (name, model, tier, primary_region, prompt_price_pico_usd, completion_price_pico_usd, state, override_reason)
                VALUES ('tiny-business', 'tiny', 'business', 'eu', 1, 1, 'active', 'demonstration'),
                    ('tiny-pro', 'tiny', 'pro', 'us', 1, 1, 'active', 'demonstration')
                """,
                """
                INSERT INTO reliability.probe_minute SELECT 'tiny', 'eu', minute_at, 1, 0
                FROM generate_series(\(start + 60)::timestamptz, \(start + 540)::timestamptz, '1 minute') AS minute_at
                """,
            ])
            let found = "SELECT rule, model, region, severity FROM reliability.incident ORDER BY number" as SQL
            for second in [0.0, 100, 170] { try await world.turn(start + second) }
            #expect(try await world.rows(found).isEmpty, "nobody could be heard before")
            try await world.turn(start + 190)
            #expect(try await world.rows(found) == ["(unmeasured,tiny,us,ticket)"])
            // A probe of another model measures nothing of this one.
            try await pool.execute("INSERT INTO reliability.probe_minute VALUES ('other', 'eu', \(start + 600), 1, 0)")
            try await world.turn(start + 660)
            #expect(try await world.rows(found).count == 1)
            try await world.turn(start + 800)
            #expect(try await world.rows(found) == ["(unmeasured,tiny,us,ticket)", "(unmeasured,tiny,eu,page)"])
        }
    }

    @Test func `a tenant that its own limits refuse while there is room is proposed a greater one, once`() async throws {
        try await IncidentWorld.with { world in
            let pool = world.world.pool
            var tenants: [String: UUID] = [:]
            for name in ["patient", "calm", "strange"] {
                let row = try await pool.queryOne(
                    "INSERT INTO serving.tenants (name, display_name, tier) VALUES (\(name), \(name), 'business') RETURNING id")
                tenants[name] = try row?.value("id")
                for minute in 0..<6 {
                    try await world.minute(start + Double(60 * minute), good: 50, tenant: try #require(tenants[name]))
                }
            }
            _ = try await pool.pipeline([
                "UPDATE reliability.minute SET rate_limited = 10 WHERE tenant_id <> \(tenants["calm"])",
                "UPDATE serving.tenants SET throttle_ppm = 250000 WHERE id = \(tenants["strange"])",
                "UPDATE serving.workers SET load = '{\"running\": 3}'",
            ])
            try await world.turn(start + 361)
            #expect(try await world.rows("SELECT action FROM reliability.mitigation").isEmpty)
            try await pool.execute("UPDATE serving.workers SET load = '{\"running\": 2}'")
            for second in [430.0, 500, 600] { try await world.turn(start + second) }
            #expect(
                try await world.rows("SELECT action, tenant_id, state, incident_id FROM reliability.mitigation") == [
                    "(raise_limit,\(tenants["patient"]?.lowercased ?? ""),proposed,)"
                ])
        }
    }

    @Test func `a sign is written each five seconds at most, and a worker that is lost is drained in the second look all the same`() async throws {
        try await IncidentWorld.with { world in
            for second in [0.0, 1, 2] { try await world.turn(start + second, out: second > 0 ? ["alpha"] : []) }
            let applied = try await world.rows(
                "SELECT extract(epoch FROM created_at - \(start)::timestamptz)::bigint FROM reliability.mitigation WHERE mode = 'automatic'")
            #expect(applied == ["(2)"])
            var signs: [String] = []
            for second in 3...9 {
                try await world.turn(start + Double(second), out: ["alpha"])
                signs += try await world.rows("SELECT extract(epoch FROM last_signal_at - \(start)::timestamptz)::bigint FROM reliability.incident")
            }
            #expect(signs == ["(2)", "(2)", "(2)", "(2)", "(7)", "(7)", "(7)"])
        }
    }

    @Test func `a draft has the ledger's minutes when they are closed, and credits, which are an estimate until the month is computed`() async throws
    {
        try await IncidentWorld.with { world in
            let (pool, tenant, from) = (world.world.pool, UUID(), Int64(start.timeIntervalSince1970) / 60)
            for minute in 0..<5 { try await world.minute(start + Double(60 * minute), good: 90, errors: 10, tenant: tenant) }
            try await MinuteRoll(pool: pool).roll(from..<from + 6)
            try await pool.execute(
                """
                WITH made AS (INSERT INTO reliability.terms (name, version, title, tier, availability_ppm, created_by)
                    VALUES ('sla', 1, 'SLA', 'business', 999999, 'test') RETURNING id)
                INSERT INTO reliability.agreement (tenant_id, terms_id, model, region, state, starts_at, monthly_minimum_micro_usd, evidence, requested_by)
                SELECT \(tenant), made.id, 'tiny', 'eu', 'active', '2020-01-01', 1000000000, '{}', 'test' FROM made
                """)
            try await world.probed(start + 300, minutes: 12)
            for second in stride(from: 0.0, through: 1_000, by: 10) { try await world.turn(start + second) }
            let draft: SQL = "SELECT postmortem -> 'budget', postmortem -> 'credits_caused' FROM reliability.incident WHERE rule = 'breached_minutes'"
            let early = try await world.rows(draft).first?.filter { $0 != "\"" } ?? ""
            #expect(early.contains("is_settled: false") && early.contains("amount_cents: 5000") && early.contains("is_estimate: true"), "\(early)")
            _ = try await pool.pipeline([
                "INSERT INTO reliability.minute_progress (closed_until) VALUES (\(start + 3_600))",
                "INSERT INTO reliability.budget_subject (tier, model, region, first_minute_at) VALUES ('business', 'tiny', 'eu', \(start))",
                """
                INSERT INTO reliability.budget_entry (subject_id, minute_at, amount, status, cause)
                SELECT id, \(start)::timestamptz + make_interval(mins => place), 1, 'bad', 'unexpected'
                FROM reliability.budget_subject, generate_series(0, 3) AS place
                """,
                """
                INSERT INTO reliability.budget_state (subject_id, kind, objective_id, period_from, period_until, total, bad, consumed_numerator,
                    consumed_denominator, rolling_total, rolling_bad, rolling_consumed_numerator, rolling_consumed_denominator, verdict, freeze_state,
                    causes, evaluated_at)
                SELECT subject.id, 'availability', objective.id, now(), now() + interval '30 days', 43200, 4, 10, 432, 43200, 4, 10, 432, 'met', 'normal',
                    '{}', now()
                FROM reliability.budget_subject AS subject, reliability.objective WHERE objective.name = 'availability'
                """,
                """
                INSERT INTO reliability.credit (agreement_id, tenant_id, terms_id, month, version, status, amount_cents, arithmetic, computed_by)
                SELECT id, tenant_id, terms_id, to_char(\(start)::timestamptz AT TIME ZONE 'UTC', 'YYYY-MM'), 1, 'issued', 777,
                    '{"minutes": {"eligible": 43200, "bad": 5, "bad_idle": 0, "unmeasured": 0}, "latency": {"percent": 0}, "fee": {"base_usd": "155.4"}}',
                    'test'
                FROM reliability.agreement
                """,
            ])
            try await world.turn(start + 1_100)
            let settled = try await world.rows(draft).first?.filter { $0 != "\"" } ?? ""
            #expect(
                settled.contains("bad_minutes: 4") && settled.contains("greatest_part_ppm: 92592") && settled.contains("is_settled: true"),
                "\(settled)")
            #expect(
                settled.contains("amount_cents: 777") && settled.contains("is_estimate: false") && settled.contains("agreements: 1"), "\(settled)")
        }
    }

    @Test func `timelines cannot be changed`() async throws {
        try await IncidentWorld.with { world in
            for second in [0.0, 1] { try await world.turn(start + second, out: ["alpha"]) }
            for statement in ["UPDATE reliability.incident_event SET text = 'x'", "DELETE FROM reliability.incident_event"] as [SQL] {
                await #expect(throws: PostgresError.self) { try await world.world.pool.execute(statement) }
            }
        }
    }

    @Test func `hosts of a backup region link to the gateways of the region in need while a mitigation sends customers there`() async throws {
        try await IncidentWorld.with { world in
            let pool = world.world.pool
            let host = UUID()
            _ = try await pool.pipeline([
                "INSERT INTO serving.pools (name, provider, region) VALUES ('us', 'beta', 'us')",
                "INSERT INTO serving.hosts (id, name, pool, region, boot_id) VALUES (\(host), 'us-1', 'us', 'us', 'b')",
                "UPDATE serving.gateways SET advertise = '127.0.0.1:7801', certificate_not_after = now() + interval '1 day'",
            ])
            let states = DesiredStates(pool: pool, trustDomain: "plimsoll.internal")
            let before = try #require(try await states.state(of: host, newerThan: 0))
            #expect(before.gateways.isEmpty)
            try await pool.execute(
                """
                INSERT INTO reliability.mitigation (action, model, region, to_region, cause, mode, state, requested_by, expires_at)
                VALUES ('backup_region', 'tiny', 'eu', 'us', 'test of it', 'manual', 'active', 'test', now() + interval '1 hour')
                """)
            let during = try #require(try await states.state(of: host, newerThan: before.generation))
            #expect(during.gateways.map(\.id) == [world.gateway.uuidString.lowercased()])
            try await pool.execute("UPDATE reliability.mitigation SET state = 'reverted', ended_at = now()")
            let after = try #require(try await states.state(of: host, newerThan: during.generation))
            #expect(after.gateways.isEmpty)
        }
    }
}

extension String {
    fileprivate func trimmingCharacters(_ characters: Set<Character>) -> String { filter { !characters.contains($0) } }
}
