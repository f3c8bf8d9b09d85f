import Domain
import FoundationEssentials
import Postgres
import TestSupport
import Testing

@testable import ControlPlane

/// When a provider is held to be what fails, and what is done then.
@Suite struct ProviderTroubleTests {
    private let start = Date(timeIntervalSince1970: (Date().timeIntervalSince1970 / 60).rounded(.down) * 60)
    private let second = UUID()

    /// Alpha has two workers, beta one.
    private func with(_ body: (IncidentWorld) async throws -> Void) async throws {
        try await IncidentWorld.with { world in
            let host = UUID()
            _ = try await world.world.pool.pipeline([
                "INSERT INTO serving.hosts (id, name, pool, region, boot_id) VALUES (\(host), 'second', 'llama', 'eu', 'b')",
                """
                INSERT INTO serving.workers (id, host_id, runtime, release, dialect, runtime_state, slots, context_tokens, accepted, load)
                VALUES (\(second), \(host), 'main', 'tiny-1', 'vllm', 'ready', 4, 2048, TRUE, '{"running": 1}')
                """,
            ])
            try await body(world)
        }
    }

    private func turn(_ world: IncidentWorld, _ now: Date, out: [UUID?]) async throws {
        let lost = out.compactMap { $0.map { "\"\($0.lowercased)\": \"lost\"" } }.joined(separator: ",")
        _ = try await world.world.pool.pipeline([
            "UPDATE serving.hosts SET last_heartbeat_at = \(now)",
            "UPDATE serving.gateways SET workers_out = \("{\(lost)}")::jsonb, workers_out_at = \(now) WHERE id = \(world.gateway)",
        ])
        try await world.keeper.turn(at: now)
    }

    private let done: SQL = "SELECT action FROM reliability.mitigation WHERE mode = 'automatic' ORDER BY created_at, action"
    private let found: SQL = "SELECT rule FROM reliability.incident ORDER BY opened_at, rule"

    @Test func `one lost worker of two is drained alone, and its provider when the other one is lost too`() async throws {
        try await with { world in
            let first = world.workers["alpha"]
            for offset in [0.0, 1, 2, 3] { try await turn(world, start + offset, out: [first]) }
            #expect(try await world.rows(found) == ["(worker_health)"])
            #expect(try await world.rows(done) == ["(drain_worker)"])
            for offset in [40.0, 41, 42] { try await turn(world, start + offset, out: [first, second]) }
            #expect(try await world.rows(found) == ["(worker_health)", "(provider_health)"])
            #expect(try await world.rows(done) == ["(drain_worker)", "(drain_provider)"])
        }
    }

    private let actions: SQL = """
        SELECT action, provider, mode, state FROM reliability.mitigation WHERE action LIKE '%provider' OR action LIKE '%worker' ORDER BY created_at, action
        """

    @Test func `a provider whose workers all fail where another's do not is drained, and a person is asked to review it`() async throws {
        try await with { world in
            for worker in [world.workers["alpha"], second] { try await world.requests(60, failed: 30, worker: worker, release: "tiny-1", at: start) }
            try await world.requests(100, failed: 1, worker: world.workers["beta"], release: "tiny-1", at: start)
            try await world.minute(start, good: 80, errors: 20)
            for offset in [10.0, 11] { try await world.turn(start + offset) }
            #expect(try await world.rows(found) == ["(server_errors)"])
            #expect(try await world.rows(actions) == ["(drain_provider,alpha,automatic,active)", "(review_provider,alpha,proposal,proposed)"])
            let told = try await world.rows("SELECT text FROM reliability.incident_event WHERE detail ->> 'provider' = 'alpha'")
            #expect(told.count == 1 && told[0].contains("60 of 120 answers failed") && told[0].contains("of others 1 of 100"), "\(told)")
            let snapshot = try await world.one("SELECT snapshot ->> 'suspect_provider' AS one FROM reliability.incident")
            #expect(snapshot == "alpha")
            let id = try #require(UUID(uuidString: try await world.one("SELECT id::text AS one FROM reliability.incident") ?? ""))
            let draft = try await PostmortemDraft(reliability: world.world.pool).make(id, until: start + 60).document
            #expect(draft.contains("The workers of one source of capacity were worse than the others.") && !draft.contains("alpha"), "\(draft)")
        }
    }

    private func culprits(_ world: IncidentWorld) async throws -> CulpritReader.Findings? {
        let pool = world.world.pool
        return try await CulpritReader(serving: pool, billing: pool, reliability: pool, now: start).read(["tiny"])["tiny"]
    }

    @Test func `a provider with a worker that is as good as others' is not what fails, nor is one of two that do`() async throws {
        try await with { world in
            try await world.requests(60, failed: 30, worker: world.workers["alpha"], release: "tiny-1", at: start)
            try await world.requests(60, failed: 1, worker: second, release: "tiny-1", at: start)
            try await world.requests(100, failed: 1, worker: world.workers["beta"], release: "tiny-1", at: start)
            let found = try #require(try await culprits(world))
            #expect(found.providers.isEmpty && found.workers["eu"]?.name == world.workers["alpha"]?.lowercased)
        }
        try await with { world in
            for worker in [world.workers["alpha"], second, world.workers["beta"]] {
                try await world.requests(60, failed: 30, worker: worker, release: "tiny-1", at: start)
            }
            let found = try #require(try await culprits(world))
            #expect(found.providers.isEmpty && found.workers.isEmpty)
        }
    }
}
