import FoundationEssentials
import Postgres
import TestSupport
import Testing

@testable import ControlPlane

/// What else must ask while an error budget is spent: objectives, and capacity that comes back or comes in.
@Suite struct HeldChangeTests {
    private func prepare(_ admin: AdminFixture, _ state: String) async throws {
        _ = try await admin.tenant()
        _ = try await admin.post("models", #"{"name": "tiny", "display_name": "Tiny", "context_tokens": 2048}"#)
        try await admin.spendBudget(state)
    }

    /// Two pools in `eu` with a host and its worker each.
    private func supply(_ admin: AdminFixture) async throws {
        _ = try await admin.post("releases", #"{"name": "tiny-1", "model": "tiny"}"#)
        for name in ["alpha", "beta"] {
            _ = try await admin.post("providers", "{\"name\": \"\(name)\", \"display_name\": \"\(name)\", \"kind\": \"independent\"}")
            _ = try await admin.post("pools", "{\"name\": \"\(name)-eu\", \"provider\": \"\(name)\", \"region\": \"eu\"}")
            _ = try await admin.row(
                """
                WITH host AS (INSERT INTO serving.hosts (id, name, pool, region, boot_id, last_heartbeat_at)
                    VALUES (gen_random_uuid(), \("host-" + name), \(name + "-eu"), 'eu', 'b', now()) RETURNING id)
                INSERT INTO serving.workers (host_id, runtime, release, dialect, runtime_state, slots, context_tokens, accepted)
                SELECT id, 'main', 'tiny-1', 'vllm', 'ready', 4, 2048, TRUE FROM host RETURNING 1
                """)
        }
    }

    private func state(_ admin: AdminFixture, _ state: String) async throws {
        _ = try await admin.row("UPDATE reliability.budget_state SET freeze_state = \(state) RETURNING 1")
    }

    private func outcome(_ answer: JSONClient.Answer) -> String { answer.json["error"]["code"].string ?? "\(answer.status)" }

    private static let loosened = [
        #"{"freezes": false}"#, #"{"target_ppm": 500000}"#, #"{"bad_above_ppm": 900000}"#, #"{"period": "rolling"}"#,
    ]

    private static func specific(freezes: Bool) -> String {
        #"{"name": "mine", "kind": "availability", "model": "tiny", "target_ppm": 999990, "bad_above_ppm": null, "freezes": \#(freezes)}"#
    }

    @Test func theFreezeThatIsShownForATierIsTheOneThatItsChangesMeet() async throws {
        try await AdminFixture.run { admin in
            try await prepare(admin, "frozen")
            // As the budget of a contract is, which is one tenant's own.
            _ = try await admin.row("UPDATE reliability.budget_subject SET tenant_id = (SELECT id FROM serving.tenants), tier = '' RETURNING 1")
            let price = #"{"model": "tiny", "tier": "pro", "prompt_price_pico_usd": 1, "completion_price_pico_usd": 1}"#
            #expect(outcome(try await admin.post("prices", price)) == "frozen")
            #expect(try await admin.get("freeze?model=tiny&tier=pro").json["state"].string == "frozen")
            #expect(try await admin.get("freeze?model=other&tier=pro").json["state"].string == "normal")
        }
    }

    @Test func nobodyEndsAFreezeAloneByALooserObjective() async throws {
        try await AdminFixture.run { admin in
            try await prepare(admin, "frozen")
            for body in Self.loosened { #expect(outcome(try await admin.patch("objectives/availability", body)) == "frozen", "\(body)") }
            #expect(outcome(try await admin.delete("objectives/availability")) == "frozen")
            #expect(outcome(try await admin.post("objectives", Self.specific(freezes: false))) == "frozen")
            let exported = try await admin.get("openslo").text
            let thawed = exported.replacing(
                #""metadata":{"name":"availability"},"spec":{"service""#,
                with: #""metadata":{"name":"availability","annotations":{"plimsoll/freezes":"false"}},"spec":{"service""#)
            #expect(thawed != exported)
            #expect(outcome(try await admin.post("openslo", thawed)) == "frozen")
            #expect(outcome(try await admin.post("openslo", exported)) == "201", "nothing is looser")
            #expect(try await admin.get("objectives/availability").json["freezes"] == .bool(true))
            let elsewhere = #"{"name": "other", "kind": "availability", "region": "us", "target_ppm": 900000, "freezes": false}"#
            #expect(outcome(try await admin.post("objectives", elsewhere)) == "201", "it is not about what is spent")
            #expect(outcome(try await admin.patch("objectives/availability", #"{"target_ppm": 999999}"#)) == "200", "stricter")
            try await state(admin, "normal")
            #expect(outcome(try await admin.patch("objectives/availability", #"{"freezes": false}"#)) == "200")
        }
    }

    @Test func `of two at once that each leave the other one's objective strict, one is refused`() async throws {
        try await AdminFixture.run { admin in
            try await prepare(admin, "frozen")
            let same = #"{"name": "mine", "kind": "availability", "model": "tiny", "target_ppm": 999000, "freezes": true}"#
            #expect(outcome(try await admin.post("objectives", same)) == "201")
            let outcomes = try await admin.database.withPool { pool in
                try await withThrowingTaskGroup(of: String.self) { group in
                    try await pool.transaction { connection in
                        try await KeptPromises.takeTurn(connection)
                        group.addTask { outcome(try await admin.delete("objectives/mine")) }
                        group.addTask { outcome(try await admin.patch("objectives/availability", #"{"freezes": false}"#)) }
                        let waiting: SQL = """
                            SELECT count(*) AS n FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'advisory' HAVING count(*) = 2
                            """
                        try await Waiting.until("both wait", within: .seconds(30)) { try await admin.row(waiting) != nil }
                    }
                    return try await group.reduce(into: []) { $0.append($1) }
                }
            }
            #expect(outcomes.count == 2 && outcomes.filter { $0 == "frozen" }.count == 1, "\(outcomes)")
            #expect(outcomes.contains { $0 == "200" || $0 == "204" }, "\(outcomes)")
        }
    }

    @Test func whatALatencyFreezesIsThawedByNobodyAloneEither() async throws {
        try await AdminFixture.run { admin in
            try await prepare(admin, "frozen")
            _ = try await admin.row("UPDATE reliability.objective SET freezes = true WHERE name = 'last-token' RETURNING 1")
            _ = try await admin.row("UPDATE reliability.budget_state SET kind = 'ttlt_p95' RETURNING 1")
            for body in [#"{"freezes": false}"#, #"{"threshold_microseconds": 60000000}"#] {
                #expect(outcome(try await admin.patch("objectives/last-token", body)) == "frozen", "\(body)")
            }
            #expect(outcome(try await admin.patch("objectives/availability", #"{"target_ppm": 900000}"#)) == "200", "its own budget is not spent")
        }
    }

    @Test func unlessSaidOtherwiseOnlyAnAvailabilityFreezes() async throws {
        try await AdminFixture.run { admin in
            try await prepare(admin, "normal")
            let shipped = try await admin.get("objectives").json["data"].elements.filter { $0["freezes"] == .bool(true) }
            #expect(shipped.map { $0["name"].string } == ["availability"])
            func made(_ fields: String) async throws -> JSONTree {
                try await admin.post("objectives", "{\(fields), \"target_ppm\": 999000}").json["freezes"]
            }
            #expect(try await made(#""name": "a", "kind": "availability", "region": "eu""#) == .bool(true))
            #expect(try await made(#""name": "b", "kind": "error_rate", "region": "eu""#) == .bool(false))
            #expect(try await made(#""name": "c", "kind": "error_rate", "region": "us", "freezes": true"#) == .bool(true))
            let exported = try await admin.get("openslo").text
            for name in ["b", "c"] { _ = try await admin.delete("objectives/\(name)") }
            #expect(try await admin.post("openslo", exported).status == 201)
            #expect(try await admin.get("objectives/b").json["freezes"] == .bool(false))
            #expect(try await admin.get("objectives/c").json["freezes"] == .bool(true))
        }
    }

    @Test func aSecondPersonLetsALooserObjectivePassAndThatIsRecorded() async throws {
        try await AdminFixture.run { admin in
            try await prepare(admin, "frozen")
            let pass = try await admin.post("freeze-passes", #"{"kind": "p0", "change": "objective", "reason": "a wrong target"}"#)
            let id = try #require(pass.json["id"].string, "\(pass.text)")
            let other = try await admin.stranger("second")
            #expect(outcome(try await admin.patch("objectives/availability", #"{"freezes": false}"#)) == "frozen", "not approved yet")
            #expect(try await other.send("POST", "/admin/v1/freeze-passes/\(id)/approve", "{}").status == 200)
            #expect(outcome(try await admin.patch("objectives/availability", #"{"freezes": false}"#)) == "200")
            #expect(try await admin.get("freeze-passes/\(id)").json["uses"] == .number(1))
            let used = try await admin.row("SELECT change, subject FROM reliability.freeze_use")
            #expect(try used?.value("change") == "objective")
            #expect(try used?.value("subject", as: String.self).hasPrefix("update objective ") == true)
        }
    }

    @Test func inCautionOnlyOwnersMakeObjectivesLooser() async throws {
        try await AdminFixture.run { admin in
            try await prepare(admin, "caution")
            let made = try await admin.post("tokens", #"{"name": "hand", "role": "operator"}"#)
            let hand = admin.client.acting(as: made.json["secret"].string)
            #expect(outcome(try await hand.send("PATCH", "/admin/v1/objectives/availability", #"{"target_ppm": 900000}"#)) == "caution")
            #expect(outcome(try await admin.patch("objectives/availability", #"{"target_ppm": 900000}"#)) == "200")
        }
    }

    @Test func whatWasTakenOutComesBackOnlyWithLeave() async throws {
        try await AdminFixture.run { admin in
            try await prepare(admin, "normal")
            try await supply(admin)
            try await state(admin, "frozen")
            _ = try await admin.row("UPDATE serving.workers SET weight_ppm = 500000 RETURNING 1")
            let worker = try #require(try await admin.row("SELECT id::text AS id FROM serving.workers LIMIT 1")?.value("id", as: String.self))
            let weigh = { (ppm: Int) in outcome(try await admin.patch("workers/\(worker)", "{\"weight_ppm\": \(ppm)}")) }
            #expect(outcome(try await admin.post("hosts/host-alpha/drain")) == "200")
            #expect(outcome(try await admin.post("hosts/host-alpha/resume")) == "frozen")
            #expect(outcome(try await admin.post("hosts/host-beta/resume")) == "200", "it is not drained")
            #expect(try await weigh(400_000) == "200")
            #expect(try await weigh(400_001) == "frozen")
            try await state(admin, "caution")
            #expect(outcome(try await admin.post("hosts/host-alpha/resume")) == "canary", "half of the traffic at once")
            try await state(admin, "normal")
            #expect(outcome(try await admin.post("hosts/host-alpha/resume")) == "200")
            #expect(try await weigh(1_000_000) == "200")
        }
    }

    @Test(arguments: ["pool", "provider"]) func whatIsEmptyIsACanaryToo(scope: String) async throws {
        try await AdminFixture.run { admin in
            try await prepare(admin, "normal")
            try await supply(admin)
            _ = try await admin.post("providers", #"{"name": "fresh", "display_name": "Fresh", "kind": "independent"}"#)
            _ = try await admin.post("pools", #"{"name": "fresh-eu", "provider": "fresh", "region": "eu"}"#)
            let weigh = { (ppm: Int) in
                let subject = scope == "pool" ? "fresh-eu" : "fresh"
                let body = "{\"scope\": \"\(scope)\", \"subject\": \"\(subject)\", \"weight_ppm\": \(ppm), \"reason\": \"new\"}"
                return outcome(try await admin.post("routing-weights", body))
            }
            #expect(try await weigh(0) == "201")
            try await state(admin, "frozen")
            #expect(try await weigh(50_000) == "frozen")
            try await state(admin, "caution")
            #expect(try await weigh(1_000_000) == "canary", "whoever comes into it would serve half of the region at once")
            #expect(try await weigh(50_000) == "201")
            _ = try await admin.row("UPDATE serving.routing_weights SET created_at = now() - interval '1 hour' RETURNING 1")
            #expect(try await weigh(1_000_000) == "canary", "nobody is in it: it has not served")
        }
    }

    @Test func aPoolThatIsMadeInAFreezeTakesNothingUntilSomebodyLetsIt() async throws {
        try await AdminFixture.run { admin in
            try await prepare(admin, "frozen")
            _ = try await admin.post("providers", #"{"name": "fresh", "display_name": "Fresh", "kind": "independent"}"#)
            for region in ["eu", "us"] {
                #expect(
                    try await admin.post("pools", "{\"name\": \"fresh-\(region)\", \"provider\": \"fresh\", \"region\": \"\(region)\"}").status == 201
                )
            }
            let weights = try await admin.row(
                "SELECT string_agg(subject || ' ' || weight_ppm, ',' ORDER BY subject) AS all FROM serving.current_routing_weights WHERE scope = 'pool'"
            )
            #expect(try weights?.value("all") == "fresh-eu 0")
            let raise = #"{"scope": "pool", "subject": "fresh-eu", "weight_ppm": 50000, "reason": "new"}"#
            #expect(outcome(try await admin.post("routing-weights", raise)) == "frozen", "also before a host is in it")
            try await state(admin, "normal")
            #expect(outcome(try await admin.post("routing-weights", raise)) == "201")
        }
    }
}
