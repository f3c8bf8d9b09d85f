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
            try await world.turn(start)
            let words = try await world.one("SELECT string_agg(text, ' ') AS one FROM reliability.incident_event")
            #expect(words?.contains("no worker of tiny lives in its backup region us") == true, "\(words ?? "")")
            #expect(words?.contains("fewer than two providers") == false)
        }
    }

    @Test func `a paid service that has fewer than two providers left is an incident`() async throws {
        try await IncidentWorld.with { world in
            try await world.world.pool.execute(
                """
                INSERT INTO serving.skus (name, model, tier, primary_region, backup_region, prompt_price_pico_usd, completion_price_pico_usd, state)
                VALUES ('tiny-business', 'tiny', 'business', 'us', 'eu', 1, 1, 'active')
                """)
            try await world.turn(start)
            #expect(try await world.rows("SELECT rule FROM reliability.incident").isEmpty)
            try await world.turn(start + 1, out: ["beta"])
            #expect(try await world.rows("SELECT rule, tier, severity FROM reliability.incident") == ["(redundancy,business,ticket)"])
        }
    }
}
