import Cryptography
import Domain
import FoundationEssentials
import HTTPWire
import Logging
import Outbound
import Postgres
import Synchronization
import TestSupport
import Testing

@testable import ControlPlane

@Suite struct PagerTests {
    private let folder: TemporaryFolder
    private let start = Date(timeIntervalSince1970: 1_900_000_000)

    init() throws { folder = try TemporaryFolder() }

    private func with(_ body: (PostgresPool, Pager) async throws -> Void) async throws {
        try await PeerWorld.with { world in
            let client = OutboundClient()
            defer { client.shutdown() }
            try await body(world.pool, Pager(pool: world.pool, client: client, logger: world.logger))
        }
    }

    private func channel(
        _ pool: PostgresPool, _ name: String, _ kind: PageChannelKind, _ url: String, secret: String? = nil, after: Int? = nil, least: String = "page"
    )
        async throws
    {
        var file: String?
        if let secret {
            let path = folder.file()
            try SecretFile.write(Array((secret + "\n").utf8), to: path)
            file = path
        }
        try await pool.execute(
            """
            INSERT INTO reliability.page_channel (name, kind, url, secret_file, escalate_after_seconds, least_severity)
            VALUES (\(name), \(kind.rawValue), \(url), \(file), \(after), \(least))
            """)
    }

    private func open(_ pool: PostgresPool, _ signal: IncidentSignal = .serverErrors, model: String = "tiny", at now: Date) async throws -> UUID {
        try await pool.transaction { connection in
            let key = IncidentKey(signal, tier: "pro", model: model, region: "eu")
            return try await IncidentBook(connection: connection, now: now).add(
                IncidentTrigger(key: key, beganAt: now, text: "seen <here> & there"), snapshot: "{}")
        }
    }

    private func states(_ pool: PostgresPool) async throws -> [String] {
        try await pool.query(
            """
            SELECT channel.name || ' ' || page.event || ' ' || page.state AS line FROM reliability.page AS page
            JOIN reliability.page_channel AS channel ON channel.id = page.channel_id ORDER BY channel.name, page.event
            """
        ).map { try $0.value("line") }
    }

    @Test func `PagerDuty's events have its fields, and one key from the beginning to the end`() async throws {
        try await with { pool, pager in
            let receiver = try await WebhookReceiver()
            try await channel(pool, "pd", .pagerduty, receiver.url, secret: "R0UTINGKEY")
            let id = try await open(pool, at: start)
            try await pager.turn(at: start + 1)
            try await pool.transaction { connection in
                try await IncidentBook(connection: connection, now: start + 60).resolve(
                    id, draft: PostmortemDraft.Made(document: "{}", isDue: false), actor: "policy", reason: "it is over")
            }
            try await pager.turn(at: start + 61)
            let events = try receiver.documents
            #expect(events.map { $0["event_action"].string } == ["trigger", "resolve"])
            #expect(Set(events.map { $0["dedup_key"].string }) == ["plimsoll-incident-\(id.uuidString.lowercased())"])
            #expect(events.allSatisfy { $0["routing_key"].string == "R0UTINGKEY" })
            let payload = events[0]["payload"]
            #expect(payload["summary"].string == "Incident 1: Server errors have risen: tiny, eu, pro")
            #expect(payload["source"].string == "plimsoll" && payload["severity"].string == "critical" && payload["class"].string == "server_errors")
            #expect(payload["component"].string == "tiny" && payload["group"].string == "eu" && payload["custom_details"]["tier"].string == "pro")
            let moment = try Date(payload["timestamp"].string ?? "", strategy: .iso8601)
            #expect(moment == start)
            #expect(events[1].names == ["routing_key", "event_action", "dedup_key"])
            #expect(try await states(pool) == ["pd opened delivered", "pd resolved delivered"])
        }
    }

