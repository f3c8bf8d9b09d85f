import FoundationEssentials
import Logging
import Postgres
import TestSupport
import Testing

@Suite struct AdminFrameTests {
    private static let provider = "{\"name\": \"alpha\", \"display_name\": \"Alpha\", \"kind\": \"independent\"}"

    @Test(arguments: [nil, "pls_adm_000000000000000000000000000000000000", "other"] as [String?])
    func `whoever has no good token gets one answer`(_ token: String?) async throws {
        try await AdminFixture.run { admin in
            let answer = try await admin.client.acting(as: token).send("GET", "/admin/v1/tenants")
            #expect(answer.status == 401)
            #expect(answer.json["error"]["code"].string == "invalid_token")
        }
    }

    @Test func `a role may do what it names and nothing else, and a revoked token nothing`() async throws {
        try await AdminFixture.run { admin in
            let made = try await admin.post("tokens", "{\"name\": \"looker\", \"role\": \"viewer\"}")
            let viewer = admin.client.acting(as: made.json["secret"].string)
            #expect(try await viewer.send("GET", "/admin/v1/providers").status == 200)
            #expect(try await viewer.send("POST", "/admin/v1/providers", Self.provider).status == 403)
            #expect(try await viewer.send("GET", "/admin/v1/tokens").status == 403)
            let id = try #require(made.json["id"].string)
            #expect(try await admin.post("tokens/\(id)/revoke").status == 200)
            #expect(try await viewer.send("GET", "/admin/v1/providers").status == 401)
        }
    }

    @Test(arguments: [("{", "invalid_json"), ("{\"a\":1,\"a\":2}", "invalid_json"), ("[]", "invalid_json"), ("{}", "invalid_value")])
    func `a body that cannot be read is refused`(_ body: String, _ code: String) async throws {
        try await AdminFixture.run { admin in
            let answer = try await admin.post("providers", body)
            #expect(answer.status == 400)
            #expect(answer.json["error"]["code"].string == code)
        }
    }

    @Test func `pages are walked to the end, each row once`() async throws {
        try await AdminFixture.run { admin in
            for number in 0..<7 {
                _ = try await admin.post("providers", Self.provider.replacing("alpha", with: "p\(number)"))
            }
            var seen: [String] = []
            var path = "providers?limit=3"
            while true {
                let page = try await admin.get(path).json
                seen += page["data"].elements.compactMap { $0["name"].string }
                guard let next = page["next_cursor"].string else { break }
                path = "providers?limit=3&cursor=\(next)"
            }
            #expect(seen == (0..<7).map { "p\($0)" })
            #expect(try await admin.get("providers?limit=0").json["error"]["param"].string == "limit")
            #expect(try await admin.get("providers?cursor=!").json["error"]["param"].string == "cursor")
            #expect(try await admin.get("providers?colour=red").json["error"]["param"].string == "colour")
        }
    }

    @Test func `a repeated request gets the first answer, another body under its key is refused`() async throws {
        try await AdminFixture.run { admin in
            let key = ["idempotency-key": "order-1"]
            let first = try await admin.post("providers", Self.provider, headers: key)
            let second = try await admin.post("providers", Self.provider, headers: key)
            #expect(first.status == 201 && second.status == 201)
            #expect(first.text == second.text)
            #expect(second.headers["idempotent-replayed"] == "true")
            let other = try await admin.post("providers", Self.provider.replacing("alpha", with: "beta"), headers: key)
            #expect(other.status == 422)
            #expect(try await admin.get("providers").json["data"].elements.count == 1)
        }
    }

