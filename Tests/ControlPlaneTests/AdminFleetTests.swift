import FoundationEssentials
import Postgres
import TestSupport
import Testing

@Suite struct AdminFleetTests {
    private func fill(_ admin: AdminFixture) async throws -> String {
        _ = try await admin.post("providers", "{\"name\": \"alpha\", \"display_name\": \"Alpha\", \"kind\": \"independent\"}")
        _ = try await admin.post("pools", "{\"name\": \"alpha-eu\", \"provider\": \"alpha\", \"region\": \"eu\"}")
        let row = try await admin.row(
            """
            INSERT INTO serving.hosts (id, name, pool, region, boot_id) VALUES (gen_random_uuid(), 'h1', 'alpha-eu', 'eu', 'b1') RETURNING id::text AS id
            """)
        return try row?.value("id") ?? ""
    }

    @Test func `drain and resume raise the generation and leave operations`() async throws {
        try await AdminFixture.run { admin in
            let host = try await fill(admin)
            let drained = try await admin.post("hosts/\(host)/drain", "{\"deadline_seconds\": 60}")
            #expect(drained.json["intent"].string == "drain")
            #expect(drained.json["generation"].number == 2)
            #expect(try await admin.post("hosts/\(host)/resume").json["generation"].number == 3)
            let operations = try await admin.get("hosts/\(host)/operations").json["data"].elements
            #expect(operations.map { $0["kind"].string } == ["resume", "drain"])
            #expect(operations.map { $0["state"].string } == ["queued", "superseded"])
        }
    }

    @Test func `a worker that its agent started is restarted once at a time, and a drain of its host goes on beside it`() async throws {
        try await AdminFixture.run { admin in
            let host = try await fill(admin)
            let row = try await admin.row(
                """
                INSERT INTO serving.workers (host_id, runtime, release, dialect, runtime_state, slots, context_tokens)
                SELECT id, 'r', 'tiny', 'vllm', 'ready', 1, 1 FROM serving.hosts RETURNING id::text AS id
                """)
            let worker = try row?.value("id", as: String.self) ?? ""
            #expect(try await admin.post("workers/\(worker)/restart").json["error"]["code"].string == "not_restartable")
            _ = try await admin.row("UPDATE serving.workers SET restartable = TRUE RETURNING 1")
            let ordered = try await admin.post("workers/\(worker)/restart", "{\"deadline_seconds\": 60}")
            #expect(ordered.status == 200)
            let operation = try await admin.get("hosts/\(host)/operations/\(ordered.json["operation"].string ?? "")").json
            #expect(operation["kind"].string == "restart" && operation["worker"].string == worker)
            #expect(try await admin.post("workers/\(worker)/restart").json["error"]["code"].string == "under_way")
            _ = try await admin.post("hosts/\(host)/drain")
            let states = try await admin.get("hosts/\(host)/operations").json["data"].elements
            #expect(Set(states.map { "\($0["kind"].string ?? "") \($0["state"].string ?? "")" }) == ["restart queued", "drain queued"])
            #expect(try await admin.get("hosts/\(host)").json["generation"].number == 3)
        }
    }

    @Test func `an incident that a person ends has the same draft as one that ended by itself`() async throws {
        try await AdminFixture.run { admin in
            let row = try await admin.row(
                """
                INSERT INTO reliability.incident (key, rule, severity, tier, model, region, title, began_at, opened_at, last_signal_at, impact_from)
                VALUES ('pro/tiny/eu/server_errors', 'server_errors', 'page', 'pro', 'tiny', 'eu', 'Server errors have risen', now(), now(), now(), now())
                RETURNING id::text AS id
                """)
            let id = try row?.value("id", as: String.self) ?? ""
            #expect(try await admin.post("incidents/\(id)/resolve", "{\"reason\": \"it is over\"}").status == 200)
            let draft = try await admin.get("incidents/\(id)").json["postmortem"]
            #expect(draft["state"].string == "draft" && draft["root_cause"].string == "Workers answered with errors.")
            #expect(draft["credits_caused"]["amount_cents"].number == 0 && draft["budget"]["bad_minutes"].number == 0)
        }
    }

