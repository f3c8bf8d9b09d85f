import FoundationEssentials
import Postgres
import Telemetry
import Testing

@testable import ControlPlane

@Suite struct UpkeepTests {
    private func upkeep(_ world: PeerWorld, _ retention: Retention, _ metrics: MetricRegistry = MetricRegistry()) -> ControlUpkeep {
        let databases = ControlDatabases(world.pool.configuration, logger: world.logger)
        return ControlUpkeep(databases: databases, holder: UUID(), retention: retention, metrics: metrics, logger: world.logger)
    }

    private func months(_ world: PeerWorld, of table: String) async throws -> Int {
        try await world.count("SELECT 1 FROM pg_inherits WHERE inhparent = (\(table)::text)::regclass")
    }

    @Test func oldMonthsGoOnlyWhereALimitIsSet() async throws {
        try await PeerWorld.with { world in
            for table in ["billing.usage_event", "reliability.minute"] {
                _ = try await world.pool.query("SELECT upkeep.ensure_month((\(table)::text)::regclass, '2020-01-01')")
            }
            try await upkeep(world, Retention()).sweep()
            #expect(try await months(world, of: "billing.usage_event") == 7)
            try await upkeep(world, Retention(minutes: .seconds(400 * 86_400))).sweep()
            #expect(try await months(world, of: "billing.usage_event") == 7)
            #expect(try await months(world, of: "reliability.minute") == 6)
            try await upkeep(world, Retention(usage: .seconds(400 * 86_400))).sweep()
            #expect(try await months(world, of: "billing.usage_event") == 6)
        }
    }

    @Test func recordsThatWereSetAsideAreCounted() async throws {
        try await PeerWorld.with { world in
            try await world.pool.execute(
                """
                INSERT INTO billing.usage_quarantine (reason, request_id, payload_sha256, payload, decided_at, decided_by, decision)
                VALUES ('conflict', 'r', sha256('x'), '{}', NULL, NULL, NULL), ('conflict', 'known', sha256('x'), '{}', now(), 'test', 'a wrong clock')
                """)
            let metrics = MetricRegistry()
            try await upkeep(world, Retention(), metrics).countQuarantined()
            #expect(metrics.prometheusText().contains("plimsoll_control_usage_quarantine_rows 1"))
        }
    }
}
