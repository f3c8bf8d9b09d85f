import Cryptography
import Domain
import FoundationEssentials
import Outbound
import Postgres
import TestSupport
import Testing

@testable import ControlPlane

/// A fleet whose model fails, a keeper, a scaler that listens, and the courier between them.
struct ScaledWorld: Sendable {
    let incidents: IncidentWorld
    let courier: CapacityCourier
    let receiver: WebhookReceiver
    let start: Date
    let folder: TemporaryFolder

    /// - Parameter statuses: What the scaler answers, one after the other; in the end always 202.
    static func with(_ statuses: [String] = [], drill: Bool = false, _ body: (ScaledWorld) async throws -> Void) async throws {
        let start = Date(timeIntervalSince1970: (Date().timeIntervalSince1970 / 60).rounded(.down) * 60)
        try await IncidentWorld.with { incidents in
            let client = OutboundClient()
            defer { client.shutdown() }
            let (pool, receiver) = (incidents.world.pool, try await WebhookReceiver(statuses))
            let folder = try TemporaryFolder()
            let secret = folder.file()
            try SecretFile.write(Array("shared secret\n".utf8), to: secret)
            try await pool.execute(
                """
                INSERT INTO reliability.scaler (name, url, secret_file, region, updated_at)
                VALUES ('hosts-eu', \(receiver.url), \(secret), 'eu', \(start - 3_600))
                """)
            for minute in 0..<5 { try await incidents.minute(start + Double(60 * minute) - 300, good: 90, errors: 10, drill: drill) }
            let courier = CapacityCourier(pool: pool, client: client, logger: incidents.world.logger)
            try await body(ScaledWorld(incidents: incidents, courier: courier, receiver: receiver, start: start, folder: folder))
        }
    }

    var pool: PostgresPool { incidents.world.pool }

    /// The policy has decided, and nobody has been told yet.
    func decide() async throws -> UUID {
        try await incidents.turn(start + 10)
        let row = try await pool.queryOne("SELECT id FROM reliability.mitigation WHERE action = 'raise_workers' AND mode = 'automatic'")
        return try #require(try row?.value("id", as: UUID.self))
    }

    func end(_ id: UUID, at second: Double, state: String = "reverted") async throws {
        try await pool.transaction { connection in
            let isEnded = try await MitigationDesk(connection: connection, now: start + second).end(id, state: state, reason: "enough", actor: "test")
            #expect(isEnded)
        }
    }

    func extend(_ id: UUID, at second: Double, until: Double) async throws {
        try await pool.transaction { connection in
            let desk = MitigationDesk(connection: connection, now: start + second)
            _ = try await desk.carryOut([.extend(id.lowercased, until: (start + until).wholeSeconds)], try await desk.terms())
        }
    }

    /// For a row that another transaction holds.
    func untilSomebodyWaits() async throws {
        try await Waiting.until("somebody waits for a row", within: .seconds(10)) {
            try await pool.queryOne("SELECT 1 AS yes FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'") != nil
        }
    }

    /// What was told, and how it went.
    func messages() async throws -> [String] {
        try await pool.query("SELECT event || ' ' || state AS line FROM reliability.capacity_order ORDER BY number").map { try $0.value("line") }
    }

    func timeline() async throws -> [String] {
        try await pool.query("SELECT text FROM reliability.incident_event WHERE kind IN ('mitigation', 'proposal') ORDER BY id").map {
            try $0.value("text")
        }
    }

    var heard: [String] { get throws { try receiver.documents.map { $0["event"].string ?? "?" } } }
}