    @Test func `a revoked host is denied and takes no more commands`() async throws {
        try await AdminFixture.run { admin in
            let host = try await fill(admin)
            _ = try await admin.row(
                """
                INSERT INTO serving.workers (host_id, runtime, release, dialect, runtime_state, slots, context_tokens)
                SELECT id, 'r', 'tiny', 'vllm', 'ready', 1, 1 FROM serving.hosts RETURNING id
                """)
            #expect(try await admin.post("hosts/\(host)/revoke").json["error"]["param"].string == "reason")
            #expect(try await admin.post("hosts/\(host)/revoke", "{\"reason\": \"sold\"}").json["state"].string == "revoked")
            #expect(try await admin.post("hosts/\(host)/drain").status == 409)
            #expect(try await admin.row("SELECT denied_until > now() AS denied FROM serving.hosts")?.value("denied") == true)
            #expect(try await admin.get("workers").json["data"].elements.isEmpty)
        }
    }

    @Test func `a worker shows which gateways have it out of rotation, as long as they say so`() async throws {
        try await AdminFixture.run { admin in
            _ = try await fill(admin)
            let row = try await admin.row(
                """
                INSERT INTO serving.workers (host_id, runtime, release, dialect, runtime_state, slots, context_tokens)
                SELECT id, 'r', 'tiny', 'vllm', 'ready', 1, 1 FROM serving.hosts RETURNING id
                """)
            let worker: UUID = try #require(try row?.value("id"))
            for (name, age) in [("gw-2", 1), ("gw-1", 5), ("gw-old", 60)] {
                _ = try await admin.row(
                    """
                    INSERT INTO serving.gateways (id, name, region, boot_id, workers_out, workers_out_at)
                    VALUES (gen_random_uuid(), \(name), 'eu', 'b', jsonb_build_object(\(worker)::text, 'slow'::text), now() - make_interval(secs => \(age)))
                    RETURNING id
                    """)
            }
            let out = try await admin.get("workers").json["data"][0]["out"].elements
            #expect(out.map { $0["gateway"].string } == ["gw-1", "gw-2"] && out.allSatisfy { $0["reason"].string == "slow" })
        }
    }

    @Test func `an enrolment token is for a pool and is shown once`() async throws {
        try await AdminFixture.run { admin in
            _ = try await fill(admin)
            let made = try await admin.post("enrolment-tokens", "{\"role\": \"agent\", \"pool\": \"alpha-eu\"}")
            #expect(made.status == 201)
            #expect(made.json["token"].string?.hasPrefix("jt1.") == true)
            #expect(made.json["region"].string == "eu")
            let listed = try await admin.get("enrolment-tokens")
            #expect(listed.json["data"][0]["state"].string == "open")
            #expect(!listed.text.contains("jt1."))
            #expect(try await admin.post("enrolment-tokens", "{\"role\": \"gateway\"}").json["error"]["param"].string == "region")
        }
    }

    @Test func `the first release of a model takes its traffic and the next none until its weight is set`() async throws {
        try await AdminFixture.run { admin in
            _ = try await admin.post("models", "{\"name\": \"Org/Tiny\", \"display_name\": \"Tiny\", \"context_tokens\": 2048}")
            let first = try await admin.post("releases", "{\"name\": \"tiny-q8\", \"model\": \"Org/Tiny\", \"dialects\": [\"llamacpp\"]}")
            #expect(first.json["weight_ppm"].number == 1_000_000)
            #expect(try await admin.post("releases", "{\"name\": \"tiny-q4\", \"model\": \"Org/Tiny\"}").json["weight_ppm"].number == 0)
            let body = "{\"scope\": \"release\", \"subject\": \"tiny-q4\", \"weight_ppm\": 50000, \"reason\": \"canary\"}"
            #expect(try await admin.post("routing-weights", body).json["current"] == .bool(true))
            #expect(try await admin.get("releases/tiny-q4").json["weight_ppm"].number == 50_000)
            #expect(try await admin.get("models/Org%2FTiny").json["name"].string == "Org/Tiny")
            #expect(try await admin.delete("models/Org%2FTiny").status == 409)
        }
    }

