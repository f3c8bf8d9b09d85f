import Domain
import PlimsollWire
import Postgres
import TestSupport
import Testing

@testable import ControlPlane

/// A tier that shares its capacity is protected while a contract gives credits for it.
@Suite struct PromisedTierTests {
    /// Acme is of the tier pro, which shares, and wants tiny in eu.
    private func shared(_ body: @Sendable (AdminFixture) async throws -> Void) async throws {
        try await AdminFixture.run { admin in
            try await PromiseFixture.prepare(admin)
            #expect(try await admin.patch("tiers/pro", #"{"capacity_policy": "shared"}"#).status == 200)
            try await PromiseFixture.measure(admin)
            try await body(admin)
        }
    }

    /// As gateways are told, and as those who mitigate see it.
    private func protected(_ admin: AdminFixture) async throws -> [Bool?] {
        try await admin.database.withPool { pool in
            try await pool.transaction { connection in
                let told = try await TableFacts.read(connection, trustDomain: "test").tiers.first { $0.name == "pro" }?.queue?.isProtected
                let offer = try await FleetReader.offer { try await connection.pipeline($0) }
                return [told, offer.tiers.first { $0.name == "pro" }?.isProtected]
            }
        }
    }

    @Test func `a contract with credits protects a shared tier until it ends`() async throws {
        try await shared { admin in
            #expect(try await protected(admin) == [false, false])
            #expect(try await PromiseFixture.terms(admin).status == 201)
            #expect(try await protected(admin) == [false, false], "terms are no contract")
            #expect(try await PromiseFixture.agree(admin).json["state"].string == "active")
            #expect(try await protected(admin) == [true, true])
            _ = try await admin.row("UPDATE reliability.agreement SET state = 'proposed' RETURNING 1")
            #expect(try await protected(admin) == [false, false])
            _ = try await admin.row("UPDATE reliability.agreement SET state = 'ended', ends_at = starts_at + interval '1 day' RETURNING 1")
            #expect(try await protected(admin) == [true, true], "it is in force until then")
            _ = try await admin.row(
                """
                UPDATE reliability.agreement SET starts_at = date_trunc('minute', now()) - interval '2 days', ends_at = date_trunc('minute', now())
                RETURNING 1
                """)
            #expect(try await protected(admin) == [false, false])
        }
    }

    @Test func `a contract that gives nothing back protects nobody`() async throws {
        try await shared { admin in
            let nothing = #", "credit_step_percent": 0, "latency_credit_percent": 0"#
            let made = try await PromiseFixture.terms(admin, nothing)
            #expect(made.status == 201, "\(made.text)")
            #expect(try await PromiseFixture.agree(admin).json["state"].string == "active")
            #expect(try await protected(admin) == [false, false])
        }
    }

    @Test func `a SKU of a shared tier is sold on proof once a contract gives credits for the tier`() async throws {
        try await shared { admin in
            let sku = #""model": "tiny", "tier": "pro", "primary_region": "eu", "prompt_price_pico_usd": 1, "completion_price_pico_usd": 1"#
            #expect(try await admin.post("skus", "{\"name\": \"s\", \(sku)}").status == 201)
            #expect(try await PromiseFixture.terms(admin).status == 201)
            #expect(try await PromiseFixture.agree(admin).json["state"].string == "active")
            let refused = try await admin.patch("skus/s", #"{"state": "active"}"#)
            #expect(refused.status == 409 && refused.text.contains("two providers with a good score"), "\(refused.text)")
            _ = try await admin.row(
                """
                UPDATE reliability.agreement SET starts_at = date_trunc('minute', now()) - interval '2 days', ends_at = date_trunc('minute', now())
                RETURNING 1
                """)
            #expect(try await admin.patch("skus/s", #"{"state": "active"}"#).status == 200)
        }
    }
}
