import FoundationEssentials
import Logging
import PlimsollWire
import Postgres
import Telemetry
import TestSupport
import Testing

@testable import ControlPlane

@Suite("Drills on the control plane")
struct DrillTests {
    private static let logger = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })

    /// Two providers in one region with a worker each of the same model, the second with another one of a model of its own.
    private static let fleet: [SQL] = [
        "INSERT INTO serving.providers (name, display_name, kind) VALUES ('alpha', 'A', 'independent'), ('beta', 'B', 'independent')",
        "INSERT INTO serving.pools (name, provider, region) VALUES ('alpha-eu', 'alpha', 'eu'), ('beta-eu', 'beta', 'eu')",
        "INSERT INTO serving.models (name, display_name, context_tokens) VALUES ('tiny', 'Tiny', 2048), ('own', 'Own', 2048)",
        "INSERT INTO serving.releases (name, model) VALUES ('tiny-1', 'tiny'), ('own-1', 'own')",
        """
        INSERT INTO serving.hosts (id, name, pool, region, boot_id, certificate_not_after, link, agent_state, last_heartbeat_at)
        SELECT gen_random_uuid(), 'host-' || pool, pool, 'eu', 'b', now() + interval '1 day', 'tunnel', 'serving', now()
        FROM unnest(ARRAY['alpha-eu', 'beta-eu']) AS pool
        """,
        """
        INSERT INTO serving.workers (host_id, runtime, release, dialect, runtime_state, slots, context_tokens, accepted, last_reported_at)
        SELECT id, 'main', 'tiny-1', 'vllm', 'ready', 4, 2048, true, now() FROM serving.hosts
        """,
        """
        INSERT INTO serving.gateways (id, name, region, advertise, boot_id, certificate_not_after, last_seen_at)
        SELECT gen_random_uuid(), 'g', region, 'g:7801', 'b', now() + interval '1 day', now() FROM unnest(ARRAY['eu', 'us']) AS region
        """,
    ]
    private static let ownModel: SQL = """
        INSERT INTO serving.workers (host_id, runtime, release, dialect, runtime_state, slots, context_tokens, accepted, last_reported_at)
        SELECT id, 'other', 'own-1', 'vllm', 'ready', 4, 2048, true, now() FROM serving.hosts WHERE pool = 'beta-eu'
        """

    static func with(_ body: @Sendable (AdminFixture) async throws -> Void) async throws {
        try await AdminFixture.run { admin in
            for statement in fleet { _ = try await admin.row(statement) }
            try await body(admin)
        }
    }

    private static func facts(_ admin: AdminFixture) async throws -> TableFacts {
        try await admin.database.withPool { pool in try await pool.transaction { try await TableFacts.read($0, trustDomain: "d") } }
    }

    private static func drills(_ admin: AdminFixture) async throws -> [String: DrillEffect?] {
        let workers = try await facts(admin).workers.map(\.entry)
        return Dictionary(uniqueKeysWithValues: workers.map { ($0.provider, $0.drill) })
    }

    private static func turn(_ admin: AdminFixture, at moment: Date) async throws {
        let databases = ControlDatabases(admin.database.configuration(), logger: logger)
        let result: Result<Void, any Error>
        do {
            let keeper = DrillKeeper(
                databases: databases, holder: UUID(uuid: (1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1)), metrics: MetricRegistry(), logger: logger)
            result = .success(try await keeper.turn(at: moment))
        } catch {
            result = .failure(error)
        }
        await databases.close()
        try result.get()
    }

    @Test("a provider that is lost is in the table for its workers until the drill is over, and one drill runs at a time")
    func providerLoss() async throws {
        try await Self.with { admin in
            let begun = try await admin.post(
                "drills", #"{"kind": "provider-loss", "provider": "beta", "seconds": 60, "compression": 12, "reason": "rehearsal"}"#)
            #expect(begun.status == 201 && begun.json["state"].string == "running" && begun.json["models"].elements.compactMap(\.string) == ["tiny"])
            let drills = try await Self.drills(admin)
            let effect = try #require(drills["beta"] ?? nil)
            #expect(effect.kind == .cut && effect.probeSeconds == 2 && effect.untilSeconds > Int64(Date().timeIntervalSince1970) + 50)
            #expect(drills["alpha"] == .some(nil))
            let second = try await admin.post("drills", #"{"kind": "worker-loss", "reason": "another"}"#)
            #expect(second.status == 409 && second.json["error"]["code"].string == "drill_running")
            let id = try #require(begun.json["id"].string)
            let aborted = try await admin.post("drills/\(id)/abort")
            #expect(aborted.status == 200 && aborted.json["state"].string == "settling" && aborted.json["end_reason"].string == "aborted")
            #expect(try await Self.drills(admin)["beta"] == .some(nil))
            #expect(try await admin.post("drills/\(id)/abort").json["error"]["code"].string == "over")
        }
    }

    @Test("what would leave a model without anybody is refused")
    func bounds() async throws {
        try await Self.with { admin in
            _ = try await admin.row(Self.ownModel)
            let refused = try await admin.post("drills", #"{"kind": "provider-loss", "provider": "beta", "reason": "rehearsal"}"#)
            #expect(refused.status == 409 && refused.json["error"]["code"].string == "last_left")
            #expect(refused.text.contains("own"))
            _ = try await admin.row("UPDATE serving.hosts SET last_heartbeat_at = now() - interval '1 hour' WHERE pool = 'beta-eu'")
            let alone = try await admin.post("drills", #"{"kind": "provider-loss", "provider": "alpha", "reason": "rehearsal"}"#)
            #expect(alone.json["error"]["code"].string == "last_left", "who is silent is nobody to rely on")
        }
    }

    @Test(
        "who stands by, is out of service, drained or in another region is nobody to rely on, and nobody to lose",
        arguments: [
            "INSERT INTO serving.routing_weights (scope, subject, weight_ppm, source, reason, actor) VALUES ('pool', 'beta-eu', 0, 'operator', 'stands by', 'test')",
            "INSERT INTO serving.routing_weights (scope, subject, weight_ppm, source, reason, actor) VALUES ('provider', 'beta', 0, 'operator', 'dear', 'test')",
            "UPDATE serving.pools SET state = 'suspended' WHERE name = 'beta-eu'", "UPDATE serving.hosts SET intent = 'drain' WHERE pool = 'beta-eu'",
            "UPDATE serving.workers SET runtime_state = 'unhealthy' WHERE host_id = (SELECT id FROM serving.hosts WHERE pool = 'beta-eu')",
            "UPDATE serving.workers SET weight_ppm = 0 WHERE host_id = (SELECT id FROM serving.hosts WHERE pool = 'beta-eu')",
            """
            INSERT INTO reliability.mitigation (action, provider, cause, mode, state, requested_by, created_at, expires_at)
            VALUES ('drain_provider', 'beta', 'slow', 'manual', 'active', 'test', now(), now() + interval '1 hour')
            """,
            "UPDATE serving.hosts SET region = 'us' WHERE pool = 'beta-eu'",
        ] as [SQL])
    func nobodyLeft(out: SQL) async throws {
        try await Self.with { admin in
            _ = try await admin.row(out)
            let refused = try await admin.post("drills", #"{"kind": "provider-loss", "provider": "alpha", "reason": "rehearsal"}"#)
            #expect(refused.json["error"]["code"].string == "last_left" && refused.text.contains("tiny in eu"), "\(refused.text)")
            let other = try await admin.post("drills", #"{"kind": "worker-loss", "reason": "rehearsal"}"#)
            #expect(other.status == 409, "there is nobody whose loss would be within bounds: \(other.text)")
        }
    }

    @Test("what stands by may be lost, and what is called in counts again")
    func standsBy() async throws {
        try await Self.with { admin in
            _ = try await admin.row(
                """
                INSERT INTO serving.routing_weights (scope, subject, weight_ppm, source, reason, actor)
                VALUES ('pool', 'beta-eu', 0, 'operator', 'stands by', 'test')
                """)
            let begun = try await admin.post("drills", #"{"kind": "provider-loss", "provider": "beta", "reason": "rehearsal"}"#)
            #expect(begun.status == 201, "\(begun.text)")
            _ = try await admin.post("drills/\(begun.json["id"].string ?? "")/abort")
            _ = try await admin.row(
                """
                INSERT INTO reliability.mitigation (action, pool, cause, mode, state, requested_by, created_at, expires_at)
                VALUES ('warm_pool', 'beta-eu', 'few', 'manual', 'active', 'test', now(), now() + interval '1 hour')
                """)
            let alpha = #"{"kind": "provider-loss", "provider": "alpha", "reason": "rehearsal"}"#
            let other = try await admin.post("drills", alpha)
            #expect(other.json["error"]["code"].string != "last_left", "\(other.text)")
            _ = try await admin.post("drills/\(other.json["id"].string ?? "")/abort")
            // A worker that was taken out is not called in with its pool.
            _ = try await admin.row("UPDATE serving.workers SET weight_ppm = 0 WHERE host_id = (SELECT id FROM serving.hosts WHERE pool = 'beta-eu')")
            #expect(try await admin.post("drills", alpha).json["error"]["code"].string == "last_left")
        }
    }

    @Test("without a target the provider with the fewest workers, or one of its workers, is chosen")
    func chosen() async throws {
        try await Self.with { admin in
            _ = try await admin.row(Self.ownModel)
            let begun = try await admin.post("drills", #"{"kind": "wrong-answers", "reason": "rehearsal"}"#)
            #expect(begun.status == 201 && begun.json["provider"].string == nil)
            let drills = try await Self.facts(admin).workers.map(\.entry).filter { $0.drill != nil }
            #expect(drills.map(\.provider) == ["alpha"] && drills.first?.drill?.kind == .wrong && drills.map(\.id) == [begun.json["worker"].string])
        }
    }

    @Test(
        "a slow region and a control plane that is gone touch what they name",
        arguments: [#""kind": "slow-region", "region": "eu", "delay_milliseconds": 700"#, #""kind": "control-loss", "region": "us""#])
    func regions(kind: String) async throws {
        try await Self.with { admin in
            #expect(try await admin.post("drills", "{\(kind), \"reason\": \"rehearsal\"}").status == 201)
            let facts = try await Self.facts(admin)
            let alone = facts.gateways.filter { $0.aloneUntilSeconds != nil }.map(\.region)
            if kind.contains("slow") {
                #expect(facts.workers.allSatisfy { $0.entry.drill?.kind == .slow && $0.entry.drill?.delayMilliseconds == 700 } && alone.isEmpty)
            } else {
                #expect(facts.workers.allSatisfy { $0.entry.drill == nil } && alone == ["us"])
            }
        }
    }

    @Test("fields that mean nothing for a kind, or are missing, are named")
    func badInput() async throws {
        try await Self.with { admin in
            for (body, param) in [
                (#"{"kind": "worker-loss", "provider": "alpha", "reason": "why"}"#, "provider"), (#"{"kind": "flood", "reason": "why"}"#, "kind"),
                (#"{"kind": "slow-region", "region": "eu", "reason": "why"}"#, "delay_milliseconds"),
                (
                    #"{"kind": "slow-region", "region": "eu", "delay_milliseconds": 60000, "seconds": 16, "reason": "why"}"#,
                    "delay_milliseconds"
                ), (#"{"kind": "worker-loss", "worker": "w", "reason": "why"}"#, "worker"), (#"{"kind": "worker-loss"}"#, "reason"),
                (#"{"kind": "provider-loss", "provider": "gamma", "reason": "why"}"#, "kind"),
            ] {
                let answer = try await admin.post("drills", body)
                #expect(answer.status == 400 && answer.text.contains("\"\(param)\""), "\(body)")
            }
        }
    }

    /// Requests as gateways record them, so many seconds ago, each by its worker of a provider.
    private static func requests(
        _ admin: AdminFixture, _ count: Int, outcome: String = "good", attempts: Int = 1, ago: Int = 60, provider: String = "alpha",
        model: String = "tiny",
        region: String = "eu", key: String? = nil
    ) async throws {
        _ = try await admin.row(
            """
            INSERT INTO billing.usage_event (tenant_id, request_id, accepted_at, key_id, tier, model, region, worker_id, provider, gateway_id, boot_id,
                sequence, stream, status, outcome, finished_after_us, queued_for_us, prompt_tokens, cached_prompt_tokens, completion_tokens,
                reasoning_tokens, billable_prompt_tokens, billable_completion_tokens, estimated, attempts, payload_sha256)
            SELECT gen_random_uuid(), gen_random_uuid(), now() - make_interval(secs => \(ago)), coalesce(\(key)::uuid, gen_random_uuid()), 'pro', \(model), \(region),
                (SELECT worker.id FROM serving.workers AS worker JOIN serving.hosts ON hosts.id = host_id WHERE hosts.pool LIKE \(provider) || '-%' LIMIT 1),
                \(provider), gen_random_uuid(), 'b', number, false, 200, \(outcome), 1, 0, 1, 0, 1, 0, 1, 1, false, \(attempts), sha256('x')
            FROM generate_series(1, \(count)) AS number
            """)
    }

    /// That of probes through public endpoints.
    private static func probeKey(_ admin: AdminFixture) async throws -> String {
        let key = try await admin.post("keys", "{\"tenant\": \"\(try await admin.tenant("probes"))\", \"name\": \"probes\", \"purpose\": \"probe\"}")
        return try #require(key.json["id"].string)
    }

    /// Seen as it would have been a while ago, so that what was measured lies in the past.
    private static func backdate(_ admin: AdminFixture) async throws {
        _ = try await admin.row("UPDATE reliability.drill SET started_at = now() - interval '80 seconds', until_at = now() - interval '20 seconds'")
    }

    private static func noticed(_ admin: AdminFixture) async throws {
        _ = try await admin.row(
            """
            INSERT INTO reliability.probe (id, at, received_at, kind, worker_id, model, region, succeeded, fault, status, drill)
            SELECT gen_random_uuid(), now() - make_interval(secs => ago), now() - make_interval(secs => ago - 2), 'worker', worker.id, 'tiny', 'eu', false,
                'host', 0, true FROM unnest(ARRAY[75, 70]) AS ago, (SELECT id FROM serving.workers ORDER BY id LIMIT 1) AS worker
            """)
    }

    @Test("once its time is over and counts have come in, what it has shown is written down, once")
    func report() async throws {
        try await Self.with { admin in
            let begun = try await admin.post("drills", #"{"kind": "provider-loss", "provider": "beta", "seconds": 60, "reason": "rehearsal"}"#)
            let id = try #require(begun.json["id"].string)
            #expect(begun.json["regions"].elements.compactMap(\.string) == ["eu"])
            try await Self.backdate(admin)
            try await Self.requests(admin, 9)
            try await Self.requests(admin, 1, attempts: 2)
            try await Self.requests(admin, 1, outcome: "excluded:client_4xx", ago: 50)
            try await Self.requests(admin, 1, outcome: "bad:5xx", ago: 200)
            try await Self.requests(admin, 5, outcome: "bad:5xx", region: "us")
            try await Self.requests(admin, 2, outcome: "bad:stream_broken", key: try await Self.probeKey(admin))
            try await Self.noticed(admin)
            try await Self.turn(admin, at: Date())
            let report = try await admin.get("drills/\(id)").json
            #expect(report["state"].string == "held", "\(report)")
            #expect(report["report"]["requests"].number == 11 && report["report"]["requests_lost"].number == 0, "another region is not its own")
            #expect(report["report"]["requests_moved"].number == 1 && report["report"]["detected_by"].string == "probe")
            let detected = try #require(report["report"]["detected_after_us"].number)
            #expect((11_500_000...30_000_000).contains(detected), "the second probe that fails is a sign")
            _ = try await admin.row("UPDATE billing.usage_event SET outcome = 'bad:5xx'")
            try await Self.turn(admin, at: Date())
            #expect(try await admin.get("drills/\(id)").json["state"].string == "held", "written once")
        }
    }

    @Test("a drill that nobody noticed is no success, and one that nobody met or that was aborted proves nothing")
    func failed() async throws {
        try await Self.with { admin in
            _ = try await admin.post("drills", #"{"kind": "worker-loss", "seconds": 60, "reason": "rehearsal"}"#)
            try await Self.turn(admin, at: Date().addingTimeInterval(61))
            #expect(try await admin.get("drills").json["data"][0]["state"].string == "settling", "counts are still coming in")
            try await Self.turn(admin, at: Date().addingTimeInterval(80))
            let drill = try await admin.get("drills").json["data"][0]
            #expect(drill["state"].string == "failed" && drill["report"]["failures"].elements.compactMap(\.string) == ["nobody noticed it"])
            _ = try await admin.post("drills", #"{"kind": "control-loss", "seconds": 60, "reason": "rehearsal"}"#)
            try await Self.turn(admin, at: Date().addingTimeInterval(61))
            try await Self.turn(admin, at: Date().addingTimeInterval(80))
            let unmet = try await admin.get("drills").json["data"][0]
            #expect(unmet["state"].string == "unproven" && unmet["report"]["gaps"].elements.count == 1, "\(unmet)")
            #expect(unmet["report"]["held"].text == "false" && unmet["report"]["failures"].elements.isEmpty)
        }
    }

    @Test("an incident of an earlier drill that is not over is this one's from where it was acted upon again")
    func goesOn() async throws {
        try await Self.with { admin in
            _ = try await admin.post("drills", #"{"kind": "provider-loss", "provider": "beta", "seconds": 60, "reason": "rehearsal"}"#)
            try await Self.backdate(admin)
            try await Self.requests(admin, 20)
            _ = try await admin.row(
                """
                WITH known AS (INSERT INTO reliability.incident (key, rule, severity, provider, title, drill, began_at, opened_at, last_signal_at)
                    VALUES ('k', 'provider_health', 'page', 'beta', 'Drill', true, now() - interval '5 minutes', now() - interval '5 minutes', now() - interval '50 seconds')
                    RETURNING id), made AS (INSERT INTO reliability.mitigation (action, provider, incident_id, cause, mode, state, requested_by, created_at,
                        expires_at, ended_at)
                    SELECT 'drain_provider', 'beta', id, 'a drill', 'automatic', 'reverted', 'policy', now() - make_interval(secs => ago), now() + interval '1 hour',
                        now() - make_interval(secs => ago - 10) FROM known, unnest(ARRAY[280, 60]) AS ago RETURNING id, created_at)
                INSERT INTO reliability.mitigation_reach (mitigation_id, table_version, connected, reached, in_force_at)
                SELECT id, 1, 1, 1, created_at + interval '2 seconds' FROM made
                """)
            try await Self.turn(admin, at: Date())
            let report = try await admin.get("drills").json["data"][0]["report"]
            #expect(report["verdict"].string == "held" && report["detected_by"].string == "incident", "\(report)")
            #expect(report["incidents"].elements.count == 1 && report["mitigations"].elements.count == 1)
            #expect(report["mitigated_after_us"].number == 2_000_000)
        }
    }

    @Test("while what was done about it is in force its report waits, and no request is looked through for it")
    func waits() async throws {
        try await Self.with { admin in
            _ = try await admin.post("drills", #"{"kind": "provider-loss", "provider": "beta", "seconds": 60, "reason": "rehearsal"}"#)
            try await Self.backdate(admin)
            _ = try await admin.row(
                """
                WITH known AS (INSERT INTO reliability.incident (key, rule, severity, provider, title, drill, began_at, opened_at, last_signal_at)
                    VALUES ('k', 'provider_health', 'page', 'beta', 'Drill', true, now() - interval '70 seconds', now() - interval '70 seconds',
                        now() - interval '50 seconds') RETURNING id)
                INSERT INTO reliability.mitigation (action, provider, incident_id, cause, mode, state, requested_by, created_at, expires_at)
                SELECT 'drain_provider', 'beta', id, 'a drill', 'automatic', 'active', 'policy', now() - interval '60 seconds', now() + interval '1 hour'
                FROM known
                """)
            _ = try await admin.row("ALTER TABLE billing.usage_event RENAME TO usage_event_away")
            try await Self.turn(admin, at: Date())
            #expect(try await admin.get("drills").json["data"][0]["state"].string == "settling")
            _ = try await admin.row("ALTER TABLE billing.usage_event_away RENAME TO usage_event")
            try await Self.turn(admin, at: Date().addingTimeInterval(DrillKeeper.patience))
            let report = try await admin.get("drills").json["data"][0]["report"]
            #expect(report["mitigations"].elements.count == 1 && report["reverted_after_us"].text == "null", "\(report)")
        }
    }

    /// What an earlier drill of a provider left: its incident, and what was done about it, which ended so many seconds ago.
    private static func left(
        _ admin: AdminFixture, provider: String = "beta", resolved: Bool, ended: Int?, pinned: Bool = false, compression: Int = 12
    ) async throws {
        _ = try await admin.row(
            """
            WITH past AS (INSERT INTO reliability.drill (kind, provider, models, compression, reason, requested_by, started_at, until_at, ended_at, end_reason,
                    report, held, reported_at)
                VALUES ('provider-loss', \(provider), '{tiny}', \(compression), 'earlier', 'test', now() - interval '200 seconds', now() - interval '160 seconds',
                    now() - interval '160 seconds', 'over', '{}', false, now() - interval '100 seconds')),
            known AS (INSERT INTO reliability.incident (key, rule, severity, provider, region, title, drill, began_at, opened_at, last_signal_at, step, resolved_at)
                VALUES ('k' || \(provider), 'provider_health', 'page', \(provider), 'eu', 'Drill', true, now() - interval '190 seconds',
                    now() - interval '190 seconds', now() - interval '20 seconds', CASE WHEN \(resolved) THEN 'resolved' ELSE 'mitigated' END,
                    CASE WHEN \(resolved) THEN now() END)
                RETURNING id)
            INSERT INTO reliability.mitigation (action, provider, region, incident_id, cause, mode, state, requested_by, created_at, expires_at, ended_at, pinned)
            SELECT 'drain_provider', \(provider), 'eu', id, 'a drill', 'automatic', CASE WHEN \(ended)::integer IS NULL THEN 'active' ELSE 'reverted' END,
                'policy', now() - interval '180 seconds', now() + interval '1 hour', now() - make_interval(secs => \(ended)), \(pinned) FROM known
            """)
    }

    private static let compressed = #"{"kind": "provider-loss", "provider": "beta", "compression": 12, "reason": "rehearsal"}"#

    @Test(
        "what an earlier drill left open, in force or just taken back is waited for, with a time", arguments: ["open", "standing", "pinned", "ended"])
    func notSettled(case name: String) async throws {
        try await Self.with { admin in
            try await Self.left(
                admin, resolved: name != "open", ended: ["open": 170, "ended": 20][name], pinned: name == "pinned")
            let refused = try await admin.post("drills", Self.compressed)
            #expect(refused.status == 409 && refused.json["error"]["code"].string == "not_settled", "\(refused.text)")
            let message = refused.json["error"]["message"].string ?? ""
            let words = [
                "open": "incident 1 of an earlier drill is open", "standing": "in force is drain provider", "pinned": "in force is drain provider",
                "ended": "taken back just now was drain provider",
            ]
            #expect(message.hasPrefix(words[name] ?? "?"), "\(message)")
            // What somebody wants to stay has no end.
            #expect(message.contains("can begin at 20") == (name != "pinned"), "\(message)")
            #expect(try await admin.row("SELECT 1 AS one FROM reliability.drill WHERE reason = 'rehearsal'") == nil)
            // Nobody needs to notice it, so that nothing spoils it.
            #expect(try await admin.post("drills", #"{"kind": "control-loss", "reason": "rehearsal"}"#).status == 201)
        }
    }

    @Test("the time of a drill that must wait is when its policy acts again: at the pace of the new one, and of others nothing is waited for")
    func settled() async throws {
        try await Self.with { admin in
            try await Self.left(admin, resolved: true, ended: 26)
            let slow = try await admin.post("drills", #"{"kind": "provider-loss", "provider": "beta", "reason": "rehearsal"}"#)
            let message = slow.json["error"]["message"].string ?? ""
            let until = try #require(message.split(separator: " ").lazy.compactMap { try? Date(String($0), strategy: .iso8601) }.first, "\(message)")
            #expect((265...280).contains(until.timeIntervalSinceNow), "300 s without compression")
            try await Self.left(admin, provider: "alpha", resolved: true, ended: 1)
            #expect(try await admin.post("drills", Self.compressed).status == 201)
        }
    }

    private static let skus: [SQL] = [
        "INSERT INTO serving.pools (name, provider, region) VALUES ('beta-us', 'beta', 'us')",
        """
        WITH host AS (INSERT INTO serving.hosts (id, name, pool, region, boot_id, certificate_not_after, link, agent_state, last_heartbeat_at)
            VALUES (gen_random_uuid(), 'far', 'beta-us', 'us', 'b', now() + interval '1 day', 'tunnel', 'serving', now()) RETURNING id)
        INSERT INTO serving.workers (host_id, runtime, release, dialect, runtime_state, slots, context_tokens, accepted, last_reported_at)
        SELECT id, 'main', 'tiny-1', 'vllm', 'ready', 4, 2048, true, now() FROM host
        """,
        """
        INSERT INTO serving.skus (name, model, tier, primary_region, backup_region, fallback_sku, prompt_price_pico_usd, completion_price_pico_usd,
            created_at)
        VALUES ('own-pro', 'own', 'pro', 'eu', NULL, NULL, 1, 1, now() - interval '1 day'),
            ('tiny-pro', 'tiny', 'pro', 'eu', 'us', 'own-pro', 1, 1, now() - interval '1 day'),
            ('tiny-far', 'tiny', 'pro', 'us', NULL, NULL, 1, 1, now() - interval '1 day')
        """,
    ]

    @Test(
        "only a fallback that served customers while the drill lasted is tried by it", arguments: ["alpha", "far", "model", "lost", "idle", "probes"])
    func fallbacks(case name: String) async throws {
        try await Self.with { admin in
            _ = try await admin.tenant()
            for statement in Self.skus { _ = try await admin.row(statement) }
            _ = try await admin.post(
                "drills", #"{"kind": "provider-loss", "provider": "beta", "region": "eu", "seconds": 60, "reason": "rehearsal"}"#)
            try await Self.backdate(admin)
            try await Self.noticed(admin)
            try await Self.requests(admin, 20, ago: 200)
            switch name {
            case "alpha": try await Self.requests(admin, 12)
            case "far":
                try await Self.requests(admin, 12, provider: "beta")
                _ = try await admin.row(
                    """
                    UPDATE billing.usage_event SET worker_id = (SELECT worker.id FROM serving.workers AS worker JOIN serving.hosts ON hosts.id = host_id
                        WHERE hosts.pool = 'beta-us')
                    """)
            case "model":
                _ = try await admin.row(
                    """
                    INSERT INTO reliability.mitigation (action, tier, model, to_model, cause, mode, state, requested_by, created_at, expires_at)
                    VALUES ('fallback_model', 'pro', 'tiny', 'own', 'a drill', 'automatic', 'active', 'policy', now() - interval '65 seconds',
                        now() + interval '1 hour')
                    """)
                try await Self.requests(admin, 12, model: "own")
                try await Self.requests(admin, 8, ago: 70, model: "own")
                try await Self.requests(admin, 12, outcome: "bad:5xx", ago: 200)
                try await Self.requests(admin, 10, outcome: "excluded:client_4xx")
            case "lost": try await Self.requests(admin, 12, provider: "beta")
            case "probes": try await Self.requests(admin, 12, key: try await Self.probeKey(admin))
            default: break
            }
            try await Self.turn(admin, at: Date())
            let report = try await admin.get("drills").json["data"][0]["report"]
            let uses = report["fallbacks"].elements
            let use = uses[0]
            #expect(uses.compactMap { $0["sku"].string } == ["tiny-pro"], "\(report)")
            let counts = ["other_provider", "backup_region", "fallback_model"].map { use[$0].text }
            let expected = ["alpha": ["12", "0", "0"], "far": ["0", "12", "0"], "model": ["0", "0", "12"]][name] ?? ["0", "0", "0"]
            #expect(counts == expected, "\(use)")
            let tried = try await admin.get("fallback-drills?sku=tiny-pro").json["data"].elements
            #expect(tried.count == (counts == ["0", "0", "0"] ? 0 : 1) && tried.allSatisfy { $0["held"].text == "true" }, "\(report)")
        }
    }

    @Test("what customers lost is told as parts of budgets, and what the drill's own load lost is in none")
    func budgets() async throws {
        try await Self.with { admin in
            _ = try await admin.tenant()
            _ = try await admin.post("drills", #"{"kind": "provider-loss", "provider": "beta", "seconds": 60, "reason": "rehearsal"}"#)
            // From the middle of a minute to the middle of the one after the next: one whole minute between them.
            _ = try await admin.row(
                """
                UPDATE reliability.drill SET started_at = date_trunc('minute', now()) - interval '210 seconds',
                    until_at = date_trunc('minute', now()) - interval '90 seconds'
                """)
            func told(_ ago: Int, good: Int, bad: Int, drill: Bool, region: String = "eu") async throws {
                _ = try await admin.row(
                    """
                    INSERT INTO reliability.minute (tenant_id, model, region, minute_at, gateway_id, boot_id, sequence, tier, outcomes, good, bad, excluded,
                        first_token_samples, first_token_over, prompt_tokens, completion_tokens, rate_limited, disconnects, first_token_histogram, drill)
                    SELECT id, 'tiny', \(region), date_trunc('minute', now()) - make_interval(mins => \(ago)), gen_random_uuid(), 'b', 1, 'pro', '{}', \(good),
                        \(bad), 0, 0, 0, 0, 0, 0, 0, '{}', \(drill) FROM serving.tenants LIMIT 1
                    """)
            }
            try await told(4, good: 100, bad: 0, drill: false)
            try await told(3, good: 100, bad: 50, drill: false)
            try await told(3, good: 0, bad: 50, drill: true)
            try await told(2, good: 0, bad: 50, drill: true)
            try await told(2, good: 0, bad: 50, drill: false, region: "us")
            try await Self.turn(admin, at: Date())
            let report = try await admin.get("drills").json["data"][0]["report"]
            let parts = report["budgets"].elements
            #expect(parts.count == 1 && parts[0]["tier"].string == "pro" && parts[0]["region"].string == "eu", "\(report)")
            #expect(parts[0]["bad_minutes"].text == "1" && report["bad_minutes"].text == "1")
            let allowed = try #require(parts[0]["allowed_minutes"].string.flatMap(Double.init))
            let percent = try #require(parts[0]["percent"].string.flatMap(Double.init))
            #expect((40.0...44.7).contains(allowed) && (2.2...2.5).contains(percent), "a minute of a month of 99.9 %")
        }
    }
}
