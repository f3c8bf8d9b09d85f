import Domain
import FoundationEssentials
import Logging
import Outbound
import Postgres
import TestSupport
import Testing

@testable import ControlPlane

/// Whoever brings messages dies after they were sent and before it can write down that they were taken: nothing that it does from then on comes to its
/// database. What stands there is what a process leaves that is killed at any moment between the two.
private struct Death {
    let receiver: ScriptedRuntime
    let pool: PostgresPool
    private let moment = ScriptedMoment()

    /// - Parameter messages: So many, no more, come before it.
    init(after messages: Int, of living: PostgresPool, logger: Logger) async throws {
        pool = PostgresPool(configuration: living.configuration, logger: logger)
        let answer = ScriptedRuntime.Step.send("HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n")
        let wait = moment.step
        receiver = try await ScriptedRuntime { number, _ in number < messages ? [wait, answer] : [answer] }
    }

    var url: String { "http://127.0.0.1:\(receiver.port)/hook" }

    /// - Parameter turn: Of who dies.
    func meet(after messages: Int, _ turn: @escaping @Sendable () async throws -> Void) async throws {
        // Waited for below.
        let last = Task { try await turn() }
        try await Waiting.until("all has been sent", within: .seconds(20)) { receiver.seen.requests.count == messages }
        await pool.close()
        moment.come()
        await #expect(throws: (any Error).self) { try await last.value }
    }

    /// Of all requests, by the values of a header.
    func counts(_ header: String) -> [String: Int] {
        receiver.seen.requests.reduce(into: [:]) { counts, request in
            let line = request.split(separator: "\r\n").first { $0.lowercased().hasPrefix(header + ": ") } ?? ""
            counts[String(line.dropFirst(header.count + 2)), default: 0] += 1
        }
    }
}

@Suite struct CourierDeathTests {
    /// Further orders, by hand.
    private func order(_ world: ScaledWorld, _ count: Int) async throws -> [UUID] {
        try await world.pool.query(
            """
            WITH made AS (
                INSERT INTO reliability.mitigation (action, model, region, value, cause, mode, state, requested_by, created_at, expires_at)
                SELECT 'raise_workers', 'tiny', 'eu', place, 'by hand', 'manual', 'active', 'test', \(world.start), \(world.start + 3_600)
                FROM generate_series(1, \(count)) AS place RETURNING id, expires_at)
            INSERT INTO reliability.capacity_order (mitigation_id, scaler_id, event, workers, expires_at, created_at, next_attempt_at)
            SELECT made.id, scaler.id, 'raise', 1, made.expires_at, \(world.start), \(world.start) FROM made, reliability.scaler AS scaler
            RETURNING mitigation_id
            """
        ).map { try $0.value("mitigation_id") }
    }

    @Test func `orders whose courier is killed before it knows that they were taken are told again by the same ids, and none is lost or left behind`()
        async throws
    {
        try await ScaledWorld.with { world in
            let (pool, start, logger) = (world.pool, world.start, world.incidents.world.logger)
            let orders = try await [world.decide()] + order(world, 5)
            let death = try await Death(after: orders.count, of: pool, logger: logger)
            try await pool.execute("UPDATE reliability.scaler SET url = \(death.url)")
            let client = OutboundClient()
            defer { client.shutdown() }
            let killed = CapacityCourier(pool: death.pool, client: client, logger: logger)
            try await death.meet(after: orders.count) { try await killed.turn(at: start + 11) }
            #expect(try await world.messages() == Array(repeating: "raise pending", count: 6))
            // Its successor tells of an order that ended meanwhile at once: the scaler may have it.
            try await world.end(orders[1], at: 12)
            for second in [12.0, 13, 72, 73] { try await world.courier.turn(at: start + second) }
            let told = try death.receiver.seen.requests.map { request in
                try JSONDecoder().decode(JSONTree.self, from: Data((request.components(separatedBy: "\r\n\r\n").last ?? "").utf8))
            }
            func count(_ order: UUID, _ event: String) -> Int { told.count { $0["order"].string == order.lowercased && $0["event"].string == event } }
            for order in orders { #expect((count(order, "raise"), count(order, "release")) == (order == orders[1] ? (1, 1) : (2, 0))) }
            // Who knows a message by its delivery does once what it says.
            let deliveries = death.counts("x-plimsoll-delivery")
            #expect(deliveries.count == 7 && deliveries.values.filter { $0 == 2 }.count == 5, "\(deliveries)")
            let ended = try await world.messages()
            #expect(
                ended.count { $0 == "raise delivered" } == 5 && ended.contains("raise dropped") && ended.contains("release delivered"), "\(ended)")
        }
    }

    @Test func `a page whose pager is killed before it knows that it was taken is sent again as the same one`() async throws {
        try await PeerWorld.with { world in
            let (pool, start) = (world.pool, Date(timeIntervalSince1970: 1_900_000_000))
            let death = try await Death(after: 1, of: pool, logger: world.logger)
            try await pool.execute("INSERT INTO reliability.page_channel (name, kind, url) VALUES ('own', 'generic', \(death.url))")
            let id = try await pool.transaction { connection in
                let key = IncidentKey(.serverErrors, tier: "pro", model: "tiny", region: "eu")
                return try await IncidentBook(connection: connection, now: start).add(
                    IncidentTrigger(key: key, beganAt: start, text: "seen"), snapshot: "{}")
            }
            let client = OutboundClient()
            defer { client.shutdown() }
            let killed = Pager(pool: death.pool, client: client, logger: world.logger)
            try await death.meet(after: 1) { try await killed.turn(at: start + 1) }
            let pager = Pager(pool: pool, client: client, logger: world.logger)
            // What is told of its end waits for its beginning.
            try await pool.transaction { connection in
                try await IncidentBook(connection: connection, now: start + 5).resolve(
                    id, draft: PostmortemDraft.Made(document: "{}", isDue: false), actor: "policy", reason: "it is over")
            }
            for second in [6.0, 62, 63] { try await pager.turn(at: start + second) }
            let events = death.receiver.seen.requests.map { $0.contains(#""event":"opened""#) }
            #expect(events == [true, true, false])
            #expect(death.counts("x-plimsoll-delivery").values.sorted() == [1, 2])
        }
    }
}
