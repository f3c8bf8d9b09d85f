import Domain
import FoundationEssentials
import HTTPWire
import Postgres
import TestSupport
import Testing

@testable import ControlPlane

/// What is known when an incident opens, as it is kept.
@Suite struct DiagnosisTests {
    private let start = Date(timeIntervalSince1970: (Date().timeIntervalSince1970 / 60).rounded(.down) * 60)

    private func tokens(_ world: IncidentWorld, _ tenant: UUID, _ tokens: Int, at second: Double) async throws {
        try await world.minute(start + second, good: 10, tenant: tenant)
        try await world.world.pool.execute(
            "UPDATE reliability.minute SET completion_tokens = \(tokens) WHERE tenant_id = \(tenant) AND minute_at = \(start + second)")
    }

    @Test func `a snapshot has accelerators with headroom, caches, queues, who sends how much, and no secrets`() async throws {
        try await IncidentWorld.with { world in
            let (pool, loud, usual) = (world.world.pool, UUID(), UUID())
            _ = try await pool.pipeline([
                """
                UPDATE serving.hosts SET inventory = '{"accelerators": [{"name": "L4", "utilization": 93, "memory_bytes": 24000000000,
                    "memory_used_bytes": 23000000000, "temperature_celsius": 71}]}' WHERE name = 'host-of-alpha'
                """,
                """
                UPDATE serving.workers SET load = '{"running": 4, "waiting": 9, "kv_used_ratio": 0.97, "errors_total": 12}',
                    accepted = FALSE, refusal = 'CUDA error for bob.miller@example.com', log_tail_at = \(start - 60),
                    log_tail = jsonb_build_array('out of memory ' || repeat('.', 400) || ' at the end')
                WHERE id = \(world.workers["alpha"])
                """,
            ])
            for minute in [-840.0, -600, -400] {
                try await tokens(world, usual, 500, at: (minute / 60).rounded() * 60)
                try await tokens(world, loud, 600, at: (minute / 60).rounded() * 60)
            }
            try await tokens(world, usual, 800, at: -60)
            try await tokens(world, loud, 9_000, at: -60)
            let text = try await DiagnosisReader(serving: pool, reliability: pool, now: start).read(
                IncidentKey(.queueTime, tier: "business", model: "tiny", region: "eu"))
            let snapshot = try JSONValue.parse(text)
            let workers = snapshot["fleet"]?["workers"]?.array ?? []
            #expect(workers.count == 2)
            let alpha = try #require(workers.first { $0["worker"]?.string == world.workers["alpha"]?.lowercased })
            let device = alpha["accelerators"]?.array?.first
            #expect(device?["utilization_percent"] == .integer(93) && device?["memory_headroom_bytes"] == .integer(1_000_000_000))
            #expect(alpha["waiting"] == .integer(9) && alpha["errors_total"] == .integer(12) && alpha["model"]?.string == "tiny")
            #expect(snapshot["noisy_tenant"]?.string == loud.lowercased)
            let senders = (snapshot["traffic"]?["tenants"]?.array ?? []).compactMap { $0["tenant"]?.string }
            #expect(senders == [loud.lowercased, usual.lowercased], "of five minutes, the greatest first")
            #expect(snapshot["traffic"]?["minutes"]?.array?.count == 4)
            let messages = (snapshot["runtime_messages"]?.array ?? []).compactMap { $0["text"]?.string }
            #expect(messages.count == 1 && messages[0].contains("CUDA error for") && !text.contains("bob.miller"), "\(messages)")
            #expect(text.contains("out of memory") && !text.contains("at the end"), "lines are shown cut")
        }
    }

