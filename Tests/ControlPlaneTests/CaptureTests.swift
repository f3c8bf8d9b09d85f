import Cryptography
import Foundation
import PlimsollWire
import Postgres
import Telemetry
import TestSupport
import Testing

@testable import ControlPlane

@Suite struct CaptureTests {
    private struct Stand {
        let world: PeerWorld
        let store: CaptureStore
        let tenant: UUID
        let key: UUID

        func call(_ action: CaptureCall.Action, _ capture: String? = nil, tenant: UUID? = nil, body: String = "", query: String? = nil) async throws
            -> (Int, JSONTree)
        {
            let call = CaptureCall(
                action: action, tenant: (tenant ?? self.tenant).uuidString, key: key.uuidString, capture: capture, body: body, query: query,
                requestId: "r1")
            let answer = try await store.answer(call)
            return (answer.status, try JSONDecoder().decode(JSONTree.self, from: Data(answer.body.utf8)))
        }

        func record(_ capture: String, _ text: String = "marker-7341") -> CaptureRecord {
            CaptureRecord(
                capture: capture, requestId: "r", key: key.uuidString, model: "tiny", acceptedAt: 1, status: 200, request: text, answer: text,
                isCut: false)
        }
    }

    private func stand(_ body: (Stand) async throws -> Void) async throws {
        try await PeerWorld.with { world in
            var ids: [UUID] = []
            for (name, hash) in [("acme", "a"), ("other", "b")] {
                let row = try await world.pool.queryOne(
                    """
                    WITH tenant AS (INSERT INTO serving.tenants (name, display_name, tier) VALUES (\(name), 'T', 'pro') RETURNING id)
                    INSERT INTO serving.api_keys (tenant_id, name, prefix, sha256) SELECT id, 'k', 'pls', \(Hash.sha256(hash).bytes) FROM tenant
                    RETURNING tenant_id, id
                    """)
                ids.append(contentsOf: [try #require(row).value("tenant_id"), try #require(row).value("id")])
            }
            let store = CaptureStore(pool: world.pool, seal: CaptureSeal(world.authority.tableKey))
            try await body(Stand(world: world, store: store, tenant: ids[0], key: ids[1]))
        }
    }

    @Test func aTenantOptsInReadsAndErasesAndAllOfItIsAudited() async throws {
        try await stand { stand in
            let (status, made) = try await stand.call(.create, body: #"{"expires_in":600,"models":["tiny"],"limit":5}"#)
            let id = try #require(made["id"].string)
            #expect(status == 201 && made["limit"].text == "5" && made["key_only"].text == "true")
            #expect(try await stand.store.store(CaptureBatch(records: [stand.record(id)])).stored == 1)
            let records = try await stand.call(.records, id).1["data"].elements
            #expect(records.count == 1 && records[0]["request"].string == "marker-7341")
            let erased = try await stand.call(.erase, id)
            #expect(erased.0 == 200 && erased.1["records"].text == "0" && erased.1["erased_at"].text != "null")
            #expect(try await stand.call(.records, id).1["data"].elements.isEmpty)
            let audit = try await stand.world.pool.query("SELECT action, actor FROM audit.entry WHERE subject_kind = 'capture' ORDER BY sequence")
            #expect(try audit.map { try $0.value("action", as: String.self) } == ["consent", "read", "erase", "read"])
            #expect(Set(try audit.map { try $0.value("actor", as: String.self) }) == ["key:\(stand.key.uuidString)"])
        }
    }

    @Test func nothingCanBeReadInTheDatabaseNorMovedToAnotherRow() async throws {
        try await stand { stand in
            let id = try #require(try await stand.call(.create, body: #"{"expires_in":600}"#).1["id"].string)
            _ = try await stand.store.store(CaptureBatch(records: [stand.record(id)]))
            let row = try #require(try await stand.world.pool.queryOne("SELECT sealed FROM serving.capture_records"))
            let sealed: [UInt8] = try row.value("sealed")
            #expect(sealed.firstRange(of: Array("marker".utf8)) == nil)
            try await stand.world.pool.execute("UPDATE serving.capture_records SET id = gen_random_uuid()")
            await #expect(throws: CryptographyError.self) { try await stand.call(.records, id) }
        }
    }

    @Test func whatHasExpiredIsErasedByItself() async throws {
        try await stand { stand in
            let id = try #require(try await stand.call(.create, body: #"{"expires_in":600}"#).1["id"].string)
            _ = try await stand.store.store(CaptureBatch(records: [stand.record(id)]))
            try await stand.world.pool.execute(
                "UPDATE serving.captures SET created_at = now() - interval '1 hour', expires_at = now() - interval '1 second'")
            #expect(try await stand.call(.records, id).1["data"].elements.isEmpty, "even before it is erased")
            #expect(try await stand.store.store(CaptureBatch(records: [stand.record(id)])).stored == 0)
            #expect(try await CaptureStore.expire(stand.world.pool) == 1)
            let left = try await stand.world.pool.queryOne(
                "SELECT (SELECT count(*) FROM serving.capture_records) AS records, sealed_key IS NULL AS shredded FROM serving.captures")
            #expect(try left?.value("records", as: Int.self) == 0)
            #expect(try left?.value("shredded", as: Bool.self) == true)
            #expect(try await CaptureStore.expire(stand.world.pool) == 0)
        }
    }

    @Test func anotherTenantSeesNothing() async throws {
        try await stand { stand in
            let id = try #require(try await stand.call(.create, body: #"{"expires_in":600}"#).1["id"].string)
            let row = try await stand.world.pool.queryOne("SELECT id FROM serving.tenants WHERE name = 'other'")
            let other: UUID = try #require(row).value("id")
            for action in [CaptureCall.Action.show, .records, .erase] { #expect(try await stand.call(action, id, tenant: other).0 == 404) }
            #expect(try await stand.call(.list, tenant: other).1["data"].elements.isEmpty)
            #expect(try await stand.call(.show, id).1["erased_at"].text == "null")
        }
    }

    @Test(arguments: [
        #"{}"#, #"{"expires_in":604801}"#, #"{"expires_in":59}"#, #"{"expires_in":60,"limit":1001}"#, #"{"expires_in":60,"colour":1}"#, "[",
        #"{"expires_in":60,"models":[]}"#,
    ])
    func wishesOutOfBoundsAreRefused(body: String) async throws {
        try await stand { stand in
            let (status, answer) = try await stand.call(.create, body: body)
            #expect(status == 400 && answer["error"]["code"].string != nil)
        }
    }

    @Test(arguments: [#"["tiny","nope"]"#, #"["nope"]"#, #"["hidden"]"#, #"["nobles"]"#])
    func `models that the tenant cannot ask are refused by name`(
        _ models: String
    ) async throws {
        try await stand { stand in
            try await stand.world.pool.execute(
                """
                INSERT INTO serving.models (name, display_name, context_tokens, state, tiers)
                VALUES ('hidden', 'H', 2048, 'hidden', '{}'), ('nobles', 'N', 2048, 'active', '{noble}'), ('ours', 'O', 2048, 'active', '{noble,pro}')
                """)
            let (status, answer) = try await stand.call(.create, body: #"{"expires_in":600,"models":\#(models)}"#)
            let name = models.contains("nope") ? "nope" : models.contains("hidden") ? "hidden" : "nobles"
            #expect(status == 400 && answer["error"]["param"].string == "models")
            #expect(answer["error"]["message"].string == "models: \(name) does not exist")
            #expect(try await stand.call(.list).1["data"].elements.isEmpty)
            #expect(try await stand.call(.create, body: #"{"expires_in":600,"models":["tiny","ours"]}"#).0 == 201)
        }
    }

    @Test func aTenantHasTwentyAtMostHoweverManyAreAskedForAtOnce() async throws {
        try await stand { stand in
            let statuses = try await withThrowingTaskGroup(of: Int.self) { group in
                for _ in 0..<60 { group.addTask { try await stand.call(.create, body: #"{"expires_in":600}"#).0 } }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(statuses.count { $0 == 201 } == 20 && statuses.count { $0 == 409 } == 40, "\(statuses)")
            #expect(try await stand.call(.list).1["data"].elements.count == 20)
        }
    }

    @Test func noMoreIsKeptThanTheLimit() async throws {
        try await stand { stand in
            let id = try #require(try await stand.call(.create, body: #"{"expires_in":600,"limit":2}"#).1["id"].string)
            let batch = CaptureBatch(records: (0..<5).map { _ in stand.record(id) })
            #expect(try await stand.store.store(batch) == IntakeResponse(stored: 2, duplicates: 0, quarantined: 3))
        }
    }

    @Test func noMoreIsKeptThanTheLimitHoweverManyGatewaysSendAtOnce() async throws {
        try await stand { stand in
            let id = try #require(try await stand.call(.create, body: #"{"expires_in":600,"limit":3}"#).1["id"].string)
            let stored = try await withThrowingTaskGroup(of: Int.self) { group in
                for _ in 0..<30 { group.addTask { try await stand.store.store(CaptureBatch(records: [stand.record(id)])).stored } }
                return try await group.reduce(0, +)
            }
            #expect(stored == 3)
            #expect(try await stand.call(.show, id).1["records"].text == "3")
        }
    }

    @Test func recordsAreReadPageByPage() async throws {
        try await stand { stand in
            let id = try #require(try await stand.call(.create, body: #"{"expires_in":600}"#).1["id"].string)
            let texts = (0..<9).map { "\($0)" } + (0..<3).map { String(repeating: "\($0)", count: 900_000) }
            for text in texts { _ = try await stand.store.store(CaptureBatch(records: [stand.record(id, text)])) }
            var (seen, sizes, after): ([String], [Int], String) = ([], [], "")
            for _ in 0..<10 {
                let page = try await stand.call(.records, id, query: "limit=4" + after).1
                seen += page["data"].elements.compactMap { $0["request"].string }
                sizes.append(page["data"].elements.count)
                after = "&after=\(page["last_id"].string ?? "")"
                #expect(page["data"].elements.last?["id"].string == page["last_id"].string)
                if page["has_more"].text == "false" { break }
            }
            #expect(seen == Array(texts.prefix(9)) && sizes == [4, 4, 1], "what is longer than a row takes is not kept: \(sizes)")
        }
    }

    @Test func aPageOfLongRecordsEndsEarly() throws {
        let ids = (0..<5).map { _ in UUID() }
        let page = try CapturePage("limit=4")
        #expect(page.shown(ids.map { ($0, 1 << 20) }) == Array(ids.prefix(4)))
        #expect(page.shown(ids.map { ($0, 3 << 19) }) == Array(ids.prefix(2)))
        #expect(page.shown(ids.map { ($0, 5 << 20) }) == Array(ids.prefix(1)), "one at least")
    }

    @Test(arguments: ["limit=0", "limit=101", "limit=x", "after=1", "colour=1"]) func pagesThatCannotBeAreRefused(query: String) async throws {
        try await stand { stand in
            let id = try #require(try await stand.call(.create, body: #"{"expires_in":600}"#).1["id"].string)
            #expect(try await stand.call(.records, id, query: query).0 == 400)
        }
    }

    @Test func gatewaysHearOfCapturesByTheTable() async throws {
        try await stand { stand in
            let id = try #require(try await stand.call(.create, body: #"{"expires_in":600,"key_only":false}"#).1["id"].string)
            _ = try await stand.world.publisher().publishNow()
            var table = PublishedTable()
            try await table.refresh { try await stand.world.pool.query($0) }
            let text = try #require(table.answer(since: nil)?.entries["capture/\(id)"])
            let entry = try WireCoder.decode(CaptureEntry.self, from: text.utf8)
            #expect(entry.key == nil && entry.tenant == stand.tenant.uuidString.lowercased() && entry.limit == 100)
        }
    }
}

@Suite struct BehaviourWatchTests {
    @Test func aSurgeIsAnEventAndAThrottleAndEndsByItself() async throws {
        try await PeerWorld.with { world in
            let row = try await world.pool.queryOne(
                """
                INSERT INTO serving.tenants (name, display_name, tier, anomaly_throttle_ppm) VALUES ('acme', 'A', 'pro', 250000) RETURNING id
                """)
            let tenant: UUID = try #require(row).value("id")
            let watch = BehaviourWatch(serving: world.pool, reliability: world.pool, holder: UUID(), metrics: .init(), logger: world.logger)
            let first = Int64(Date().timeIntervalSince1970) / 60
            func minute(_ number: Int64, tokens: Int) async throws {
                try await world.pool.execute(
                    """
                    INSERT INTO reliability.minute (tenant_id, model, region, minute_at, gateway_id, boot_id, sequence, tier, outcomes, good, bad, excluded,
                        first_token_samples, first_token_over, prompt_tokens, completion_tokens, rate_limited, disconnects, first_token_histogram)
                    VALUES (\(tenant), 'tiny', 'eu', to_timestamp(\(first + number) * 60), gen_random_uuid(), 'b', 1, 'pro', '{}', 1, 0, 0, 0, 0, \(tokens), 0,
                        0, 0, '{}')
                    """)
                try await watch.judge(minute: first + number)
            }
            func throttle() async throws -> Int? {
                try await world.pool.queryOne("SELECT throttle_ppm FROM serving.tenants WHERE id = \(tenant)")?.value("throttle_ppm")
            }
            for number in 0..<70 { try await minute(Int64(number), tokens: 1000) }
            for number in 70..<73 { try await minute(Int64(number), tokens: 1_000_000) }
            #expect(try await throttle() == 250_000)
            for number in 73..<84 { try await minute(Int64(number), tokens: 1000) }
            #expect(try await throttle() == nil)
            let events = try await world.pool.query("SELECT kind, detail->>'signal' AS signal FROM serving.abuse_events ORDER BY at")
            #expect(try events.map { try $0.value("kind", as: String.self) } == ["anomaly", "release"])
        }
    }
}
