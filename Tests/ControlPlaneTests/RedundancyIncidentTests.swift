import FoundationEssentials
import Postgres
import TestSupport
import Testing

@testable import ControlPlane

/// What must stand behind what is sold, and what becomes of it when it goes.
@Suite struct RedundancyIncidentTests {
    private let start = Date(timeIntervalSince1970: (Date().timeIntervalSince1970 / 60).rounded(.down) * 60)

    @Test func `what an override excused is no incident, what was there since and is lost is one`() async throws {
        try await IncidentWorld.with { world in
            try await world.world.pool.execute(
                """
                INSERT INTO serving.skus (name, model, tier, primary_region, backup_region, prompt_price_pico_usd, completion_price_pico_usd, state,
                    override_reason, override_requested_by, override_approved_by)
                VALUES ('sold', 'tiny', 'business', 'eu', 'us', 1, 1, 'active', 'demonstration', 'token:a', 'token:b')
                """)
            let incidents: SQL = "SELECT rule, tier, model, region FROM reliability.incident WHERE rule = 'redundancy'"
            try await world.turn(start)
            #expect(try await world.rows(incidents).isEmpty, "its backup region never had a worker")
            #expect(try await world.rows("SELECT sku, aspect FROM reliability.sku_standing") == ["(sold,providers)"])
            try await world.turn(start + 6, out: ["alpha"])
            #expect(try await world.rows(incidents) == ["(redundancy,business,tiny,eu)"])
            let words = try await world.one("SELECT string_agg(text, ' ') AS one FROM reliability.incident_event")
            #expect(
                words?.contains("fewer than two providers serve tiny") == true && words?.contains("sold by an override") == true, "\(words ?? "")")
            #expect(words?.contains("backup") == false)
        }
    }

    @Test func `a backup region without a worker is an incident of what was sold on proof`() async throws {
        try await IncidentWorld.with { world in
            try await world.world.pool.execute(
                """
                INSERT INTO serving.skus (name, model, tier, primary_region, backup_region, prompt_price_pico_usd, completion_price_pico_usd, state)
                VALUES ('sold', 'tiny', 'business', 'eu', 'us', 1, 1, 'active')
                """)
            try await score(world, ["alpha", "beta"])
            try await world.turn(start)
            let words = try await world.one("SELECT string_agg(text, ' ') AS one FROM reliability.incident_event")
            #expect(words?.contains("no worker of tiny lives in its backup region us") == true, "\(words ?? "")")
            #expect(words?.contains("fewer than two providers") == false)
        }
    }

    /// These may serve tiers with a promise; the others fell below it.
    private func score(_ world: IncidentWorld, _ admitted: [String]) async throws {
        try await world.world.pool.execute(
            """
            INSERT INTO reliability.provider_score (provider, computed_at, points, availability, latency, preemption, price, success, probes, clean_probes,
                losses, undrained_losses, admitted, admitted_changed_at)
            SELECT name, now(), 80, 1, 1, 1, 1, 1, 1000, 30, 0, 0, name = ANY(\(admitted)::text[]), now() FROM serving.providers
            ON CONFLICT (provider) DO UPDATE SET admitted = EXCLUDED.admitted
            """)
    }

    /// On proof: with two providers of a good score, workers in its backup region, another model that stands in for it, and a drill of that.
    private func sell(_ world: IncidentWorld) async throws {
        _ = try await world.world.pool.pipeline([
            "INSERT INTO serving.models (name, display_name, context_tokens) VALUES ('small', 'Small', 2048)",
            "INSERT INTO serving.releases (name, model) VALUES ('small-1', 'small')",
            """
            INSERT INTO serving.workers (id, host_id, runtime, release, dialect, runtime_state, slots, context_tokens, accepted)
            SELECT gen_random_uuid(), host_id, 'second', 'small-1', 'vllm', 'ready', 4, 2048, TRUE FROM serving.workers WHERE id = \(world.workers["alpha"])
            """,
            """
            WITH host AS (INSERT INTO serving.hosts (id, name, pool, region, boot_id)
                VALUES (gen_random_uuid(), 'elsewhere', 'llama', 'us', 'b') RETURNING id)
            INSERT INTO serving.workers (id, host_id, runtime, release, dialect, runtime_state, slots, context_tokens, accepted)
            SELECT gen_random_uuid(), id, 'main', 'tiny-1', 'vllm', 'ready', 4, 2048, TRUE FROM host
            """,
            """
            INSERT INTO serving.skus (name, model, tier, primary_region, prompt_price_pico_usd, completion_price_pico_usd, state)
            VALUES ('small-business', 'small', 'business', 'us', 1, 1, 'draft')
            """,
            """
            INSERT INTO serving.skus (name, model, tier, primary_region, backup_region, fallback_sku, prompt_price_pico_usd, completion_price_pico_usd,
                state)
            VALUES ('tiny-business', 'tiny', 'business', 'eu', 'us', 'small-business', 1, 1, 'active')
            """,
            "INSERT INTO reliability.fallback_drill (sku, held, reason, actor) VALUES ('tiny-business', TRUE, 'test of it', 'test')",
        ])
        try await score(world, ["alpha", "beta"])
    }

    private func words(_ world: IncidentWorld) async throws -> String {
        try await world.one("SELECT coalesce(string_agg(text, ' '), '') AS one FROM reliability.incident_event WHERE kind = 'opened'") ?? ""
    }

    @Test func `a fallback whose drill is older than thirty days is an incident, for what an override sold only once it was drilled`() async throws {
        try await IncidentWorld.with { world in
            try await sell(world)
            let pool = world.world.pool
            try await pool.execute("UPDATE serving.skus SET override_reason = 'demonstration' WHERE name = 'tiny-business'")
            try await world.turn(start)
            #expect(try await world.rows("SELECT rule FROM reliability.incident").isEmpty)
            #expect(
                try await world.rows("SELECT aspect FROM reliability.sku_standing ORDER BY aspect") == [
                    "(backup)", "(drill)", "(fallback)", "(providers)", "(scores)",
                ])
            try await pool.execute("UPDATE reliability.fallback_drill SET at = at - interval '31 days'")
            try await world.turn(start + 6)
            #expect(try await words(world).contains("no drill of its fallback held within 30 days; it is sold by an override"))
        }
    }

    @Test func `a fallback that is gone is an incident: its SKU, or the last worker of its model`() async throws {
        try await IncidentWorld.with { world in
            try await sell(world)
            try await world.turn(start)
            try await world.world.pool.execute("UPDATE serving.workers SET retired_at = now() WHERE release = 'small-1'")
            try await world.turn(start + 6)
            #expect(try await words(world) == "no worker of its fallback small lives")
        }
        try await IncidentWorld.with { world in
            try await sell(world)
            try await world.turn(start)
            try await world.world.pool.execute("UPDATE serving.skus SET state = 'deleted', deleted_at = now() WHERE name = 'small-business'")
            try await world.turn(start + 6)
            #expect(try await words(world) == "the SKU that is its fallback is gone, or none is named")
        }
    }

    @Test func `a paid service that has fewer than two providers left is an incident`() async throws {
        try await IncidentWorld.with { world in
            try await sell(world)
            try await world.turn(start)
            #expect(try await world.rows("SELECT rule FROM reliability.incident").isEmpty)
            try await world.turn(start + 1, out: ["beta"])
            #expect(try await world.rows("SELECT rule, tier, severity FROM reliability.incident") == ["(redundancy,business,ticket)"])
        }
    }

    @Test func `a provider that serves on with too low a score stands behind nothing that is sold with a promise`() async throws {
        try await IncidentWorld.with { world in
            try await sell(world)
            try await world.turn(start)
            #expect(try await world.rows("SELECT rule FROM reliability.incident").isEmpty)
            try await score(world, ["alpha"])
            try await world.turn(start + 6)
            #expect(try await words(world) == "fewer than two providers with a good score serve tiny")
            try await score(world, [])
            try await world.turn(start + 12)
            #expect(
                try await world.rows("SELECT resolved_at IS NULL, last_signal_at = \(start + 12)::timestamptz FROM reliability.incident") == ["(t,t)"]
            )
        }
    }
}