/// Workers that are ordered of the operator's own scaler.
@Suite struct CapacityOrderTests {
    @Test func `workers are ordered with a signature, and in force when the scaler took it`() async throws {
        try await ScaledWorld.with { world in
            let (id, start) = (try await world.decide(), world.start)
            try await world.courier.turn(at: start + 12)
            let order = try #require(try world.receiver.documents.first)
            #expect(order["event"].string == "raise" && order["order"].string == id.lowercased && order["workers"].number == 1)
            #expect(order["model"].string == "tiny" && order["region"].string == "eu" && order["version"].number == 1)
            #expect(order["incident"]["drill"] == .bool(false) && order["incident"]["number"].number != nil, "\(order.text)")
            #expect(try Date(order["expires_at"].string ?? "", strategy: .iso8601) == start + 10 + 3_600)
            #expect(order["delivery"].string == world.receiver.header("x-plimsoll-delivery"))
            let time = world.receiver.header("x-plimsoll-timestamp") ?? ""
            #expect(time == "\((start + 12).wholeSeconds)")
            let signature = Hex.encode(MAC.hmacSHA256(key: Array("shared secret".utf8), Array("\(time).\(world.receiver.bodies[0])".utf8)))
            #expect(world.receiver.header("x-plimsoll-signature") == "v1=" + signature)
            try await world.incidents.turn(start + 13)
            let (incident, inForce) = ("SELECT incident_id::text AS one FROM reliability.mitigation WHERE id = \(id)" as SQL, start + 12)
            let number = try #require(try await world.incidents.one(incident))
            let first = try await world.pool.queryOne("SELECT \(MitigationReach.firstInForce([number])) AS at")
            #expect(try first?.value("at", as: Date?.self) == inForce)
            // Gateways have nothing to do with it.
            _ = try await world.incidents.world.publisher().publishNow()
            #expect(
                try await world.incidents.rows("SELECT key FROM serving.routing_table_entry WHERE key = \("mitigation/" + id.lowercased)").isEmpty)
            let told = try await world.timeline()
            #expect(told.contains { $0.hasPrefix("decided: raise workers, model tiny, region eu; 1 worker from hosts-eu; costs ") }, "\(told)")
            #expect(told.contains { $0.hasPrefix("ordered: hosts-eu took it: 1 worker until ") }, "\(told)")
        }
    }

    @Test func `a scaler that is away is asked again after growing pauses, and the same`() async throws {
        try await ScaledWorld.with(["503 Service Unavailable", "429 Too Many Requests"]) { world in
            _ = try await world.decide()
            for second in [11.0, 11.5, 14, 20, 30] { try await world.courier.turn(at: world.start + second) }
            #expect(try world.heard == ["raise", "raise", "raise"])
            #expect(Set((0..<3).map { world.receiver.header("x-plimsoll-delivery", $0) }).count == 1)
            #expect(try await world.messages() == ["raise delivered"])
        }
    }

    @Test func `what a scaler refuses is taken back, a person is asked, and it is not asked again until it is changed`() async throws {
        try await ScaledWorld.with(["422 Unprocessable Content"]) { world in
            let id = try await world.decide()
            try await world.courier.turn(at: world.start + 11)
            try await world.incidents.turn(world.start + 12)
            for second in [13.0, 30] { try await world.courier.turn(at: world.start + second) }
            #expect(
                try await world.incidents.rows(
                    "SELECT mode, state, end_reason FROM reliability.mitigation WHERE action = 'raise_workers' ORDER BY mode")
                    == ["(automatic,reverted,\"it did not help\")", "(proposal,proposed,)"])
            // It cannot have begun with what it refused at once.
            #expect(try await world.messages() == ["raise refused"] && world.heard == ["raise"])
            let told = try await world.timeline()
            #expect(told.contains("refused: raise of 1 worker by hosts-eu: answered 422"), "\(told)")
            #expect(told.contains { $0.hasPrefix("a person is asked to: raise workers") })
            func refused() async throws -> Int {
                try await world.pool.transaction { connection in
                    let desk = MitigationDesk(connection: connection, now: world.start + 60)
                    return try await desk.situation([], FleetView(), desk.terms()).refused.count
                }
            }
            #expect(try await refused() == 1)
            try await world.pool.execute("UPDATE reliability.scaler SET updated_at = \(world.start + 30)")
            #expect(try await refused() == 0)
            #expect(try await world.incidents.rows("SELECT 1 FROM reliability.mitigation WHERE id = \(id)").count == 1)
        }
    }

    @Test(arguments: ["reverted", "vetoed", "expired"])
    func `workers are released when the mitigation ends, and who does not know them has released them`(_ state: String) async throws {
        try await ScaledWorld.with(["200 OK", "404 Not Found"]) { world in
            let id = try await world.decide()
            try await world.courier.turn(at: world.start + 11)
            if state == "expired" {
                try await world.pool.execute("UPDATE reliability.mitigation SET expires_at = \(world.start + 15) WHERE id = \(id)")
                try await world.incidents.turn(world.start + 16)
            } else {
                try await world.end(id, at: 15, state: state)
            }
            for second in [17.0, 18] { try await world.courier.turn(at: world.start + second) }
            #expect(try world.heard == ["raise", "release"])
            #expect(try Set(world.receiver.documents.map { $0["order"].string }) == [id.lowercased])
            #expect(try await world.messages() == ["raise delivered", "release delivered"])
            #expect(try await world.timeline().contains("released: hosts-eu takes 1 worker back"))
        }
    }

    @Test func `what nobody has heard of is dropped without a word; what may have been heard is released`() async throws {
        try await ScaledWorld.with { world in
            try await world.end(try await world.decide(), at: 11)
            try await world.courier.turn(at: world.start + 12)
            #expect(try await world.messages() == ["raise dropped"] && world.heard.isEmpty)
        }
        try await ScaledWorld.with(["503 Service Unavailable"]) { world in
            let id = try await world.decide()
            try await world.courier.turn(at: world.start + 11)
            try await world.end(id, at: 12)
            for second in [12.0, 60] { try await world.courier.turn(at: world.start + second) }
            #expect(try await world.messages() == ["raise dropped", "release delivered"] && world.heard == ["raise", "release"])
        }
    }

    @Test func `a try that begins while the mitigation is taken back is followed by a release`() async throws {
        try await ScaledWorld.with { world in
            let id = try await world.decide()
            try await withThrowingTaskGroup(of: Void.self) { group in
                try await world.pool.transaction { courier in
                    try await courier.execute("UPDATE reliability.capacity_order SET attempts = 1")
                    group.addTask { try await world.end(id, at: 12) }
                    try await world.untilSomebodyWaits()
                }
                try await group.waitForAll()
            }
            #expect(try await world.messages() == ["raise dropped", "release pending"])
        }
    }

    @Test func `an order that is sent again while its mitigation is taken back is not left behind`() async throws {
        try await ScaledWorld.with(["422 Unprocessable Content"]) { world in
            let id = try await world.decide()
            try await world.courier.turn(at: world.start + 11)
            let row = try await world.pool.queryOne("SELECT id FROM reliability.capacity_order")
            let message = try #require(try row?.value("id", as: UUID.self))
            try await withThrowingTaskGroup(of: Void.self) { group in
                try await world.pool.transaction { person in
                    #expect(try await CapacityBook(connection: person, now: world.start + 12).retry(message))
                    group.addTask { try await world.end(id, at: 12) }
                    try await world.untilSomebodyWaits()
                }
                try await group.waitForAll()
            }
            // The second try may have begun.
            #expect(try await world.messages() == ["raise dropped", "release pending"])
        }
    }

    @Test func `an extension that comes before the order was told is told with it, else after it`() async throws {
        try await ScaledWorld.with(["503 Service Unavailable"]) { world in
            let (id, start) = (try await world.decide(), world.start)
            try await world.extend(id, at: 10, until: 4_000)
            #expect(try await world.messages() == ["raise pending"])
            try await world.courier.turn(at: start + 11)
            try await world.extend(id, at: 11, until: 5_000)
            try await world.courier.turn(at: start + 11)
            #expect(try world.heard == ["raise"])
            try await world.extend(id, at: 12, until: 6_000)
            for second in [20.0, 21] { try await world.courier.turn(at: start + second) }
            #expect(try world.heard == ["raise", "raise", "extend"])
            let ends = try world.receiver.documents.map { try Date($0["expires_at"].string ?? "", strategy: .iso8601) }
            #expect(ends == [start + 4_000, start + 4_000, start + 6_000])
            #expect(try await world.messages() == ["raise delivered", "extend delivered"])
        }
    }

    @Test func `a scaler that never answers is given up after a quarter of an hour, and asked to release what it may have`() async throws {
        try await ScaledWorld.with(Array(repeating: "503 Service Unavailable", count: 10)) { world in
            _ = try await world.decide()
            var second = 10.0
            while try await world.messages() == ["raise pending"], second < 2_000 {
                second += 10
                try await world.courier.turn(at: world.start + second)
            }
            #expect(try await world.messages() == ["raise dead"] && (300...1_200).contains(second), "\(second)")
            #expect(try await world.timeline().contains("given up: raise of 1 worker by hosts-eu: answered 503"))
            try await world.incidents.turn(world.start + second + 1)
            try await world.courier.turn(at: world.start + second + 2)
            #expect(try await world.messages() == ["raise dead", "release delivered"])
        }
    }

    @Test func `a paused scaler is asked for nothing new, and releases what it has`() async throws {
        try await ScaledWorld.with { world in
            let id = try await world.decide()
            try await world.pool.execute("UPDATE reliability.scaler SET state = 'paused'")
            try await world.courier.turn(at: world.start + 11)
            #expect(try world.heard.isEmpty)
            try await world.pool.execute("UPDATE reliability.scaler SET state = 'active'")
            try await world.courier.turn(at: world.start + 12)
            try await world.pool.execute("UPDATE reliability.scaler SET state = 'paused'")
            try await world.end(id, at: 13)
            try await world.courier.turn(at: world.start + 14)
            #expect(try world.heard == ["raise", "release"])
        }
    }

    @Test func `a scaler that is paused before it was asked makes way for a person`() async throws {
        try await ScaledWorld.with { world in
            _ = try await world.decide()
            try await world.pool.execute("UPDATE reliability.scaler SET state = 'paused'")
            for second in [16.0, 17] { try await world.incidents.turn(world.start + second) }
            #expect(try await world.messages() == ["raise dropped"])
            #expect(
                try await world.incidents.rows("SELECT mode, state FROM reliability.mitigation WHERE action = 'raise_workers' ORDER BY mode")
                    == ["(automatic,reverted)", "(proposal,proposed)"])
        }
    }

    @Test func `a secret that cannot be read is a failed try, and nothing is sent unsigned`() async throws {
        try await ScaledWorld.with { world in
            _ = try await world.decide()
            try await world.pool.execute("UPDATE reliability.scaler SET secret_file = '/nowhere/key'")
            try await world.courier.turn(at: world.start + 11)
            #expect(try world.heard.isEmpty)
            #expect(
                try await world.incidents.rows("SELECT state, attempts, last_error FROM reliability.capacity_order") == [
                    "(pending,1,\"its secret file cannot be read\")"
                ])
        }
    }

    @Test func `a drill orders nothing: a person is asked`() async throws {
        try await ScaledWorld.with(drill: true) { world in
            for second in [10.0, 11] { try await world.incidents.turn(world.start + second) }
            try await world.courier.turn(at: world.start + 12)
            #expect(try await world.messages().isEmpty && world.heard.isEmpty)
            #expect(
                try await world.incidents.rows("SELECT DISTINCT mode FROM reliability.mitigation WHERE action = 'raise_workers'") == ["(proposal)"])
            let told = try await world.timeline()
            #expect(told.contains { $0.hasPrefix("a person is asked to: raise workers") && $0.hasSuffix("; a drill orders no workers") }, "\(told)")
        }
    }

    @Test func `a dry run orders nothing`() async throws {
        try await ScaledWorld.with { world in
            try await world.pool.execute("UPDATE reliability.mitigation_policy SET mode = 'dry_run'")
            try await world.incidents.turn(world.start + 10)
            #expect(try await world.messages().isEmpty)
            let told = try await world.timeline()
            #expect(told.contains { $0.hasPrefix("would do: raise workers, model tiny, region eu; 1 worker from hosts-eu") }, "\(told)")
        }
    }
}