    @Test func `a request whose key is still running is refused, and a refused one may be sent again`() async throws {
        try await AdminFixture.run { admin in
            _ = try await admin.row(
                """
                INSERT INTO serving.idempotency_keys (token_id, key, request_sha256, running_until)
                SELECT id, 'busy', sha256(convert_to('POST 19 /admin/v1/providers ' || \(Self.provider), 'UTF8')), now() + interval '1 minute' FROM serving.admin_tokens
                """)
            let answer = try await admin.post("providers", Self.provider, headers: ["idempotency-key": "busy"])
            #expect(answer.status == 409)
            let key = ["idempotency-key": "again"]
            #expect(try await admin.post("providers", "{}", headers: key).status == 400)
            #expect(try await admin.post("providers", Self.provider, headers: key).status == 201)
        }
    }

    @Test func `two requests with one key have one effect`() async throws {
        try await AdminFixture.run { admin in
            let statuses = try await withThrowingTaskGroup(of: Int.self) { group in
                for _ in 0..<6 {
                    group.addTask { try await admin.post("providers", Self.provider, headers: ["idempotency-key": "same"]).status }
                }
                return try await group.reduce(into: [Int]()) { $0.append($1) }
            }
            #expect(statuses.allSatisfy { $0 == 201 || $0 == 409 })
            #expect(statuses.contains(201))
            #expect(try await admin.row("SELECT count(*) AS n FROM audit.entry WHERE action = 'create'")?.value("n") == 1)
        }
    }

    @Test func `a repeated answer does not repeat the secret`() async throws {
        try await AdminFixture.run { admin in
            _ = try await admin.tenant()
            let key = ["idempotency-key": "k"]
            let first = try await admin.post("keys", "{\"tenant\": \"acme\", \"name\": \"first\"}", headers: key)
            let second = try await admin.post("keys", "{\"tenant\": \"acme\", \"name\": \"first\"}", headers: key)
            #expect(first.json["secret"].string != nil)
            #expect(second.json["secret"] == .null)
            #expect(first.json["id"] == second.json["id"])
        }
    }

    @Test func `every change has its audit row, and the chain is intact`() async throws {
        try await AdminFixture.run { admin in
            _ = try await admin.post("providers", Self.provider)
            _ = try await admin.patch("providers/alpha", "{\"state\": \"suspended\"}")
            let rows = try await admin.get("audit").json["data"].elements
            #expect(rows.map { $0["action"].string } == ["update", "create"])
            #expect(rows[0]["change"].string == "{\"state\":\"suspended\"}")
            #expect(try await admin.get("audit/verification").json["intact"] == .bool(true))
        }
    }

    @Test func `a change whose audit row cannot be written is not made`() async throws {
        try await AdminFixture.run { admin in
            try await admin.database.withPool { pool in
                try await pool.execute("REVOKE EXECUTE ON FUNCTION audit.append(text, text, text, text, text, text) FROM plimsoll_serving")
            }
            #expect(try await admin.post("providers", Self.provider).status == 503)
            #expect(try await admin.get("providers").json["data"].elements.isEmpty)
        }
    }

    @Test func `a body above the limit is refused`() async throws {
        try await AdminFixture.run { admin in
            let answer = try await admin.post("providers", "{\"name\": \"" + String(repeating: "a", count: 1_100_000) + "\"}")
            #expect(answer.status == 413)
            #expect(answer.json["error"]["code"].string == "request_too_large")
        }
    }

    @Test func `an unknown path has the same error shape`() async throws {
        try await AdminFixture.run { admin in
            let answer = try await admin.get("nothing")
            #expect(answer.status == 404)
            #expect(answer.json["error"]["code"].string == "unknown_path")
        }
    }

    @Test func `a change that gateways must know of wakes the publisher`() async throws {
        try await AdminFixture.run { admin in
            let listener = NotificationListener(
                configuration: admin.database.configuration(), channels: ["plimsoll_table"], logger: Logger(label: "test"))
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { await listener.run() }
                var events = listener.events.makeAsyncIterator()
                #expect(await events.next() == .connected)
                _ = try await admin.post("tiers", AdminFixture.tier())
                #expect(await events.next() == .notified(channel: "plimsoll_table", payload: "tiers"))
                group.cancelAll()
            }
        }
    }
}
