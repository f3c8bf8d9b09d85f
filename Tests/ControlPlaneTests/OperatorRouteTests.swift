import Postgres
import TestSupport
import Testing

/// What people may do about mitigations and incidents, through the API.
@Suite struct OperatorRouteTests {
    /// A tier that shares, a model with one worker, and an incident of server errors, which is seen now.
    private func incident(_ admin: AdminFixture) async throws -> String {
        _ = try await admin.post("tiers", AdminFixture.tier("hobby").replacing("warm_regional", with: "shared"))
        for statement in AdminFixture.tinyModel + [
            """
            INSERT INTO serving.hosts (id, name, pool, region, boot_id, last_heartbeat_at)
            VALUES ('00000000-0000-4000-8000-000000000001', 'h', 'llama', 'eu', 'b', now())
            """,
            """
            INSERT INTO serving.workers (id, host_id, runtime, release, dialect, runtime_state, slots, context_tokens, accepted)
            SELECT '00000000-0000-4000-8000-000000000002', id, 'main', 'tiny-1', 'vllm', 'ready', 4, 2048, TRUE FROM serving.hosts
            """,
            """
            INSERT INTO reliability.incident (key, rule, severity, tier, model, region, title, began_at, opened_at, last_signal_at, impact_from)
            VALUES ('hobby/tiny/eu/server_errors', 'server_errors', 'page', 'hobby', 'tiny', 'eu', 'Server errors have risen', now(), now(), now(), now())
            """,
        ] as [SQL] { _ = try await admin.row(statement) }
        let row = try await admin.row("SELECT number::text AS number FROM reliability.incident")
        return try row?.value("number") ?? ""
    }

    private func code(_ answer: JSONClient.Answer) -> String { "\(answer.status) \(answer.json["error"]["code"].string ?? "")" }

    private let cap = #"{"action": "cap_output", "tier": "hobby", "model": "tiny", "region": "eu", "value": 128, "reason": "the region is short"}"#

