import FoundationEssentials
import Logging
import PlimsollWire
import Postgres
import TestSupport
import Testing

@testable import ControlPlane

@Suite struct AbuseTests {
    private func rule(_ name: String, _ kind: String, _ pattern: String, _ rest: String = "") -> String {
        #"{"name":"\#(name)","kind":"\#(kind)","pattern":"\#(pattern)","action":"refuse"\#(rest)}"#
    }

    @Test(arguments: [
        ("expression", "(a", "never closed"), ("expression", "(?=a)", "look-ahead"), ("address", "192.0.2.1/24", "range such as"),
        ("expression", "((a{100}){100}){100}", "too large"),
    ])
    func aPatternThatCannotBeCompiledIsRefusedWithItsPlace(kind: String, pattern: String, message: String) async throws {
        try await AdminFixture.run { admin in
            let answer = try await admin.post("rules", rule("bad", kind, pattern))
            #expect(answer.status == 400 && answer.text.contains(message) && answer.text.contains(#""param":"pattern""#), "\(answer.text)")
            #expect(try await admin.get("rules").json["data"].elements.isEmpty)
        }
    }

    @Test func aChangeOfARuleIsCheckedToo() async throws {
        try await AdminFixture.run { admin in
            let made = try await admin.post("rules", rule("one", "expression", "a+"))
            #expect(made.status == 201)
            #expect(try await admin.patch("rules/one", #"{"pattern":"(b"}"#).status == 400)
            #expect(try await admin.get("rules/one").json["pattern"].string == "a+")
            #expect(try await admin.patch("rules/one", #"{"state":"paused"}"#).status == 200)
            #expect(try await admin.delete("rules/one").status == 200)
        }
    }

    @Test func rulesAndAddressesReachTheTable() async throws {
        try await PeerWorld.with { world in
            try await world.pool.execute(
                """
                WITH tenant AS (
                    INSERT INTO serving.tenants (name, display_name, tier, allowed_addresses) VALUES ('acme', 'A', 'pro', ARRAY['192.0.2.0/24']) RETURNING id)
                INSERT INTO serving.rules (name, tenant_id, kind, pattern, action, message)
                SELECT 'one', id, 'literal', 'x', 'refuse', 'no' FROM tenant UNION ALL SELECT 'two', NULL, 'address', '192.0.2.1', 'refuse', NULL
                """)
            try await world.pool.execute(
                "INSERT INTO serving.rules (name, kind, pattern, action, state) VALUES ('off', 'literal', 'y', 'flag', 'paused')")
            _ = try await world.publisher().publishNow()
            var table = PublishedTable()
            try await table.refresh { try await world.pool.query($0) }
            let rules = try #require(table.answer(since: nil)).entries.filter { $0.key.hasPrefix("rule/") }.values
            let decoded = try rules.map { try WireCoder.decode(RuleEntry.self, from: $0.utf8) }.sorted { $0.pattern > $1.pattern }
            #expect(decoded.map(\.kind) == [.literal, .address] && decoded.map { $0.tenant == nil } == [false, true] && decoded[0].message == "no")
            let tenant = try #require(table.answer(since: nil)).entries.first { $0.key.hasPrefix("tenant/") }
            #expect(tenant?.value.contains("192.0.2.0/24") == true)
        }
    }

    @Test func whatGatewaysReportIsListed() async throws {
        try await AdminFixture.run { admin in
            let tenant = try await admin.tenant()
            let rule = try await admin.post("rules", rule("one", "literal", "x")).json["id"].string ?? ""
            let pool = ControlDatabases(admin.database.configuration(), logger: .init(label: "test")).serving
            let report = AbuseReport(hits: [.init(rule: rule, tenant: tenant, count: 7), .init(rule: "?", tenant: tenant, count: 1)], locks: 2)
            let stored = try await AbuseIntake(pool: pool).store(report, from: .init())
            await pool.close()
            #expect(stored == IntakeResponse(stored: 2, duplicates: 0, quarantined: 1))
            let events = try await admin.get("abuse-events?tenant=acme&kind=rule").json["data"].elements
            #expect(events.count == 1 && events[0]["count"].text == "7" && events[0]["rule"].string == rule)
            #expect(try await admin.get("abuse-events").json["data"].elements.count == 2)
        }
    }

    @Test func theLastUseOfEachKeyFromEachAddressIsListed() async throws {
        try await AdminFixture.run { admin in
            _ = try await admin.tenant()
            let key = try await admin.post("keys", #"{"tenant":"acme","name":"k"}"#).json["id"].string ?? ""
            let pool = ControlDatabases(admin.database.configuration(), logger: .init(label: "test")).serving
            let intake = AbuseIntake(pool: pool)
            func report(_ uses: (key: String, at: Int64, address: String?)...) async throws -> Int {
                let uses = uses.map { KeyUse(key: $0.key, at: $0.at, address: $0.address) }
                return try await intake.store(AbuseReport(hits: [], locks: 0, uses: uses), from: .init()).stored
            }
            let gone = UUID().uuidString
            let first = try await report(
                (key, 1_800_000_000, "192.0.2.1"), (key, 1_800_000_060, "192.0.2.1"), (key, 1_800_000_030, nil), (gone, 1_800_000_000, nil),
                ("?", 1_800_000_000, nil), (key, 1_800_000_000, "not an address"))
            let (late, next) = (try await report((key, 1_700_000_000, nil)), try await report((key, 1_900_000_000, nil)))
            await pool.close()
            #expect(first == 2 && late == 0 && next == 1)
            let uses = try await admin.get("key-uses?tenant=acme&key=\(key)").json["data"].elements
            #expect(uses.map { $0["last_used_at"].string } == ["2030-03-17T17:46:40Z", "2027-01-15T08:01:00Z"])
            #expect(uses.map { $0["address"].string } == [nil, "192.0.2.1"])
        }
    }
}
