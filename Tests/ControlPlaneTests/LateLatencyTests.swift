import FoundationEssentials
import PlimsollWire
import Postgres
import Telemetry
import TestSupport
import Testing

@testable import ControlPlane

/// Public charts of what gateways told hours later.
@Suite struct LateLatencyTests {
    /// A report of first tokens, of which all are in one bucket of the histogram.
    private func report(_ keeper: KeeperWorld, _ minute: Int64, bucket: Int, count: Int64, gateway: UUID = UUID()) async throws {
        try await keeper.world.pool.execute(
            """
            INSERT INTO reliability.minute (tenant_id, model, region, minute_at, gateway_id, boot_id, sequence, tier, outcomes, good, bad, excluded,
                first_token_samples, first_token_over, prompt_tokens, completion_tokens, rate_limited, disconnects, first_token_histogram)
            VALUES (\(keeper.tenant), 'tiny', 'eu', \(SQL.minute(minute)), \(gateway), 'a', 1, 'pro', json_build_object('good', \(count)::bigint)::jsonb, \(count),
                0, 0, \(count), 0, 0, 0, 0, 0, json_build_object(\("\(bucket)")::text, \(count)::bigint)::jsonb)
            """)
    }

    /// Of each hour that is known, so many hours ago, and of its day, in microseconds.
    private func told(_ keeper: KeeperWorld) async throws -> [String] {
        try await keeper.world.pool.query(
            """
            SELECT span || ' ' || (\(keeper.now / 60) - extract(epoch FROM start_at)::bigint / 3600) || ' ' || samples || ' ' || p95_us AS line
            FROM reliability.public_latency WHERE span = 'hour' ORDER BY start_at
            """
        ).map { try $0.value("line") }
    }

    @Test func `what is told hours later corrects the charts of its hour and day, some hours in a turn`() async throws {
        try await KeeperWorld.run(opening: 60 * 20) { keeper in
            let maker = StatusMaker(
                databases: keeper.databases, news: Bells(), holder: UUID(), metrics: MetricRegistry(), logger: keeper.world.logger)
            let now = Date(timeIntervalSince1970: Double(keeper.now * 60 + 20))
            let hour = keeper.now / 60
            try await report(keeper, (hour - 5) * 60, bucket: 100, count: 10)
            try await keeper.turn()
            try await maker.make(at: now)
            #expect(try await told(keeper) == ["hour 5 10 100"])
            for ago in 3...18 { try await report(keeper, (hour - Int64(ago)) * 60 + 1, bucket: 127, count: 90) }
            try await keeper.turn(at: keeper.now + 1)
            try await maker.make(at: now + 300)
            // The oldest twelve first.
            #expect(try await told(keeper) == (7...18).reversed().map { "hour \($0) 90 127" } + ["hour 5 10 100"])
            try await maker.make(at: now + 600)
            let all = (3...18).reversed().map { $0 == 5 ? "hour 5 100 127" : "hour \($0) 90 127" }
            #expect(try await told(keeper) == all)
            let row = try await keeper.world.pool.queryOne(
                """
                SELECT (SELECT sum(samples)::bigint FROM reliability.public_latency WHERE span = 'day') AS samples,
                    (SELECT count(*) FROM reliability.public_latency_late) AS waiting
                """)
            #expect(try row?.value("samples", as: Int64.self) == 1_450 && row?.value("waiting", as: Int.self) == 0)
        }
    }

    @Test func `hours that could not be merged in the first turn are merged in a later one`() async throws {
        try await KeeperWorld.run(opening: 60 * 20) { keeper in
            let maker = StatusMaker(
                databases: keeper.databases, news: Bells(), holder: UUID(), metrics: MetricRegistry(), logger: keeper.world.logger)
            let now = Date(timeIntervalSince1970: Double(keeper.now * 60 + 20))
            try await report(keeper, (keeper.now / 60 - 5) * 60, bucket: 100, count: 10)
            try await keeper.world.pool.execute("ALTER TABLE reliability.public_latency RENAME TO away")
            await #expect(throws: PostgresError.self) { _ = try await maker.make(at: now) }
            try await keeper.world.pool.execute("ALTER TABLE reliability.away RENAME TO public_latency")
            try await maker.make(at: now + 300)
            #expect(try await told(keeper) == ["hour 5 10 100"])
        }
    }

    @Test func `who makes the page again after days merges the last one of them, and not every hour since`() async throws {
        try await KeeperWorld.run(opening: 60 * 20) { keeper in
            let maker = StatusMaker(
                databases: keeper.databases, news: Bells(), holder: UUID(), metrics: MetricRegistry(), logger: keeper.world.logger)
            let (now, hour) = (Date(timeIntervalSince1970: Double(keeper.now * 60 + 20)), keeper.now / 60)
            try await maker.make(at: now)
            try await report(keeper, (hour + 1) * 60, bucket: 100, count: 10)
            // Somebody else has made it for four days, and merged that.
            try await maker.make(at: now + 100 * 3_600)
            #expect(try await told(keeper).isEmpty)
        }
    }
}
