import Postgres
import TestSupport
import Testing

/// A name that was given up is free again, and nothing of what had it before is left.
@Suite struct AdminNamesTests {
    @Test func `a deleted thing may be made again under its name, as new`() async throws {
        try await AdminFixture.run { admin in
            let first = try await admin.post("tiers", AdminFixture.tier())
            _ = try await admin.patch("tiers/pro", "{\"monthly_minimum_micro_usd\": 5}")
            #expect(try await admin.post("tiers", AdminFixture.tier()).json["error"]["param"].string == "name")
            #expect(try await admin.delete("tiers/pro").status == 200)
            let second = try await admin.post("tiers", AdminFixture.tier())
            #expect(second.status == 201)
            #expect(second.json["monthly_minimum_micro_usd"].number == 0)
            #expect(second.json["id"] != first.json["id"])
            #expect(try await admin.get("tiers").json["data"].elements.count == 1)
        }
    }

    @Test func `models, releases, providers and pools come back with a whole weight and no old requirement`() async throws {
        try await AdminFixture.run { admin in
            let things = [
                ("providers", "alpha", "{\"name\": \"alpha\", \"display_name\": \"Alpha\", \"kind\": \"independent\"}"),
                ("pools", "alpha-eu", "{\"name\": \"alpha-eu\", \"provider\": \"alpha\", \"region\": \"eu\"}"),
                ("models", "tiny", "{\"name\": \"tiny\", \"display_name\": \"Tiny\", \"context_tokens\": 2048}"),
                ("releases", "tiny-q8", "{\"name\": \"tiny-q8\", \"model\": \"tiny\"}"),
            ]
            for (path, _, body) in things { #expect(try await admin.post(path, body).status == 201) }
            _ = try await admin.patch("releases/tiny-q8", "{\"min_memory_bytes\": 7}")
            for (scope, subject) in [("pool", "alpha-eu"), ("release", "tiny-q8")] {
                let body = "{\"scope\": \"\(scope)\", \"subject\": \"\(subject)\", \"weight_ppm\": 5, \"reason\": \"testing\"}"
                _ = try await admin.post("routing-weights", body)
            }
            for (path, name, _) in things.reversed() { #expect(try await admin.delete("\(path)/\(name)").status == 200) }
            for (path, _, body) in things { #expect(try await admin.post(path, body).status == 201) }
            #expect(try await admin.get("releases/tiny-q8").json["weight_ppm"].number == 1_000_000)
            #expect(try await admin.get("releases/tiny-q8").json["min_memory_bytes"].number == 0)
            let weight: SQL = "SELECT weight_ppm FROM serving.current_routing_weights WHERE scope = 'pool' AND subject = 'alpha-eu'"
            #expect(try await admin.row(weight)?.value("weight_ppm") == 1_000_000)
        }
    }
}