    @Test func `a channel that takes nothing keeps no page of another one waiting`() async throws {
        try await with { pool, pager in
            try await channel(pool, "dead", .generic, "http://127.0.0.1:1/", secret: "s")
            for number in 0..<50 { _ = try await open(pool, model: "m\(number)", at: start) }
            let receiver = try await WebhookReceiver()
            try await channel(pool, "well", .alertmanager, receiver.url, secret: "t0ken")
            _ = try await open(pool, at: start + 1)
            try await pager.turn(at: start + 2)
            #expect(try await states(pool).contains("well opened delivered"))
            #expect(try await pool.query("SELECT 1 AS one FROM reliability.page WHERE attempts > 0").count == 5)
        }
    }

    @Test func `Alertmanager's webhook is of version 4 and fires until it is resolved`() async throws {
        try await with { pool, pager in
            let receiver = try await WebhookReceiver()
            try await channel(pool, "am", .alertmanager, receiver.url, secret: "t0ken")
            let id = try await open(pool, at: start)
            try await pager.turn(at: start)
            try await pool.transaction { connection in
                try await IncidentBook(connection: connection, now: start + 60).resolve(
                    id, draft: PostmortemDraft.Made(document: "{}", isDue: false), actor: "policy", reason: "it is over")
            }
            try await pager.turn(at: start + 60)
            let calls = try receiver.documents
            #expect(receiver.header("authorization") == "Bearer t0ken")
            for (call, status) in zip(calls, ["firing", "resolved"]) {
                #expect(call["version"].string == "4" && call["status"].string == status && call["truncatedAlerts"].number == 0)
                #expect(
                    call.names == [
                        "version", "groupKey", "truncatedAlerts", "status", "receiver", "groupLabels", "commonLabels", "commonAnnotations",
                        "externalURL",
                        "alerts",
                    ])
                let alert = call["alerts"][0]
                #expect(alert.names == ["status", "labels", "annotations", "startsAt", "endsAt", "generatorURL", "fingerprint"])
                #expect(alert["labels"]["alertname"].string == "PlimsollIncident" && alert["labels"]["severity"].string == "critical")
                #expect(alert["fingerprint"].string?.count == 16)
            }
            #expect(calls[0]["alerts"][0]["endsAt"].string == "0001-01-01T00:00:00Z")
            let end = try Date(calls[1]["alerts"][0]["endsAt"].string ?? "", strategy: .iso8601)
            #expect(end == start + 60)
            #expect(calls[0]["alerts"][0]["fingerprint"] == calls[1]["alerts"][0]["fingerprint"])
        }
    }

    @Test func `Slack's message has blocks, and its secret is the address`() async throws {
        try await with { pool, pager in
            let receiver = try await WebhookReceiver(["200 OK"])
            try await channel(pool, "chat", .slack, "http://127.0.0.1:1/placeholder", secret: receiver.url)
            _ = try await open(pool, at: start)
            try await pager.turn(at: start)
            let message = try #require(try receiver.documents.first)
            #expect(message.names == ["text", "blocks"] && message["text"].string?.hasPrefix("Incident 1: ") == true)
            #expect(message["blocks"][0]["type"].string == "header" && message["blocks"][0]["text"]["type"].string == "plain_text")
            #expect((message["blocks"][0]["text"]["text"].string ?? "").count <= 150)
            let fields = message["blocks"][1]["fields"].elements
            #expect((1...10).contains(fields.count) && fields.allSatisfy { $0["type"].string == "mrkdwn" })
        }
    }

    @Test func `a generic page is signed over its time and body`() async throws {
        try await with { pool, pager in
            let receiver = try await WebhookReceiver()
            try await channel(pool, "own", .generic, receiver.url, secret: "shared secret")
            _ = try await open(pool, at: start)
            try await pager.turn(at: start)
            let (time, signature) = (receiver.header("x-plimsoll-timestamp") ?? "", receiver.header("x-plimsoll-signature"))
            #expect(time == "1900000000")
            let expected = Hex.encode(MAC.hmacSHA256(key: Array("shared secret".utf8), Array("\(time).\(receiver.bodies[0])".utf8)))
            #expect(signature == "v1=\(expected)")
            let document = try #require(try receiver.documents.first)
            #expect(document["delivery"].string == receiver.header("x-plimsoll-delivery"))
            #expect(document["incident"]["number"].number == 1)
        }
    }

    @Test func `a page is tried again after growing pauses, and one that is refused is a dead letter`() async throws {
        try await with { pool, pager in
            let receiver = try await WebhookReceiver(["503 Service Unavailable", "429 Too Many Requests", "200 OK"])
            try await channel(pool, "own", .generic, receiver.url)
            _ = try await open(pool, at: start)
            try await pager.turn(at: start)
            try await pager.turn(at: start + 1)
            #expect(receiver.runtime.seen.requests.count == 1)
            try await pager.turn(at: start + 6)
            try await pager.turn(at: start + 8)
            #expect(receiver.runtime.seen.requests.count == 2)
            try await pager.turn(at: start + 20)
            #expect(receiver.runtime.seen.requests.count == 3)
            #expect(try await states(pool) == ["own opened delivered"])
            #expect(Set(receiver.runtime.seen.requests.indices.map { receiver.header("x-plimsoll-delivery", $0) }).count == 1)

            let refusing = try await WebhookReceiver(["400 Bad Request"])
            try await channel(pool, "wrong", .generic, refusing.url)
            _ = try await open(pool, .burn, at: start + 100)
            try await pager.turn(at: start + 100)
            try await pager.turn(at: start + 10_000)
            #expect(refusing.runtime.seen.requests.count == 1)
            #expect(try await states(pool) == ["own opened delivered", "own opened delivered", "wrong opened dead"])
            let told = try await pool.query("SELECT text FROM reliability.incident_event WHERE kind = 'page' ORDER BY id")
            let words = try told.map { try $0.value("text", as: String.self) }
            #expect(words.contains("opened: wrong: dead, answered 400"))
        }
    }

    @Test func `a late write-up is over for receivers when it is there, and was never late for who has not been told yet`() async throws {
        try await with { pool, pager in
            let (pd, am, later) = (try await WebhookReceiver(), try await WebhookReceiver(), try await WebhookReceiver())
            try await channel(pool, "am", .alertmanager, am.url)
            try await channel(pool, "later", .generic, later.url, after: 3_600)
            try await channel(pool, "pd", .pagerduty, pd.url, secret: "k")
            let id = try await open(pool, at: start)
            try await pager.turn(at: start)
            try await pool.transaction { connection in
                try await IncidentBook(connection: connection, now: start + 60).resolve(
                    id, draft: PostmortemDraft.Made(document: "{}", isDue: true), actor: "policy", reason: "it is over")
            }
            try await pager.turn(at: start + 61)
            let late = start + 49 * 3_600
            try await pool.transaction { connection in try await PostmortemDesk(connection: connection, now: late).remind() }
            for second in 0..<3 { try await pager.turn(at: late + Double(second)) }
            let isFiled = try await pool.transaction { connection in
                try await PostmortemDesk(connection: connection, now: late + 60).file(id, "{}", actor: "test")
            }
            #expect(isFiled)
            for second in 0..<3 { try await pager.turn(at: late + 4_000 + Double(second)) }
            #expect(try pd.documents.map { $0["event_action"].string } == ["trigger", "resolve", "trigger", "resolve"])
            #expect(try pd.documents[2]["dedup_key"] == pd.documents[3]["dedup_key"] && pd.documents[1]["dedup_key"] != pd.documents[3]["dedup_key"])
            let calls = try am.documents
            #expect(calls.map { $0["status"].string } == ["firing", "resolved", "firing", "resolved"])
            #expect(calls[3]["alerts"][0]["endsAt"].string == (late + 60).formatted(.iso8601))
            #expect(later.runtime.seen.requests.isEmpty)
        }
    }

    @Test func `a dead letter that is sent again tells the end too; a removed channel hears nothing, a paused one later`() async throws {
        try await with { pool, pager in
            let (first, second) = (try await WebhookReceiver(["400 Bad Request"]), try await WebhookReceiver())
            try await channel(pool, "first", .pagerduty, first.url, secret: "k")
            let id = try await open(pool, at: start)
            try await pager.turn(at: start)
            try await pool.transaction { connection in
                try await IncidentBook(connection: connection, now: start + 60).resolve(
                    id, draft: PostmortemDraft.Made(document: "{}", isDue: false), actor: "policy", reason: "it is over")
                let row = try await connection.queryOne("SELECT id FROM reliability.page")
                let page: UUID = try #require(try row?.value("id"))
                #expect(try await PageBook(connection: connection, now: start + 100).retry(page))
                #expect(try await !PageBook(connection: connection, now: start + 100).retry(page))
            }
            for second in 0..<3 { try await pager.turn(at: start + 101 + Double(second)) }
            #expect(try first.documents.map { $0["event_action"].string } == ["trigger", "trigger", "resolve"])

            try await pool.execute("UPDATE reliability.page_channel SET state = 'paused'")
            try await channel(pool, "gone", .generic, second.url, after: 10)
            _ = try await open(pool, .burn, at: start + 200)
            try await pool.execute("UPDATE reliability.page_channel SET state = 'deleted', deleted_at = now() WHERE name = 'gone'")
            try await pager.turn(at: start + 300)
            #expect(second.runtime.seen.requests.isEmpty)
            #expect(try await states(pool).contains("gone opened dropped"))
        }
    }

    @Test func `the end is told to who may have heard of the beginning, though no try was answered, and not to who refused it`() async throws {
        try await with { pool, pager in
            let hearing = try await ScriptedRuntime { number, _ in
                switch number {
                case 0: [.reset]
                case 1: [.send("HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n")]
                default: [.send("HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n")]
                }
            }
            let refusing = try await WebhookReceiver(["429 Too Many Requests", "400 Bad Request"])
            try await channel(pool, "hearing", .pagerduty, "http://127.0.0.1:\(hearing.port)/hook", secret: "k")
            try await channel(pool, "nowhere", .generic, "http://127.0.0.1:1/")
            try await channel(pool, "refusing", .generic, refusing.url)
            let id = try await open(pool, at: start)
            try await pager.turn(at: start)
            try await pool.execute("UPDATE reliability.page SET attempts = 49 WHERE state = 'pending'")
            try await pager.turn(at: start + 100)
            #expect(try await states(pool) == ["hearing opened dead", "nowhere opened dead", "refusing opened dead"])
            try await pool.transaction { connection in
                try await IncidentBook(connection: connection, now: start + 160).resolve(
                    id, draft: PostmortemDraft.Made(document: "{}", isDue: false), actor: "policy", reason: "it is over")
            }
            try await pager.turn(at: start + 161)
            let known = ["hearing opened dead", "hearing resolved delivered", "nowhere opened dead", "refusing opened dead"]
            #expect(try await states(pool) == known)
            #expect(hearing.seen.requests.last?.contains(#""event_action":"resolve""#) == true)
            // Who is told of the beginning once more is told of the end once more.
            let row = try await pool.queryOne("SELECT id FROM reliability.page WHERE event = 'opened' AND may_be_heard")
            let page: UUID = try #require(try row?.value("id"))
            #expect(try await pool.transaction { try await PageBook(connection: $0, now: start + 200).retry(page) })
            for second in [201.0, 202] { try await pager.turn(at: start + second) }
            #expect(hearing.seen.requests.suffix(2).map { $0.contains(#""event_action":"trigger""#) } == [true, false])
        }
    }

    @Test func `what opens while a channel is paused is told when it is active again, unless it is over by then`() async throws {
        try await with { pool, pager in
            let receiver = try await WebhookReceiver()
            try await channel(pool, "own", .generic, receiver.url)
            try await pool.execute("UPDATE reliability.page_channel SET state = 'paused'")
            let (over, lasting) = (try await open(pool, at: start), try await open(pool, .burn, at: start))
            try await pool.transaction { connection in
                try await IncidentBook(connection: connection, now: start + 60).resolve(
                    over, draft: PostmortemDraft.Made(document: "{}", isDue: false), actor: "policy", reason: "it is over")
            }
            try await pager.turn(at: start + 61)
            #expect(receiver.runtime.seen.requests.isEmpty)
            try await pool.execute("UPDATE reliability.page_channel SET state = 'active'")
            try await pager.turn(at: start + 62)
            #expect(try receiver.documents.map { $0["incident"]["id"].string } == [lasting.lowercased])
            #expect(try await states(pool).sorted() == ["own opened delivered", "own opened dropped"])
        }
    }

    @Test func `nothing is told to fire after it was told to be over, whenever somebody acknowledges it`() async throws {
        try await with { pool, pager in
            let receiver = try await WebhookReceiver()
            try await channel(pool, "own", .alertmanager, receiver.url)
            let id = try await open(pool, at: start)
            try await pager.turn(at: start + 1)
            let tell = { (event: PageEvent, second: Double) in
                try await pool.transaction { try await PageBook(connection: $0, now: start + second).tell(id, event) }
            }
            try await tell(.acknowledged, 10)
            // Its first try failed: the next one is later than the end.
            try await pool.execute(
                "UPDATE reliability.page SET attempts = 1, next_attempt_at = \(start + 300) WHERE event = 'acknowledged'")
            try await pool.transaction { connection in
                try await IncidentBook(connection: connection, now: start + 60).resolve(
                    id, draft: PostmortemDraft.Made(document: "{}", isDue: false), actor: "policy", reason: "it is over")
            }
            try await tell(.acknowledged, 70)
            for second in [61.0, 301, 302, 1_000] { try await pager.turn(at: start + second) }
            #expect(try receiver.documents.map { $0["status"].string } == ["firing", "resolved"])
            #expect(try await states(pool) == ["own acknowledged dropped", "own opened delivered", "own resolved delivered"])
        }
    }

    @Test func `an acknowledgement that comes behind the end has no page`() async throws {
        try await with { pool, pager in
            let receiver = try await WebhookReceiver()
            try await channel(pool, "own", .generic, receiver.url)
            let id = try await open(pool, at: start)
            try await pager.turn(at: start + 1)
            try await pool.transaction { connection in
                try await IncidentBook(connection: connection, now: start + 60).resolve(
                    id, draft: PostmortemDraft.Made(document: "{}", isDue: false), actor: "policy", reason: "it is over")
                try await PageBook(connection: connection, now: start + 70).tell(id, .acknowledged)
            }
            try await pager.turn(at: start + 71)
            #expect(try receiver.documents.map { $0["event"].string } == ["opened", "resolved"])
        }
    }

    @Test func `who is to hear only when nobody acknowledges hears then, and tickets wake nobody who asked for pages`() async throws {
        try await with { pool, pager in
            let (first, second) = (try await WebhookReceiver(), try await WebhookReceiver())
            try await channel(pool, "first", .generic, first.url)
            try await channel(pool, "second", .generic, second.url, after: 300)
            _ = try await open(pool, .queueTime, at: start)
            let id = try await open(pool, at: start)
            try await pager.turn(at: start + 299)
            #expect(first.runtime.seen.requests.count == 1 && second.runtime.seen.requests.isEmpty)
            try await pager.turn(at: start + 301)
            #expect(second.runtime.seen.requests.count == 1)

            let other = try await open(pool, .burn, at: start + 400)
            try await pager.turn(at: start + 401)
            try await pool.transaction { connection in
                try await PageBook(connection: connection, now: start + 410).tell(other, .acknowledged)
            }
            try await pager.turn(at: start + 2_000)
            #expect(second.runtime.seen.requests.count == 1)
            let heard = try first.documents.map { $0["event"].string }
            #expect(heard == ["opened", "opened", "acknowledged"])
            #expect(id != other)
        }
    }
}