    @Test func `an action is run by hand once, with its cost, and pinned, reverted or vetoed`() async throws {
        try await AdminFixture.run { admin in
            _ = try await incident(admin)
            let made = try await admin.post("mitigations", cap)
            #expect(made.status == 201 && made.json["mode"].string == "manual" && made.json["state"].string == "active")
            #expect(made.json["cost_micro_usd_per_hour"].number == 0 && made.json["shortened_tokens_per_hour"].number == 0)
            #expect(made.json["requested_by"].string?.hasPrefix("token:") == true, "\(made.text)")
            #expect(code(try await admin.post("mitigations", cap)) == "409 in_force")
            let path = "mitigations/\(made.json["id"].string ?? "")"
            let pinned = try await admin.post("\(path)/pin", #"{"hours": 12}"#)
            #expect(pinned.json["pinned"] == .bool(true) && pinned.json["expires_at"].string ?? "" > made.json["expires_at"].string ?? "~")
            #expect(code(try await admin.post("\(path)/revert")).hasPrefix("400"), "a reason is asked for")
            let reverted = try await admin.post("\(path)/revert", #"{"reason": "it is over"}"#)
            #expect(reverted.json["state"].string == "reverted" && reverted.json["end_reason"].string == "it is over")
            for verb in ["revert", "veto"] { #expect(code(try await admin.post("\(path)/\(verb)", #"{"reason": "again"}"#)) == "409 over") }
            #expect(code(try await admin.post("\(path)/pin")) == "409 over")
            #expect(code(try await admin.post("mitigations/00000000-0000-4000-8000-000000000009/pin")) == "404 not_found")
            let audited = try await admin.row(
                "SELECT string_agg(action, ' ' ORDER BY sequence) AS actions FROM audit.entry WHERE subject_kind = 'mitigation'")
            #expect(try audited?.value("actions", as: String?.self) == "run pin revert")
        }
    }

    @Test func `what an action needs is asked for, and the last worker of a model is not drained`() async throws {
        try await AdminFixture.run { admin in
            _ = try await incident(admin)
            let bare = try await admin.post("mitigations", #"{"action": "cap_output", "reason": "the region is short"}"#)
            #expect(bare.status == 400 && bare.json["error"]["faults"].elements.contains { $0["param"].string == "value" })
            let drain = #"{"action": "drain_worker", "worker": "00000000-0000-4000-8000-000000000002", "reason": "it seems slow"}"#
            #expect(code(try await admin.post("mitigations", drain)) == "409 last_left")
            #expect(code(try await admin.post("mitigations", #"{"action": "sell_capacity", "reason": "more of it"}"#)).hasPrefix("400"))
        }
    }

    @Test func `who has been silent for long serves nobody, by hand and in the plan; what a dry run would drain still does`() async throws {
        try await AdminFixture.run { admin in
            _ = try await incident(admin)
            for statement in [
                """
                INSERT INTO serving.hosts (id, name, pool, region, boot_id, last_heartbeat_at)
                VALUES ('00000000-0000-4000-8000-000000000003', 'other', 'llama', 'eu', 'b', now() - interval '10 minutes')
                """,
                """
                INSERT INTO serving.workers (id, host_id, runtime, release, dialect, runtime_state, slots, context_tokens, accepted)
                VALUES ('00000000-0000-4000-8000-000000000004', '00000000-0000-4000-8000-000000000003', 'main', 'tiny-1', 'vllm', 'ready', 4, 2048, TRUE)
                """,
            ] as [SQL] { _ = try await admin.row(statement) }
            let drain = #"{"action": "drain_worker", "worker": "00000000-0000-4000-8000-000000000002", "reason": "it seems slow"}"#
            #expect(code(try await admin.post("mitigations", drain)) == "409 last_left")
            for statement in [
                "UPDATE serving.hosts SET last_heartbeat_at = now()", "UPDATE reliability.mitigation_policy SET mode = 'dry_run'",
                """
                INSERT INTO reliability.mitigation (action, worker_id, cause, mode, state, requested_by, created_at, expires_at)
                VALUES ('drain_worker', '00000000-0000-4000-8000-000000000004', 'a dry run', 'dry_run', 'active', 'policy', now(), now() + interval '1 hour')
                """,
            ] as [SQL] { _ = try await admin.row(statement) }
            #expect(try await admin.post("mitigations", drain).status == 201)
        }
    }

    @Test func `the plan shows what would be done and what it costs; what was vetoed is not in it`() async throws {
        try await AdminFixture.run { admin in
            _ = try await incident(admin)
            func planned() async throws -> [String] {
                let plan = try await admin.get("mitigation-plan")
                #expect(plan.status == 200)
                return plan.json["decisions"].elements.filter { $0["decision"].string == "apply" }.map {
                    "\($0["what"].string ?? "?"); \($0["cost"].string ?? "?")"
                }
            }
            let batches = "shorten batch window, model tiny, region eu, value 25; costs nothing"
            #expect(try await planned() == [batches])
            let policy = try await admin.patch("mitigation-policy", #"{"mode": "dry_run", "most": 2}"#)
            #expect(policy.json["mode"].string == "dry_run" && policy.json["most"].number == 2)
            #expect(try await planned() == [batches], "whatever its mode")
            let run = #"{"action": "shorten_batch_window", "model": "tiny", "region": "eu", "value": 25, "reason": "to look at it"}"#
            let id = try await admin.post("mitigations", run).json["id"].string ?? ""
            let vetoed = try await admin.post("mitigations/\(id)/veto", #"{"reason": "batches are due", "minutes": 30}"#)
            #expect(vetoed.json["state"].string == "vetoed" && vetoed.json["vetoed_until"].string != nil)
            #expect(try await planned() == ["cap output, tier hobby, model tiny, region eu, value 256; costs nothing"])
        }
    }

    @Test func `a veto that was given beforehand holds what it names until it is withdrawn, and is in the plan and on record`() async throws {
        try await AdminFixture.run { admin in
            _ = try await incident(admin)
            func planned(_ decision: String) async throws -> [JSONTree] {
                try await admin.get("mitigation-plan").json["decisions"].elements.filter { $0["decision"].string == decision }
            }
            let body = #"{"action": "shorten_batch_window", "model": "tiny", "reason": "batches are due", "minutes": 10080}"#
            let made = try await admin.post("mitigations/vetoes", body)
            #expect(made.status == 201 && made.json["state"].string == "active" && made.json["region"] == .null, "\(made.text)")
            let id = made.json["id"].string ?? ""
            let withheld = try await planned("withhold")
            #expect(withheld.map { $0["what"].string } == ["shorten batch window, model tiny, region eu, value 25"])
            #expect(withheld.first?["veto"].string == id)
            #expect(try await planned("apply").first?["what"].string == "cap output, tier hobby, model tiny, region eu, value 256")
            let run = #"{"action": "shorten_batch_window", "model": "tiny", "region": "eu", "value": 25, "reason": "by hand all the same"}"#
            #expect(try await admin.post("mitigations", run).status == 201)
            let withdrawn = try await admin.post("mitigations/vetoes/\(id)/withdraw", #"{"reason": "they are through"}"#)
            #expect(withdrawn.json["state"].string == "withdrawn" && withdrawn.json["withdrawn_by"].string?.hasPrefix("token:") == true)
            #expect(code(try await admin.post("mitigations/vetoes/\(id)/withdraw")) == "409 over")
            #expect(try await planned("withhold").isEmpty)
            #expect(try await admin.get("mitigations/vetoes?state=active").json["data"].elements.isEmpty)
            let audited = try await admin.row(
                "SELECT string_agg(action, ' ' ORDER BY sequence) AS actions FROM audit.entry WHERE subject_kind = 'mitigation_veto'")
            #expect(try audited?.value("actions", as: String?.self) == "create withdraw")
        }
    }

    @Test func `a veto names only what its action's targets are told apart by`() async throws {
        try await AdminFixture.run { admin in
            let foreign = try await admin.post("mitigations/vetoes", #"{"action": "drain_provider", "model": "tiny", "reason": "not this one"}"#)
            #expect(foreign.status == 400 && foreign.json["error"]["faults"].elements.contains { $0["param"].string == "model" })
            #expect(try await admin.post("mitigations/vetoes", #"{"action": "drain_provider"}"#).status == 400, "a reason is asked for")
            let all = try await admin.post("mitigations/vetoes", #"{"action": "drain_provider", "reason": "none this week"}"#)
            #expect(all.status == 201)
            #expect(try await admin.get("mitigations/vetoes/\(all.json["id"].string ?? "")").json["action"].string == "drain_provider")
        }
    }

    @Test func `the plan lays incidents to tenants and releases as the policy does, and writes nothing`() async throws {
        try await AdminFixture.run { admin in
            _ = try await incident(admin)
            let tenant = "00000000-0000-4000-8000-000000000007"
            for statement in [
                "INSERT INTO serving.tenants (id, name, display_name, tier) VALUES (\(tenant)::uuid, 'acme', 'Acme', 'hobby')",
                "INSERT INTO serving.abuse_events (kind, tenant_id) VALUES ('anomaly', \(tenant)::uuid)",
                """
                INSERT INTO serving.behaviour (tenant_id, signal, mean, variance, samples, alarmed, streak)
                VALUES (\(tenant)::uuid, 'tokens', 1, 1, 100, TRUE, 1)
                """,
                """
                INSERT INTO reliability.minute (tenant_id, model, region, minute_at, gateway_id, boot_id, sequence, tier, outcomes, good, bad, excluded,
                    first_token_samples, first_token_over, prompt_tokens, completion_tokens, rate_limited, disconnects, first_token_histogram)
                VALUES (\(tenant)::uuid, 'tiny', 'eu', date_trunc('minute', now()), gen_random_uuid(), 'b', 1, 'hobby', '{"good": 1}', 1, 0, 0, 1, 0, 5, 7, 0, 0,
                    '{}')
                """,
                """
                INSERT INTO reliability.mitigation (action, tier, model, region, value, cause, mode, state, requested_by, created_at, expires_at)
                VALUES ('shorten_batch_window', NULL, 'tiny', 'eu', 25, 'before', 'automatic', 'active', 'policy', now() - interval '4 minutes', now() + interval '1 hour'),
                    ('cap_output', 'hobby', 'tiny', 'eu', 256, 'before', 'automatic', 'active', 'policy', now() - interval '3 minutes', now() + interval '1 hour')
                """,
            ] as [SQL] { _ = try await admin.row(statement) }
            let plan = try await admin.get("mitigation-plan").json["decisions"].elements
            let applied = plan.filter { $0["decision"].string == "apply" }.compactMap { $0["what"].string }
            #expect(applied == ["throttle tenant, region eu, tenant \(tenant), value 250000"], "\(plan)")
            let written = try await admin.row("SELECT count(*) AS events FROM reliability.incident_event")
            #expect(try written?.value("events", as: Int.self) == 0)
        }
    }

    @Test func `a proposal is closed with what became of it, and nothing else is`() async throws {
        try await AdminFixture.run { admin in
            _ = try await incident(admin)
            _ = try await admin.row(
                """
                INSERT INTO reliability.mitigation (action, provider, cause, mode, state, requested_by, created_at, expires_at)
                VALUES ('review_provider', 'alpha', 'it was lost', 'proposal', 'proposed', 'policy', now(), now() + interval '1 day')
                """)
            let proposal = try await admin.get("mitigations?state=proposed").json["data"].elements.first
            let path = "mitigations/\(proposal?["id"].string ?? "")/close"
            #expect(code(try await admin.post(path, #"{"state": "later", "reason": "not now"}"#)).hasPrefix("400"))
            let closed = try await admin.post(path, #"{"state": "done", "reason": "they changed a switch"}"#)
            #expect(closed.json["state"].string == "done" && closed.json["end_reason"].string == "they changed a switch")
            #expect(code(try await admin.post(path, #"{"state": "declined", "reason": "once more"}"#)) == "409 not_proposed")
            let active = try await admin.post("mitigations", cap).json["id"].string ?? ""
            #expect(code(try await admin.post("mitigations/\(active)/close", #"{"state": "done", "reason": "is it?"}"#)) == "409 not_proposed")
        }
    }

    @Test func `an incident is acknowledged, diagnosed, resolved and written up, each once and in this order`() async throws {
        try await AdminFixture.run { admin in
            let path = "incidents/\(try await incident(admin))"
            let written = #"{"root_cause": "a driver hung", "prevention": "a newer driver"}"#
            #expect(code(try await admin.post("\(path)/postmortem", written)) == "409 not_resolved")
            for _ in 0..<2 {
                let known = try await admin.post("\(path)/acknowledge")
                #expect(known.status == 200 && known.json["acknowledged_by"].string == "owner")
            }
            let diagnosed = try await admin.post("\(path)/note", #"{"text": "the driver of one host hangs", "step": "diagnosed"}"#)
            #expect(diagnosed.json["step"].string == "diagnosed" && diagnosed.json["public_status"].string == "identified")
            #expect(code(try await admin.post("\(path)/note", #"{"text": "once more", "step": "diagnosed"}"#)) == "409 too_late")
            let over = try await admin.post("\(path)/resolve", #"{"reason": "the route is back"}"#)
            #expect(over.json["state"].string == "over" && over.json["postmortem_due"].string != nil)
            #expect(code(try await admin.post("\(path)/resolve", #"{"reason": "again"}"#)) == "409 over")
            #expect(code(try await admin.post("\(path)/postmortem", #"{"root_cause": "a driver hung"}"#)).hasPrefix("400"))
            #expect(try await admin.post("\(path)/postmortem", written).json["step"].string == "reported")
            #expect(code(try await admin.post("\(path)/postmortem", written)) == "409 not_resolved")
            let kinds = try await admin.get("\(path)/events?order=asc").json["data"].elements.compactMap { $0["kind"].string }
            #expect(kinds == ["acknowledged", "note", "step", "resolved", "postmortem"])
        }
    }
}
