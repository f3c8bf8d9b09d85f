import Domain
import FoundationEssentials
import Logging
import PlimsollWire
import Postgres
import Telemetry
import TestSupport
import Testing

@testable import ControlPlane

/// Gateways that a drill keeps from the control plane: what they do not tell meanwhile is no failure of theirs.
@Suite struct AloneGatewayTests {
    private static let gateway = UUID(uuid: (9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9))

    /// A gateway of `eu` whose last word was so many seconds ago, and a drill that began and ends so many seconds from now.
    private static func statements(told: Int, drill region: String?, from: Int, until: Int) -> [SQL] {
        [
            """
            INSERT INTO serving.gateways (id, name, region, advertise, boot_id, certificate_not_after, last_seen_at)
            VALUES (\(gateway), 'g', 'eu', 'g:7801', 'b', now() + interval '1 day', now())
            """,
            """
            INSERT INTO reliability.minute_source (gateway_id, boot_id, sequence, told_at)
            VALUES (\(gateway), 'b', 1, now() + make_interval(secs => \(told)))
            """,
            """
            INSERT INTO reliability.drill (kind, region, models, reason, requested_by, started_at, until_at)
            VALUES ('control-loss', \(region), '{tiny}', 'rehearsal', 'test', now() + make_interval(secs => \(from)), now() + make_interval(secs => \(until)))
            """,
        ]
    }

    @Test(
        "a gateway is not lost for what a drill does, and is for its own silence",
        arguments: [
            (told: -118, region: nil, from: -120, until: 5, lost: 0), (told: -118, region: "eu", from: -120, until: 5, lost: 0),
            (told: -200, region: "eu", from: -205, until: -85, lost: 0), (told: -220, region: "eu", from: -215, until: -95, lost: 1),
            (told: -118, region: "us", from: -120, until: 5, lost: 1), (told: -250, region: nil, from: -120, until: 5, lost: 1),
        ] as [(told: Int, region: String?, from: Int, until: Int, lost: Int)])
    func lost(told: Int, region: String?, from: Int, until: Int, lost: Int) async throws {
        try await PeerWorld.with { world in
            for statement in Self.statements(told: told, drill: region, from: from, until: until) { try await world.pool.execute(statement) }
            #expect(try await MinuteSources(pool: world.pool).findLost { _, _, _ in [] } == lost)
        }
    }

    @Test("what the gateways of a drill measure is told after it: nothing is unmeasured meanwhile", arguments: [(5, 0), (-85, 0), (-95, 1)])
    func unmeasured(until: Int, found: Int) async throws {
        try await PeerWorld.with { world in
            for statement in Self.statements(told: -200, drill: "eu", from: -600, until: until) { try await world.pool.execute(statement) }
            let tables = SignalTables(serving: world.pool, reliability: world.pool, now: Date())
            let terms = [FleetView.Terms(model: "tiny", tier: "pro", region: "eu"), FleetView.Terms(model: "tiny", tier: "pro", region: "us")]
            let regions = try await tables.unmeasured(terms, promised: terms).map(\.key.region)
            #expect(regions.count { $0 == "eu" } == found && regions.count { $0 == "us" } == 1, "\(regions)")
        }
    }

    private static func turn(_ admin: AdminFixture, at moment: Date) async throws {
        let logger = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
        let databases = ControlDatabases(admin.database.configuration(), logger: logger)
        let keeper = DrillKeeper(databases: databases, holder: UUID(), metrics: MetricRegistry(), logger: logger)
        let done = await Result { try await keeper.turn(at: moment) }
        await databases.close()
        try done.get()
    }

    @Test("the report waits until every gateway has told what it counted, and says who has not", arguments: [true, false])
    func report(speaks: Bool) async throws {
        try await AdminFixture.run { admin in
            for statement in Self.statements(told: -118, drill: "eu", from: -120, until: 0) { _ = try await admin.row("\(statement) RETURNING 1") }
            let now = Date()
            let state = { try await admin.get("drills").json["data"][0] }
            try await Self.turn(admin, at: now.addingTimeInterval(40))
            #expect(try await state()["state"].string == "settling", "shippers still have what was asked meanwhile")
            if speaks { _ = try await admin.row("UPDATE reliability.minute_source SET told_at = now() + interval '2 seconds' RETURNING 1") }
            try await Self.turn(admin, at: now.addingTimeInterval(speaks ? 41 : 89))
            #expect(try await state()["state"].string == (speaks ? "unproven" : "settling"))
            try await Self.turn(admin, at: now.addingTimeInterval(92))
            let report = try await state()["report"]
            #expect(report["gateways_silent"] == .number(speaks ? 0 : 1), "\(report)")
            #expect(report["gaps"].elements.contains { $0.string?.contains("1 gateway told nothing since its end") == true } != speaks, "\(report)")
        }
    }
}

extension Result where Failure == any Error {
    fileprivate init(_ work: () async throws -> Success) async {
        do { self = .success(try await work()) } catch { self = .failure(error) }
    }
}