    @Test func `records that were set aside are listed page by page`() async throws {
        try await AdminFixture.run { admin in
            _ = try await admin.row(
                """
                INSERT INTO billing.usage_quarantine (reason, request_id, payload_sha256, payload)
                SELECT 'conflict', 'r' || n, sha256('x'), '{"status": 200}' FROM generate_series(1, 3) AS n RETURNING id
                """)
            let page = try await admin.get("usage-quarantine?limit=2").json
            #expect(page["data"].elements.count == 2 && page["next_cursor"].string != nil)
            let found = try await admin.get("usage-quarantine?request_id=r2").json["data"].elements
            #expect(found.map { $0["payload"]["status"].number } == [200])
            #expect(
                found[0].names == [
                    "id", "received_at", "gateway", "reason", "request_id", "payload_sha256", "payload", "state", "decided_at", "decided_by",
                    "decision",
                ])
        }
    }

    @Test func `what was set aside is decided once, with a reason and on record`() async throws {
        try await AdminFixture.run { admin in
            _ = try await admin.row(
                """
                INSERT INTO billing.usage_quarantine (reason, request_id, payload_sha256, payload)
                SELECT 'future', 'r' || n, sha256('x'), '{"status": 200}' FROM generate_series(1, 2) AS n RETURNING id
                """)
            let id = try #require(try await admin.get("usage-quarantine?request_id=r1").json["data"][0]["id"].string)
            #expect(try await admin.post("usage-quarantine/\(id)/decide").status == 400)
            let decided = try await admin.post("usage-quarantine/\(id)/decide", #"{"reason": "the clock of a gateway was wrong"}"#)
            #expect(decided.status == 200 && decided.json["state"].string == "decided", "\(decided.text)")
            #expect(
                decided.json["decision"].string == "the clock of a gateway was wrong"
                    && decided.json["decided_by"].string?.hasPrefix("token:") == true)
            #expect(try await admin.post("usage-quarantine/\(id)/decide", #"{"reason": "again"}"#).status == 409)
            #expect(try await admin.post("usage-quarantine/\(UUID())/decide", #"{"reason": "again"}"#).status == 404)
            #expect(try await admin.get("usage-quarantine?state=open").json["data"].elements.map { $0["request_id"].string } == ["r2"])
            #expect(try await admin.get("audit?subject_kind=usage_quarantine").json["data"].elements.count == 1)
        }
    }

    @Test func `usage records are found by the id of their answer`() async throws {
        try await AdminFixture.run { admin in
            let row = try await admin.row(
                """
                INSERT INTO billing.usage_event (tenant_id, request_id, accepted_at, key_id, tier, model, region, gateway_id, boot_id, sequence, stream,
                    status, outcome, finished_after_us, queued_for_us, prompt_tokens, cached_prompt_tokens, completion_tokens, reasoning_tokens,
                    billable_prompt_tokens, billable_completion_tokens, estimated, attempts, payload_sha256)
                SELECT gen_random_uuid(), gen_random_uuid(), now(), gen_random_uuid(), 'pro', 'tiny', 'eu', gen_random_uuid(), 'b', n, true, 200, 'good',
                    10, 0, 5, 0, 7, 0, 5, 7, false, 1, sha256('x') FROM generate_series(1, 3) AS n RETURNING request_id::text AS id
                """)
            let id: String = try #require(try row?.value("id"))
            let found = try await admin.get("usage-records?request_id=\(id)").json["data"].elements
            #expect(found.map { $0["request_id"].string } == [id])
            #expect(found[0]["completion_tokens"].number == 7)
            #expect(try await admin.get("usage-records?limit=2").json["next_cursor"].string != nil)
            #expect(try await admin.get("usage-records?since=2100-01-01T00:00:00Z").json["data"].elements.isEmpty)
        }
    }
}
