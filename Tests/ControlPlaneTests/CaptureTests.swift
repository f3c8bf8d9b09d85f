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
        let publisher: TablePublisher
        let tenant: UUID
        let key: UUID
        /// Of the same tenant.
        let second: UUID
        let other: (tenant: UUID, key: UUID)

        func call(
            _ action: CaptureCall.Action, _ capture: String? = nil, by key: UUID? = nil, tenant: UUID? = nil, body: String = "", query: String? = nil
        ) async throws -> (Int, JSONTree) {
            let call = CaptureCall(
                action: action, tenant: (tenant ?? self.tenant).uuidString, key: (key ?? self.key).uuidString, capture: capture, body: body,
                query: query, requestId: "r1")
            let answer = try await store.answer(call)
            return (answer.status, try JSONDecoder().decode(JSONTree.self, from: Data(answer.body.utf8)))
        }

        func record(_ capture: String, _ text: String = "marker-7341", of key: UUID? = nil, model: String = "tiny") -> CaptureRecord {
            CaptureRecord(
                capture: capture, requestId: "r", key: (key ?? self.key).uuidString, model: model, acceptedAt: 1, status: 200, request: text,
                answer: text, isCut: false)
        }

        func kept(_ record: CaptureRecord) async throws -> Bool {
            try await store.store(CaptureBatch(records: [record])).stored == 1
        }

        /// For reading what is its whole tenant's.
        func permit(_ key: UUID, _ reads: Bool = true) async throws {
            try await world.pool.execute("UPDATE serving.api_keys SET reads_reports = \(reads) WHERE id = \(key)")
        }

        /// As gateways hear of it; nil: nothing is recorded.
        func entry(_ capture: String) async throws -> CaptureEntry? {
            _ = try await publisher.publishNow()
            var table = PublishedTable()
            try await table.refresh { try await world.pool.query($0) }
            let text = table.answer(since: nil)?.entries["capture/\(capture)"]
            return try text.map { try WireCoder.decode(CaptureEntry.self, from: $0.utf8) }
        }
    }

    private func stand(_ body: (Stand) async throws -> Void) async throws {
        try await PeerWorld.with { world in
            var ids: [(tenant: UUID, key: UUID)] = []
            for (name, hash) in [("acme", "a"), ("other", "b")] {
                let row = try await world.pool.queryOne(
                    """
                    WITH tenant AS (INSERT INTO serving.tenants (name, display_name, tier) VALUES (\(name), 'T', 'pro') RETURNING id)
                    INSERT INTO serving.api_keys (tenant_id, name, prefix, sha256) SELECT id, 'k', 'pls', \(Hash.sha256(hash).bytes) FROM tenant
                    RETURNING tenant_id, id
                    """)
                ids.append((try #require(row).value("tenant_id"), try #require(row).value("id")))
            }
            let second = try await world.pool.queryOne(
                """
                INSERT INTO serving.api_keys (tenant_id, name, prefix, sha256) VALUES (\(ids[0].tenant), 'k2', 'pls', \(Hash.sha256("c").bytes)) RETURNING id
                """)
            let store = CaptureStore(pool: world.pool, seal: CaptureSeal(world.authority.tableKey))
            let stand = Stand(
                world: world, store: store, publisher: world.publisher(), tenant: ids[0].tenant, key: ids[0].key,
                second: try #require(second).value("id"), other: ids[1])
            try await body(stand)
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

    @Test func upkeepErasesWhatHasExpiredAndTheAuditChainSaysSo() async throws {
        try await stand { stand in
            var ids: [String] = []
            for _ in 0..<2 { ids.append(try #require(try await stand.call(.create, body: #"{"expires_in":600}"#).1["id"].string)) }
            for id in ids { #expect(try await stand.kept(stand.record(id))) }
            let (gone, world) = (try #require(UUID(uuidString: ids[0])), stand.world)
            try await world.pool.execute(
                """
                UPDATE serving.captures SET created_at = now() - interval '1 hour', expires_at = now() - interval '1 second' WHERE id = \(gone)
                """)
            let databases = ControlDatabases(world.pool.configuration, logger: world.logger)
            let upkeep = ControlUpkeep(databases: databases, holder: UUID(), metrics: MetricRegistry(), logger: world.logger)
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await upkeep.run() }
                try await Waiting.until("the erasure", within: .seconds(30)) {
                    try await world.count("SELECT 1 FROM serving.captures WHERE erased_at IS NOT NULL AND sealed_key IS NULL") == 1
                }
                group.cancelAll()
            }
            let audited = try await world.pool.query(
                "SELECT actor, subject_id FROM audit.entry WHERE subject_kind = 'capture' AND action = 'erase'")
            #expect(try audited.map { try $0.value("actor", as: String.self) } == ["upkeep"])
            #expect(try audited.map { try $0.value("subject_id", as: String.self) } == [ids[0]])
            #expect(try await world.count("SELECT 1 WHERE audit.first_break() IS NULL") == 1, "the chain is whole")
            #expect(try await world.count("SELECT 1 FROM serving.capture_records WHERE capture_id = \(gone)") == 0)
            #expect(try await stand.call(.records, ids[1]).1["data"].elements.count == 1, "its time has not come")
        }
    }

    @Test func anotherTenantSeesNothing() async throws {
        try await stand { stand in
            let id = try #require(try await stand.call(.create, body: #"{"expires_in":600}"#).1["id"].string)
            let (tenant, key) = stand.other
            for right in [false, true] {
                try await stand.permit(key, right)
                for action in [CaptureCall.Action.show, .records, .erase] {
                    #expect(try await stand.call(action, id, by: key, tenant: tenant).0 == 404)
                    #expect(try await stand.call(action, id, by: key).0 == 404, "a key of another tenant than it is said to be of")
                }
                #expect(try await stand.call(.list, by: key, tenant: tenant).1["data"].elements.isEmpty)
            }
            #expect(try await stand.call(.show, id).1["erased_at"].text == "null")
        }
    }

    @Test func aKeySeesAndEndsOnlyWhatItMadeButForOneThatReadsReports() async throws {
        try await stand { stand in
            let id = try #require(try await stand.call(.create, by: stand.second, body: #"{"expires_in":600}"#).1["id"].string)
            #expect(try await stand.kept(stand.record(id, of: stand.second)))
            #expect(try await !stand.kept(stand.record(id)), "a request of another key")
            for action in [CaptureCall.Action.show, .records, .erase] { #expect(try await stand.call(action, id).0 == 404, "\(action)") }
            #expect(try await stand.call(.list).1["data"].elements.isEmpty)
            try await stand.permit(stand.key)
            #expect(try await stand.call(.list).1["data"].elements.count == 1)
            #expect(try await stand.call(.records, id).1["data"].elements.count == 1)
            #expect(try await stand.call(.erase, id).0 == 200)
            #expect(try await stand.call(.records, id, by: stand.second).1["data"].elements.isEmpty)
        }
    }

    @Test func capturesOfAllKeysAreOnlyForKeysThatReadReports() async throws {
        try await stand { stand in
            let wish = #"{"expires_in":600,"key_only":false}"#
            let (status, refusal) = try await stand.call(.create, body: wish)
            #expect(status == 403 && refusal["error"]["code"].string == "permission_denied" && refusal["error"]["type"].string == "permission_error")
            #expect(try await stand.call(.list).1["data"].elements.isEmpty)
            try await stand.permit(stand.key)
            let id = try #require(try await stand.call(.create, body: wish).1["id"].string)
            #expect(try await stand.entry(id)?.key == nil)
            #expect(try await stand.kept(stand.record(id, of: stand.second)))
            try await stand.permit(stand.key, false)
            #expect(try await stand.entry(id) == nil)
            #expect(try await !stand.kept(stand.record(id, of: stand.second)))
            var statuses: [Int] = []
            for action in [CaptureCall.Action.records, .show, .erase] { statuses.append(try await stand.call(action, id).0) }
            #expect(statuses == [403, 200, 200])
        }
    }

    @Test func onlyModelsThatItsMakerMayUseAreRecorded() async throws {
        try await stand { stand in
            try await stand.world.pool.execute("INSERT INTO serving.models (name, display_name, context_tokens) VALUES ('large', 'L', 2048)")
            try await stand.permit(stand.key)
            let wide = try #require(
                try await stand.call(.create, body: #"{"expires_in":600,"key_only":false,"models":["large","tiny"]}"#).1["id"].string)
            try await stand.world.pool.execute("UPDATE serving.api_keys SET models = '{tiny}' WHERE id = \(stand.key)")
            let all = try #require(try await stand.call(.create, body: #"{"expires_in":600,"key_only":false}"#).1["id"].string)
            for id in [wide, all] {
                #expect(try await stand.entry(id)?.models == ["tiny"])
                #expect(try await stand.kept(stand.record(id, of: stand.second)))
                #expect(try await !stand.kept(stand.record(id, of: stand.second, model: "large")))
            }
            let (status, refusal) = try await stand.call(.create, body: #"{"expires_in":600,"models":["large"]}"#)
            #expect(status == 400 && refusal["error"]["message"].string == "models: large does not exist")
            #expect(try await stand.call(.create, by: stand.second, body: #"{"expires_in":600,"models":["large"]}"#).0 == 201)
        }
    }

    @Test func aTenantThatIsSuspendedOrAKeyThatIsOverRecordsNothingAndLosesNothing() async throws {
        try await stand { stand in
            let id = try #require(try await stand.call(.create, body: #"{"expires_in":600}"#).1["id"].string)
            #expect(try await stand.kept(stand.record(id)))
            for (stop, goOn) in [
                ("UPDATE serving.tenants SET state = 'suspended'", "UPDATE serving.tenants SET state = 'active'"),
                ("UPDATE serving.api_keys SET expires_at = now() - interval '1 second'", "UPDATE serving.api_keys SET expires_at = NULL"),
            ] as [(SQL, SQL)] {
                try await stand.world.pool.execute(stop)
                #expect(try await stand.entry(id) == nil, "\(stop)")
                try await stand.world.pool.execute(goOn)
                #expect(try await stand.entry(id)?.key == stand.key.uuidString.lowercased())
            }
            #expect(try await stand.call(.records, id).1["data"].elements.count == 1)
        }
    }

    @Test func aKeyThatWasRevokedMeanwhileMakesNone() async throws {
        try await stand { stand in
            try await stand.world.pool.execute("UPDATE serving.api_keys SET revoked_at = now() WHERE id = \(stand.key)")
            #expect(try await stand.call(.create, body: #"{"expires_in":600}"#).0 == 404)
            #expect(try await stand.call(.list).0 == 404)
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
            #expect(Array(seen.prefix(9)) == Array(texts.prefix(9)) && seen.count == 12, "what is longer than a row takes is cut: \(sizes)")
            #expect(sizes.prefix(2) == [4, 4] && sizes.dropFirst(2).reduce(0, +) == 4)
        }
    }

    /// Of plain words, of signs that must be escaped, of letters of three bytes; both long, or one of them.
    @Test(arguments: [("w", 900_000, 900_000), ("\u{1}", 131_072, 131_072), ("\"", 131_072, 800_000), ("語", 100_000, 400_000), ("/", 10, 1_100_000)])
    func whatIsLongerThanARowTakesIsCutAndSaysHowLongItWas(_ sign: String, _ asked: Int, _ told: Int) async throws {
        try await stand { stand in
            let id = try #require(try await stand.call(.create, body: #"{"expires_in":600}"#).1["id"].string)
            var record = stand.record(id)
            (record.request, record.answer) = (String(repeating: sign, count: asked), String(repeating: sign, count: told))
            (record.requestBytes, record.answerBytes) = (7_000_000, nil)
            #expect(try await stand.kept(record))
            let shown = try await stand.call(.records, id).1["data"].elements.first
            let (request, answer) = (try #require(shown?["request"].string), try #require(shown?["answer"].string))
            #expect(record.request.hasPrefix(request) && record.answer.hasPrefix(answer) && shown?["is_cut"].text == "true")
            #expect(shown?["request_bytes"].text == "7000000" && shown?["answer_bytes"].text == "\(record.answer.utf8.count)")
            #expect((request.utf8.count + answer.utf8.count) * 6 > 1_000_000 && (asked > 10 || request == record.request))
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
            try await stand.permit(stand.key)
            let id = try #require(try await stand.call(.create, body: #"{"expires_in":600,"key_only":false}"#).1["id"].string)
            let entry = try #require(try await stand.entry(id))
            #expect(entry.key == nil && entry.models == nil && entry.tenant == stand.tenant.uuidString.lowercased() && entry.limit == 100)
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

    @Test func aClockThatWasAheadStopsNoJudging() async throws {
        try await PeerWorld.with { world in
            let watch = BehaviourWatch(serving: world.pool, reliability: world.pool, holder: UUID(), metrics: .init(), logger: world.logger)
            try await world.pool.execute(
                """
                INSERT INTO serving.behaviour_progress (minute_at) VALUES (now() + interval '10 years')
                ON CONFLICT (single) DO UPDATE SET minute_at = EXCLUDED.minute_at
                """)
            try await watch.catchUp()
            let row = try await world.pool.queryOne("SELECT minute_at < now() AS has_come FROM serving.behaviour_progress")
            #expect(try #require(row).value("has_come", as: Bool.self))
        }
    }

    /// What gateways refuse before a model is known.
    @Test func errorsWithoutAModelAreWatchedAndInNoService() async throws {
        try await PeerWorld.with { world in
            let row = try await world.pool.queryOne(
                "INSERT INTO serving.tenants (name, display_name, tier, anomaly_throttle_ppm) VALUES ('acme', 'A', 'pro', 250000) RETURNING id")
            let tenant: UUID = try #require(row).value("id")
            let watch = BehaviourWatch(serving: world.pool, reliability: world.pool, holder: UUID(), metrics: .init(), logger: world.logger)
            let first = Int64(Date().timeIntervalSince1970) / 60
            for number in Int64(0)..<73 {
                try await world.pool.execute(
                    """
                    INSERT INTO reliability.minute (tenant_id, model, region, minute_at, gateway_id, boot_id, sequence, tier, outcomes, good, bad, excluded,
                        first_token_samples, first_token_over, prompt_tokens, completion_tokens, rate_limited, disconnects, first_token_histogram)
                    VALUES (\(tenant), '', 'eu', to_timestamp(\(first + number) * 60), gen_random_uuid(), 'b', 1, 'pro', '{"excluded:4xx": 1}', 0, 0,
                        \(number < 70 ? 1 : 1000)::bigint, 0, 0, 0, 0, 0, 0, '{}')
                    """)
                try await watch.judge(minute: first + number)
            }
            let events = try await world.pool.query("SELECT kind || ' ' || (detail->>'signal') AS event FROM serving.abuse_events")
            #expect(try events.map { try $0.value("event", as: String.self) } == ["anomaly errors"])
            try await MinuteRoll(pool: world.pool).roll(first..<first + 100)
            let rolled = try await world.pool.queryOne(
                "SELECT (SELECT count(*) FROM reliability.minute_total) + (SELECT count(*) FROM reliability.service_minute) AS count")
            #expect(try rolled?.value("count", as: Int.self) == 0)
        }
    }
}
