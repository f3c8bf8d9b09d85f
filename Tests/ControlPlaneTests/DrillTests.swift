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

    private static func with(_ body: @Sendable (AdminFixture) async throws -> Void) async throws {
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
                (#"{"kind": "worker-loss", "worker": "w", "reason": "why"}"#, "worker"), (#"{"kind": "worker-loss"}"#, "reason"),
                (#"{"kind": "provider-loss", "provider": "gamma", "reason": "why"}"#, "kind"),
            ] {
                let answer = try await admin.post("drills", body)
                #expect(answer.status == 400 && answer.text.contains("\"\(param)\""), "\(body)")
            }
        }
    }

    @Test("once its time is over and counts have come in, what it has shown is written down, once")
    func report() async throws {
        try await Self.with { admin in
            let begun = try await admin.post("drills", #"{"kind": "provider-loss", "provider": "beta", "seconds": 60, "reason": "rehearsal"}"#)
            let id = try #require(begun.json["id"].string)
            // Seen as it would have been a while ago, so that what was measured lies in the past.
            _ = try await admin.row(
                "UPDATE reliability.drill SET started_at = now() - interval '80 seconds', until_at = now() - interval '20 seconds'")
            for (outcome, attempts, age) in [("good", 1, 70), ("good", 2, 60), ("excluded:client_4xx", 1, 50), ("bad:5xx", 1, 200)] {
                _ = try await admin.row(
                    """
                    INSERT INTO billing.usage_event (tenant_id, request_id, accepted_at, key_id, tier, model, region, gateway_id, boot_id, sequence,
                        stream, status, outcome, finished_after_us, queued_for_us, prompt_tokens, cached_prompt_tokens, completion_tokens,
                        reasoning_tokens, billable_prompt_tokens, billable_completion_tokens, estimated, attempts, payload_sha256)
                    VALUES (gen_random_uuid(), gen_random_uuid(), now() - make_interval(secs => \(age)), gen_random_uuid(), 'pro', 'tiny', 'eu',
                        gen_random_uuid(), 'b', \(age), false, 200, \(outcome), 1, 0, 1, 0, 1, 0, 1, 1, false, \(attempts), sha256('x'))
                    """)
            }
            _ = try await admin.row(
                """
                INSERT INTO reliability.probe (id, at, kind, worker_id, model, region, succeeded, fault, status, drill)
                VALUES (gen_random_uuid(), now() - interval '68 seconds', 'worker', gen_random_uuid(), 'tiny', 'eu', false, 'host', 0, true)
                """)
            try await Self.turn(admin, at: Date())
            let report = try await admin.get("drills/\(id)").json
            #expect(report["state"].string == "held", "\(report)")
            #expect(report["report"]["requests"].number == 3 && report["report"]["requests_lost"].number == 0)
            #expect(report["report"]["requests_moved"].number == 1 && report["report"]["detected_by"].string == "probe")
            let detected = try #require(report["report"]["detected_after_us"].number)
            #expect((11_000_000...30_000_000).contains(detected))
            _ = try await admin.row("UPDATE billing.usage_event SET outcome = 'bad:5xx'")
            try await Self.turn(admin, at: Date())
            #expect(try await admin.get("drills/\(id)").json["state"].string == "held", "written once")
        }
    }

    @Test("a request that was lost, or a drill that nobody noticed, is no success")
    func failed() async throws {
        try await Self.with { admin in
            _ = try await admin.post("drills", #"{"kind": "worker-loss", "seconds": 60, "reason": "rehearsal"}"#)
            try await Self.turn(admin, at: Date().addingTimeInterval(61))
            #expect(try await admin.get("drills").json["data"][0]["state"].string == "settling", "counts are still coming in")
            try await Self.turn(admin, at: Date().addingTimeInterval(80))
            let drill = try await admin.get("drills").json["data"][0]
            #expect(drill["state"].string == "failed" && drill["report"]["failures"].elements.compactMap(\.string) == ["nobody noticed it"])
        }
    }
}
