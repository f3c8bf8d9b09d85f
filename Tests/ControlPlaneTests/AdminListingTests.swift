import FoundationEssentials
import Postgres
import TestSupport
import Testing

@Suite struct AdminListingTests {
    private func providers(_ admin: AdminFixture, _ count: Int) async throws {
        for number in 0..<count {
            _ = try await admin.post("providers", "{\"name\": \"p\(number)\", \"display_name\": \"P\", \"kind\": \"independent\"}")
        }
    }

    private func walk(_ admin: AdminFixture, _ list: String) async throws -> [String] {
        var seen: [String] = []
        var path = list
        while true {
            let page = try await admin.get(path).json
            seen += page["data"].elements.compactMap { $0["name"].string ?? $0["sequence"].number.map { "\(Int($0))" } }
            guard let next = page["next_cursor"].string else { return seen }
            path = "\(list)&cursor=\(next)"
        }
    }

    @Test func `both orders walk every row once, and each kind begins where people look`() async throws {
        try await AdminFixture.run { admin in
            try await providers(admin, 5)
            let names = (0..<5).map { "p\($0)" }
            #expect(try await walk(admin, "providers?limit=2") == names)
            #expect(try await walk(admin, "providers?limit=2&order=asc") == names)
            #expect(try await walk(admin, "providers?limit=2&order=desc") == names.reversed())
            #expect(try await walk(admin, "audit?limit=2") == ["5", "4", "3", "2", "1"])
            #expect(try await walk(admin, "audit?limit=2&order=asc") == ["1", "2", "3", "4", "5"])
            #expect(try await admin.get("providers?order=up").json["error"]["param"].string == "order")
        }
    }

    @Test func `a cursor of the other order or of another kind is refused`() async throws {
        try await AdminFixture.run { admin in
            try await providers(admin, 3)
            let ascending = try #require(try await admin.get("providers?limit=1").json["next_cursor"].string)
            let refused = try await admin.get("providers?limit=1&order=desc&cursor=\(ascending)")
            #expect(refused.status == 400 && refused.json["error"]["param"].string == "cursor")
            let other = try #require(try await admin.get("audit?limit=1&order=asc").json["next_cursor"].string)
            #expect(try await admin.get("providers?cursor=\(other)").json["error"]["param"].string == "cursor")
        }
    }

    @Test func `records are cut at both ends of a time`() async throws {
        try await AdminFixture.run { admin in
            try await providers(admin, 1)
            let at = try #require(try await admin.get("audit").json["data"][0]["at"].string)
            #expect(try await admin.get("audit?since=\(at)").json["data"].elements.count == 1)
            #expect(try await admin.get("audit?until=\(at)").json["data"].elements.isEmpty)
            #expect(try await admin.get("audit?since=\(at)&until=2100-01-01T00:00:00Z").json["data"].elements.count == 1)
            #expect(try await admin.get("audit?until=soon").json["error"]["param"].string == "until")
        }
    }

    @Test func `lists of a tenant take its name`() async throws {
        try await AdminFixture.run { admin in
            let id = try await admin.tenant()
            _ = try await admin.post("keys", "{\"tenant\": \"acme\", \"name\": \"first\"}")
            #expect(try await admin.get("keys?tenant=acme").json["data"].elements.count == 1)
            #expect(try await admin.get("keys?tenant=\(id)").json["data"].elements.count == 1)
            for list in ["keys", "usage-records", "minutes"] {
                #expect(try await admin.get("\(list)?tenant=acme").status == 200)
                #expect(try await admin.get("\(list)?tenant=nobody").json["error"]["param"].string == "tenant")
            }
        }
    }

    @Test func `minutes are listed of one tier`() async throws {
        try await AdminFixture.run { admin in
            for tier in ["hobby", "pro", "pro"] {
                _ = try await admin.row(
                    """
                    INSERT INTO reliability.minute (tenant_id, model, region, minute_at, gateway_id, boot_id, sequence, tier, outcomes, good, bad, excluded,
                        first_token_samples, first_token_over, prompt_tokens, completion_tokens, rate_limited, disconnects, first_token_histogram)
                    VALUES (gen_random_uuid(), 'tiny', 'eu', date_trunc('minute', now()), gen_random_uuid(), 'b', 1, \(tier), '{"good": 1}', 1, 0, 0, 1, 0,
                        5, 7, 0, 0, '{}')
                    """)
            }
            #expect(try await admin.get("minutes").json["data"].elements.count == 3)
            for (tier, count) in [("hobby", 1), ("pro", 2), ("business", 0)] {
                let found = try await admin.get("minutes?tier=\(tier)").json["data"].elements
                #expect(found.count == count && found.allSatisfy { $0["tier"].string == tier })
            }
        }
    }

