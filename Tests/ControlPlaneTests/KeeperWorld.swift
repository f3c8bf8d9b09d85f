import Domain
import FoundationEssentials
import Postgres
import Telemetry

@testable import ControlPlane

/// The keeper of the promise's books on a database of its own, two hours after a minute from which it has all to do.
struct KeeperWorld: Sendable {
    let world: PeerWorld
    let databases: ControlDatabases
    /// Minutes since 1970.
    let now: Int64
    let start: Int64
    let tenant = UUID()

    /// - Parameter opening: How many minutes ago the books begin.
    static func run(opening minutes: Int64 = 120, _ body: (KeeperWorld) async throws -> Void) async throws {
        try await PeerWorld.with { world in
            let row = try await world.pool.queryOne("SELECT extract(epoch FROM now())::bigint / 60 AS minute")
            let now: Int64 = try row?.value("minute") ?? 0
            let databases = ControlDatabases(world.pool.configuration, logger: world.logger)
            let keeper = KeeperWorld(world: world, databases: databases, now: now, start: now - minutes)
            try await world.pool.execute(
                "INSERT INTO reliability.minute_progress (closed_until) VALUES (\(SQL.minute(now - minutes)))")
            // So that nothing is left out where a month has just begun.
            try await world.pool.execute("UPDATE reliability.objective SET period = 'rolling' WHERE kind = 'availability'")
            try await keeper.probe(keeper.start..<now + 2)
            try await body(keeper)
            await databases.close()
        }
    }

    func turn(at minute: Int64? = nil, metrics: MetricRegistry = MetricRegistry()) async throws {
        let moment = Date(timeIntervalSince1970: Double((minute ?? now) * 60 + 1))
        let keeper = ReliabilityKeeper(databases: databases, holder: UUID(), now: { moment }, metrics: metrics, logger: world.logger)
        try await keeper.turn()
    }

    func probe(_ range: MinuteRange) async throws {
        try await world.pool.execute(
            """
            INSERT INTO reliability.probe_minute SELECT 'tiny', 'eu', minute_at, 1, 0
            FROM generate_series(\(SQL.minute(range.lowerBound)), \(SQL.minute(range.upperBound - 1)), '1 minute') AS minute_at
            """)
    }

    func report(_ minute: Int64, good: Int64, bad: Int64, gateway: Int = 1) async throws {
        try await report(minute..<minute + 1, good: good, bad: bad, gateway: gateway)
    }

    func report(_ range: MinuteRange, good: Int64, bad: Int64, gateway: Int = 1) async throws {
        try await world.pool.execute(reports(range, good: good, bad: bad, gateway: gateway))
    }

    /// What a gateway's report of these minutes writes.
    func reports(_ range: MinuteRange, good: Int64, bad: Int64, gateway: Int = 1) -> SQL {
        """
        INSERT INTO reliability.minute (tenant_id, model, region, minute_at, gateway_id, boot_id, sequence, tier, outcomes, good, bad, excluded,
            first_token_samples, first_token_over, prompt_tokens, completion_tokens, rate_limited, disconnects, first_token_histogram)
        SELECT \(tenant), 'tiny', 'eu', minute_at, lpad(\(gateway)::text, 32, '0')::uuid, 'a', 1, 'pro',
            json_build_object('good', \(good)::bigint, 'bad:5xx', \(bad)::bigint)::jsonb, \(good), \(bad), 0, 0, 0, 0, 0, 0, 0, '{}'
        FROM generate_series(\(SQL.minute(range.lowerBound)), \(SQL.minute(range.upperBound - 1)), '1 minute') AS minute_at
        """
    }

    /// The ledger as `minute cause amount`, minutes counted from the start.
    func ledger() async throws -> [String] {
        let rows = try await world.pool.query(
            """
            SELECT (extract(epoch FROM minute_at)::bigint / 60 - \(start)) || ' ' || cause || ' ' || amount AS line
            FROM reliability.budget_entry ORDER BY minute_at, revision
            """)
        return try rows.map { try $0.value("line") }
    }
}
