import Postgres
import TestSupport
import Testing

/// How an operator sees and ends captures.
@Suite struct CaptureEndTests {
    private struct Stand {
        let admin: AdminFixture
        let keys: [String]

        /// Of captures that are open, by their keys.
        func open() async throws -> [String] {
            try await admin.get("captures?tenant=acme&state=open").json["data"].elements.compactMap { $0["key"].string }
        }

        func count(_ sql: SQL) async throws -> Int { try #require(try await admin.row(sql)).value("n") }
    }

    /// A tenant of two keys with a capture and a record each.
    private func stand(_ body: @Sendable (Stand) async throws -> Void) async throws {
        try await AdminFixture.run { admin in
            _ = try await admin.tenant()
            var keys: [String] = []
            for name in ["first", "second"] {
                let made = try await admin.post("keys", #"{"tenant": "acme", "name": "\#(name)"}"#)
                keys.append(try #require(made.json["id"].string))
            }
            _ = try await admin.row(
                """
                WITH made AS (INSERT INTO serving.captures (tenant_id, key_id, key_only, record_limit, sealed_key, expires_at)
                    SELECT tenant_id, id, true, 5, decode('07', 'hex'), now() + interval '1 hour' FROM serving.api_keys RETURNING id)
                INSERT INTO serving.capture_records (id, capture_id, sealed) SELECT gen_random_uuid(), id, decode(repeat('07', 28), 'hex') FROM made
                RETURNING 1
                """)
            try await body(Stand(admin: admin, keys: keys))
        }
    }

    @Test func `what a key had captured ends with it, on record, and nothing of other keys does`() async throws {
        try await stand { stand in
            #expect(try await stand.admin.post("keys/\(stand.keys[0])/revoke").status == 200)
            #expect(try await stand.open() == [stand.keys[1]])
            #expect(try await stand.count("SELECT count(*) AS n FROM serving.capture_records") == 1)
            #expect(try await stand.count("SELECT count(*) AS n FROM serving.captures WHERE sealed_key IS NULL") == 1)
            let audited = try await stand.admin.row(
                "SELECT actor, subject_id FROM audit.entry WHERE subject_kind = 'capture' AND action = 'erase'")
            #expect(try #require(audited).value("actor", as: String.self).hasPrefix("token:"))
            let erased = try await stand.admin.get("captures?state=erased").json["data"]
            #expect(try erased[0]["id"].string == audited?.value("subject_id") && erased.elements.count == 1)
            #expect(try await stand.admin.post("keys/\(stand.keys[0])/revoke").status == 200, "again")
            #expect(try await stand.count("SELECT count(*) AS n FROM audit.entry WHERE subject_kind = 'capture'") == 1)
        }
    }

    @Test func `all captures of a tenant end with it, and none when it is suspended`() async throws {
        try await stand { stand in
            let suspended = try await stand.admin.patch("tenants/acme", #"{"state": "suspended"}"#)
            #expect(suspended.status == 200)
            #expect(try await stand.open().count == 2)
            #expect(try await stand.admin.delete("tenants/acme").status == 200)
            #expect(try await stand.count("SELECT count(*) AS n FROM serving.capture_records") == 0)
            #expect(try await stand.count("SELECT count(*) AS n FROM serving.captures WHERE erased_at IS NULL") == 0)
            #expect(try await stand.count("SELECT count(*) AS n FROM audit.entry WHERE subject_kind = 'capture' AND action = 'erase'") == 2)
        }
    }

    @Test func `an operator lists captures without what is in them, and erases one`() async throws {
        try await stand { stand in
            let listed = try await stand.admin.get("captures?tenant=acme&key=\(stand.keys[0])").json["data"]
            let id = try #require(listed[0]["id"].string)
            #expect(listed.elements.count == 1 && listed[0]["records"].text == "1" && listed[0]["state"].string == "open")
            #expect(!listed[0].names.contains { $0.contains("sealed") })
            let erased = try await stand.admin.post("captures/\(id)/erase", #"{"reason": "its key leaked"}"#)
            #expect(erased.status == 200 && erased.json["state"].string == "erased" && erased.json["records"].text == "0")
            let audited = try await stand.admin.row("SELECT change FROM audit.entry WHERE subject_kind = 'capture' AND subject_id = \(id)")
            #expect(try #require(audited).value("change", as: String.self).contains("its key leaked"))
            #expect(try await stand.open() == [stand.keys[1]])
            #expect(try await stand.admin.get("captures/\(id)/records").status == 404, "there is no way to what is in them")
        }
    }
}