    @Test func `hosts go by a name that is theirs alone`() async throws {
        try await AdminFixture.run { admin in
            let hosts = try await HostRows.fill(admin, ["h1", "h2", "h2", "h3", "h3"])
            #expect(try await admin.get("hosts/h1").json["id"].string == hosts[0])
            #expect(try await admin.get("hosts/h2").json["error"]["code"].string == "ambiguous")
            #expect(try await admin.post("hosts/h2/drain").status == 409)
            #expect(try await admin.post("hosts/\(hosts[3])/revoke", "{\"reason\": \"sold\"}").status == 200)
            #expect(try await admin.get("hosts/h3").json["id"].string == hosts[4])
            #expect(try await admin.get("hosts/h9").status == 404)
            #expect(try await admin.get("hosts/h9/operations").status == 404)
            #expect(try await admin.get("workers?host=h1").status == 200)
            #expect(try await admin.get("workers?host=h2").status == 409)
        }
    }

    @Test func `a host that does not report is seen`() async throws {
        try await AdminFixture.run { admin in
            _ = try await HostRows.fill(admin, ["never", "yes", "silent"])
            _ = try await admin.row("UPDATE serving.hosts SET last_heartbeat_at = now() WHERE name = 'yes' RETURNING id")
            _ = try await admin.row("UPDATE serving.hosts SET last_heartbeat_at = now() - interval '91 seconds' WHERE name = 'silent' RETURNING id")
            for state in ["never", "yes", "silent"] {
                #expect(try await admin.get("hosts?reporting=\(state)").json["data"].elements.map { $0["name"].string } == [state])
                #expect(try await admin.get("hosts/\(state)").json["reporting"].string == state)
            }
            #expect(try await admin.get("hosts?reporting=maybe").json["error"]["param"].string == "reporting")
        }
    }

    @Test func `an order names its operation, which can be asked for alone`() async throws {
        try await AdminFixture.run { admin in
            let host = try await HostRows.fill(admin, ["h1"])[0]
            _ = try await admin.row(
                """
                INSERT INTO serving.workers (host_id, runtime, release, dialect, runtime_state, slots, context_tokens, load)
                SELECT id, 'main', 'r', 'vllm', 'ready', 4, 2048, '{"relaying": 3}' FROM serving.hosts RETURNING id
                """)
            let operation = try #require(try await admin.post("hosts/h1/drain").json["operation"].string)
            let found = try await admin.get("hosts/\(host)/operations/\(operation)").json
            #expect(found["kind"].string == "drain" && found["state"].string == "queued" && found["open_requests"].number == 3)
            #expect(try await admin.post("hosts/h1/resume").json["operation"].string != operation)
            #expect(try await admin.get("hosts/h1/operations/\(operation)").json["open_requests"] == .null)
            #expect(try await admin.get("hosts/h1/operations/\(host)").status == 404)
        }
    }
}

/// Hosts of the pool `alpha-eu`, as though they had enrolled.
enum HostRows {
    /// Their ids.
    static func fill(_ admin: AdminFixture, _ names: [String]) async throws -> [String] {
        _ = try await admin.post("providers", "{\"name\": \"alpha\", \"display_name\": \"Alpha\", \"kind\": \"independent\"}")
        _ = try await admin.post("pools", "{\"name\": \"alpha-eu\", \"provider\": \"alpha\", \"region\": \"eu\"}")
        var ids: [String] = []
        for name in names {
            let row = try await admin.row(
                """
                INSERT INTO serving.hosts (id, name, pool, region, boot_id) VALUES (gen_random_uuid(), \(name), 'alpha-eu', 'eu', 'b1')
                RETURNING id::text AS id
                """)
            ids.append(try #require(try row?.value("id")))
        }
        return ids
    }
}
