import Domain
import FoundationEssentials
import Postgres
import TestSupport
import Testing

@testable import ControlPlane

/// Drills in the middle of what is no drill.
extension DrillTests {
    private static func slow(_ more: String = "") -> String {
        #"{"kind": "slow-region", "region": "eu", "delay_milliseconds": 7500, "reason": "rehearsal"\#(more)}"#
    }

    private static func open(_ admin: AdminFixture, _ difference: SQL = "") async throws {
        _ = try await admin.row(
            """
            WITH known AS (INSERT INTO reliability.incident (key, rule, severity, model, region, provider, title, began_at, opened_at, last_signal_at)
                VALUES ('k', 'server_errors', 'page', 'tiny', 'eu', 'gamma', 'Errors', now(), now(), now()))
            SELECT 1 AS one
            """)
        _ = try await admin.row("UPDATE reliability.incident SET drill = drill\(difference)")
    }

    @Test(
        "while a real page is open at the same models and regions no drill begins there without a reason, which is audited",
        arguments: [
            "", ", region = ''", ", model = '', region = ''",
            ", model = '', snapshot = '{\"fleet\": {\"workers\": [{\"model\": \"own\"}, {\"model\": \"tiny\"}]}}'",
        ] as [SQL]) func pageIsOpen(difference: SQL) async throws
    {
        try await Self.with { admin in
            try await Self.open(admin, difference)
            for kind in [Self.slow(), #"{"kind": "control-loss", "reason": "rehearsal"}"#, #"{"kind": "worker-loss", "reason": "rehearsal"}"#] {
                let refused = try await admin.post("drills", kind)
                #expect(refused.status == 409 && refused.json["error"]["code"].string == "incident_open", "\(refused.text)")
                #expect(refused.text.contains("incident 1, which pages somebody"), "\(refused.text)")
            }
            let begun = try await admin.post("drills", Self.slow(#", "override_reason": "it is what we rehearse""#))
            #expect(begun.status == 201, "\(begun.text)")
            let row = try await admin.row("SELECT action, change::text AS change FROM audit.entry ORDER BY sequence DESC LIMIT 1")
            #expect(try row?.value("action", as: String.self) == "override")
            #expect(try row?.value("change", as: String.self).contains("it is what we rehearse") == true)
        }
    }

    @Test(
        "what is over, elsewhere, a drill's own or no page stands in no drill's way",
        arguments: [
            ", resolved_at = now(), step = 'resolved'", ", region = 'us'", ", model = 'own'", ", severity = 'ticket'",
            ", model = '', snapshot = '{\"fleet\": {\"workers\": [{\"model\": \"own\"}]}}'",
        ] as [SQL]) func otherTrouble(difference: SQL) async throws
    {
        try await Self.with { admin in
            try await Self.open(admin, difference)
            #expect(try await admin.post("drills", Self.slow()).status == 201)
        }
    }

    @Test("where a budget is spent no drill begins without a reason", arguments: ["frozen", "caution"])
    func budgetIsSpent(state: String) async throws {
        try await Self.with { admin in
            try await admin.spendBudget(state)
            let answer = try await admin.post("drills", Self.slow())
            if state == "caution" {
                #expect(answer.status == 201, "\(answer.text)")
                return
            }
            #expect(answer.status == 409 && answer.json["error"]["code"].string == "frozen", "\(answer.text)")
            #expect(answer.text.contains("the budget of availability of tiny in eu (pro) is spent (1 of 0 minutes in its period)"), "\(answer.text)")
            #expect(try await admin.post("drills", Self.slow(#", "override_reason": "before the launch""#)).status == 201)
        }
    }

    @Test(
        "a refusal names the budget that is spent, how much of it in which time, and how much of that nobody measured",
        arguments: [
            (
                """
                bad = 400, consumed_numerator = 250, consumed_denominator = 27, rolling_bad = 400, rolling_consumed_numerator = 250,
                rolling_consumed_denominator = 27
                """,
                "availability of tiny in eu (pro) is spent (400 of 43.2 minutes in its period, 2 of them measured by neither a request nor a probe)"
            ),
            (
                """
                bad = 0, consumed_numerator = 0, consumed_denominator = 1, rolling_bad = 54, rolling_consumed_numerator = 5,
                rolling_consumed_denominator = 4
                """,
                "availability of tiny in eu (pro) is spent (54 of 43.2 minutes in the last 30 days, 3 of them measured by neither a request nor a probe)"
            ),
            (
                "kind = 'ttft_p95', bad = 12, consumed_numerator = 6, consumed_denominator = 5",
                "ttft_p95 of tiny in eu (tenant acme) is spent (12 of 10.0 requests in its period)"
            ),
        ] as [(SQL, String)]) func namesBudget(state: SQL, text: String) async throws
    {
        try await Self.with { admin in
            try await admin.spendBudget("frozen")
            _ = try await admin.row("UPDATE reliability.budget_state SET evaluated_at = now(), period_from = now() - interval '1 hour', \(state)")
            if text.contains("tenant") {
                let tenant = try await admin.tenant("acme")
                _ = try await admin.row("UPDATE reliability.budget_subject SET tenant_id = \(tenant)::uuid, tier = ''")
            } else {
                _ = try await admin.row(
                    """
                    INSERT INTO reliability.budget_entry (subject_id, minute_at, revision, amount, status, cause)
                    SELECT id, date_trunc('minute', now()) - make_interval(mins => ago), revision, 1 - 2 * revision, status, 'unexpected'
                    FROM reliability.budget_subject, (VALUES (5, 0, 'bad'), (6, 0, 'bad:unmeasured'), (7, 0, 'bad:unmeasured'),
                        (8, 0, 'bad:unmeasured'), (8, 1, 'bad:unmeasured'), (90, 0, 'bad:unmeasured')) AS entry (ago, revision, status)
                    """)
            }
            let answer = try await admin.post("drills", Self.slow())
            #expect(answer.text.contains("the budget of " + text), "\(answer.text)")
        }
    }

    @Test("what a drill takes is not left for what is drained while it runs")
    func takenIsNotLeft() async throws {
        try await Self.with { admin in
            let drain = #"{"action": "drain_provider", "provider": "alpha", "reason": "it seems slow"}"#
            let begun = try await admin.post("drills", #"{"kind": "provider-loss", "provider": "beta", "reason": "rehearsal"}"#)
            let refused = try await admin.post("mitigations", drain)
            #expect(refused.json["error"]["code"].string == "last_left" && refused.text.contains("while a drill runs"), "\(refused.text)")
            _ = try await admin.post("drills/\(begun.json["id"].string ?? "")/abort")
            #expect(try await admin.post("mitigations", drain).status == 201)
        }
    }

    @Test("a release that was rolled back is nobody to rely on, and who takes its requests is nobody to lose", arguments: [1_000_000, 0])
    func rolledBack(weight: Int) async throws {
        try await Self.with { admin in
            for statement in [
                "INSERT INTO serving.releases (name, model) VALUES ('tiny-2', 'tiny')",
                "UPDATE serving.workers SET release = 'tiny-2' WHERE host_id = (SELECT id FROM serving.hosts WHERE pool = 'beta-eu')",
                """
                INSERT INTO serving.routing_weights (scope, subject, weight_ppm, source, reason, actor)
                VALUES ('release', 'tiny-1', \(weight), 'operator', 'testing', 'test')
                """,
                """
                INSERT INTO reliability.mitigation (action, model, release, cause, mode, state, requested_by, created_at, expires_at)
                VALUES ('roll_back_image', 'tiny', 'tiny-2', 'bad', 'automatic', 'active', 'policy', now(), now() + interval '1 hour')
                """,
            ] as [SQL] { _ = try await admin.row(statement) }
            let alpha = #"{"kind": "provider-loss", "provider": "alpha", "reason": "rehearsal"}"#
            let refused = try await admin.post("drills", alpha)
            #expect(refused.json["error"]["code"].string == "last_left" && refused.text.contains("tiny in eu"), "\(refused.text)")
            _ = try await admin.row("UPDATE reliability.mitigation SET state = 'reverted', ended_at = now()")
            #expect(try await admin.post("drills", alpha).status == 201)
        }
    }

    @Test("where a tier is promised, a provider with a low score is nobody to rely on, and may be lost", arguments: ["preallocated", "shared"])
    func lowScore(capacity: String) async throws {
        try await Self.with { admin in
            for statement in [
                """
                INSERT INTO serving.tiers (name, display_name, capacity_policy, priority, max_prompt_tokens, max_output_tokens, max_body_bytes,
                    requests_per_minute, tokens_per_minute, concurrent_requests, max_table_age_seconds, ttft_objective_microseconds)
                VALUES ('gold', 'Gold', \(capacity), 9, 1000, 1000, 100000, 100, 100000, 10, 3600, 1500000)
                """,
                """
                INSERT INTO reliability.provider_score (provider, computed_at, points, availability, latency, preemption, price, success, probes,
                    clean_probes, losses, undrained_losses, admitted, low, admitted_changed_at)
                VALUES ('beta', now(), 40, 0, 1, 1, 1, 0.9, 100, 0, 900, 0, FALSE, TRUE, now())
                """,
            ] as [SQL] { _ = try await admin.row(statement) }
            let alpha = try await admin.post("drills", #"{"kind": "provider-loss", "provider": "alpha", "reason": "rehearsal"}"#)
            guard capacity == "preallocated" else { return #expect(alpha.status == 201, "\(alpha.text)") }
            #expect(alpha.json["error"]["code"].string == "last_left" && alpha.text.contains("tiny in eu"), "\(alpha.text)")
            let chosen = try await admin.post("drills", #"{"kind": "provider-loss", "reason": "rehearsal"}"#)
            #expect(chosen.status == 201 && chosen.json["provider"].string == "beta", "\(chosen.text)")
        }
    }

    @Test("the policy is told what a drill takes as long as it runs")
    func policyKnows() async throws {
        try await Self.with { admin in
            func drilled() async throws -> [MitigationTarget] {
                try await admin.database.withPool { pool in
                    try await pool.transaction { connection in
                        let desk = MitigationDesk(connection: connection, now: Date())
                        return try await desk.situation([], FleetView(), desk.terms()).fleet.drilled
                    }
                }
            }
            let begun = try await admin.post("drills", #"{"kind": "provider-loss", "provider": "beta", "region": "eu", "reason": "rehearsal"}"#)
            #expect(try await drilled() == [MitigationTarget(.drainProvider, region: "eu", provider: "beta")], "\(begun.text)")
            _ = try await admin.post("drills/\(begun.json["id"].string ?? "")/abort")
            #expect(try await drilled().isEmpty)
        }
    }

    @Test("a drill waits for whoever decides what comes into force, and sees what that took")
    func turn() async throws {
        try await Self.with { admin in
            try await admin.database.withPool { pool in
                try await withThrowingTaskGroup(of: JSONClient.Answer.self) { group in
                    try await pool.transaction { connection in
                        try await MitigationDesk(connection: connection, now: Date()).takeTurn()
                        try await connection.execute(
                            """
                            INSERT INTO reliability.mitigation (action, provider, cause, mode, state, requested_by, created_at, expires_at)
                            VALUES ('drain_provider', 'beta', 'slow', 'manual', 'active', 'test', now(), now() + interval '1 hour')
                            """)
                        group.addTask { try await admin.post("drills", #"{"kind": "provider-loss", "provider": "alpha", "reason": "rehearsal"}"#) }
                        let waiting: SQL = "SELECT 1 AS one FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
                        try await Waiting.until("the drill waits", within: .seconds(30)) { try await admin.row(waiting) != nil }
                    }
                    let answer = try #require(try await group.next())
                    #expect(answer.json["error"]["code"].string == "last_left", "\(answer.text)")
                }
            }
        }
    }
}