    @Test func `a snapshot has how long requests waited for a worker, and of drills nothing`() async throws {
        try await IncidentWorld.with { world in
            let (pool, drilled) = (world.world.pool, UUID())
            for (tenant, bucket, isDrill) in [(UUID(), 1_000_000, false), (UUID(), 2_000, false), (drilled, 9_000_000, true)] {
                try await world.minute(start - 60, good: 50, tenant: tenant, drill: isDrill)
                try await pool.execute(
                    """
                    UPDATE reliability.minute SET completion_tokens = CASE WHEN drill THEN 50000 ELSE 500 END,
                        queue_histogram = jsonb_build_object(\(LatencyHistogram.index(of: Int64(bucket)))::text, 50) WHERE tenant_id = \(tenant)
                    """)
            }
            let key = IncidentKey(.queueTime, tier: "business", model: "tiny", region: "eu")
            let snapshot = try JSONValue.parse(try await DiagnosisReader(serving: pool, reliability: pool, now: start).read(key))
            let waits = snapshot["queue_time"]
            #expect(waits?["requests"] == .integer(100))
            #expect(waits?["median_microseconds"]?.integer.map { (2_000...2_016).contains($0) } == true, "\(waits?["median_microseconds"] ?? .null)")
            #expect(waits?["p95_microseconds"]?.integer.map { (1_000_000...1_007_813).contains($0) } == true)
            #expect(snapshot["noisy_tenant"] == nil && snapshot["traffic"]?["tenants"]?.array?.count == 2)
        }
    }

    @Test func `hosts that say as much as they may keep no incident from being opened, and the worker that it is about is there`() async throws {
        try await IncidentWorld.with { world in
            let pool = world.world.pool
            _ = try await pool.pipeline([
                """
                UPDATE serving.hosts SET inventory = jsonb_build_object('accelerators',
                    (SELECT jsonb_agg(jsonb_build_object('name', repeat('x', 700), 'memory_bytes', 1)) FROM generate_series(1, 64)))
                """,
                """
                INSERT INTO serving.workers (host_id, runtime, release, dialect, runtime_state, slots, context_tokens, accepted, log_tail, log_tail_at)
                SELECT host_id, 'r' || place, 'tiny-1', 'vllm', 'ready', 4, 2048, TRUE,
                    (SELECT jsonb_agg(repeat('y', 900)) FROM generate_series(1, 20)), \(start)
                FROM serving.workers, generate_series(1, 230) AS place WHERE runtime = 'main'
                """,
            ])
            for second in [0.0, 1] { try await world.turn(start + second, out: ["alpha"]) }
            #expect(try await world.rows("SELECT rule FROM reliability.incident") == ["(worker_health)"])
            let kept = try await world.one(
                "SELECT jsonb_path_query_array(snapshot, '$.fleet.workers[*].worker')::text AS one FROM reliability.incident")
            #expect(kept?.contains(world.workers["alpha"]?.lowercased ?? "?") == true, "beside 230 others of its provider")
            #expect(try await world.one("SELECT snapshot #>> '{fleet,out,0,workers}' AS one FROM reliability.incident")?.contains("lost") == true)
        }
    }

    @Test func `nobody is noisy who is alone, was as loud before, or sends little`() async throws {
        try await IncidentWorld.with { world in
            let (loud, usual) = (UUID(), UUID())
            func noisy() async throws -> JSONValue? {
                let pool = world.world.pool
                let key = IncidentKey(.queueTime, model: "tiny", region: "eu")
                return try JSONValue.parse(try await DiagnosisReader(serving: pool, reliability: pool, now: start).read(key))["noisy_tenant"]
            }
            try await tokens(world, loud, 9_000, at: -60)
            #expect(try await noisy() == nil, "alone")
            try await tokens(world, usual, 100, at: -60)
            #expect(try await noisy()?.string == loud.lowercased)
            try await tokens(world, loud, 9_000, at: -600)
            #expect(try await noisy() == nil, "as before")
            try await world.world.pool.execute(
                "UPDATE reliability.minute SET prompt_tokens = 1, completion_tokens = 100 WHERE minute_at > \(start - 300)")
            try await world.world.pool.execute(
                "UPDATE reliability.minute SET completion_tokens = 900 WHERE tenant_id = \(loud) AND minute_at > \(start - 300)")
            #expect(try await noisy() == nil, "little")
        }
    }
}
