import Cryptography
import Domain
import FoundationEssentials
import PlimsollWire
import Postgres
import TestSupport
import Testing

@testable import ControlPlane

/// How requests were routed, from their records to who asks.
@Suite struct RequestRoutingTests {
    private static let known = "00000000-0000-4000-8000-000000000002"
    private static let gone = "77777777-7777-4777-8777-777777777777"

    private static func trace() -> RoutingTrace {
        var trace = RoutingTrace()
        (trace.promptTokens, trace.cachedTokens, trace.fault) = (12, 4, .host)
        var choice = RoutingChoice()
        choice.workers = 3
        choice.bar(.full)
        choice.consider(RoutingChoice.Candidate(worker: 1, role: .owner, price: 5, cost: 70, mark: WorkerMark(of: known)))
        choice.consider(RoutingChoice.Candidate(worker: 2, role: .drawn, cost: 90, mark: WorkerMark(of: gone)))
        choice.take(1)
        trace.note(choice)
        var attempt = RoutingAttempt(choice: 0, reason: .first, startedAfter: 10)
        (attempt.endedAfter, attempt.result) = (50, .failed)
        trace.note(attempt)
        return trace
    }

    private static func record(_ routing: String? = Base64.encode(trace().packed)) -> UsageRecord {
        var record = UsageIntakeTests().record(UUID())
        record.routing = routing
        return record
    }

    @Test func `it is stored once with its record, and a record that differs in it alone is a duplicate`() async throws {
        try await PeerWorld.with { world in
            let intake = UsageIntake(pool: world.pool)
            var record = Self.record()
            #expect(try await intake.store(UsageBatch(records: [record, record]), from: UUID()).stored == 1)
            // The control plane of the release before did not know the field, and its answer was lost.
            record.routing = nil
            let again = try await intake.store(UsageBatch(records: [record]), from: UUID())
            #expect(again == IntakeResponse(stored: 0, duplicates: 1, quarantined: 0))
            let rows = try await world.pool.query("SELECT routing FROM billing.request_routing")
            #expect(try rows.map { try $0.value("routing", as: [UInt8].self) } == [Self.trace().packed])
        }
    }

    @Test func `what cannot be stored costs no record`() async throws {
        try await PeerWorld.with { world in
            let faulty = ["", "no base64", Base64.encode([UInt8](repeating: 1, count: 2_049)), String(repeating: "A", count: 100_000)]
            let records = faulty.map { Self.record($0) } + [Self.record(nil)]
            let answer = try await UsageIntake(pool: world.pool).store(UsageBatch(records: records), from: UUID())
            #expect(answer == IntakeResponse(stored: 5, duplicates: 0, quarantined: 0))
            #expect(try await world.count("SELECT 1 FROM billing.request_routing") == 0)
        }
    }

    @Test func `whole days go after a week, and days to come are there`() async throws {
        try await PeerWorld.with { world in
            let days: SQL = "SELECT 1 FROM pg_inherits WHERE inhparent = 'billing.request_routing'::regclass"
            #expect(try await world.count(days) == 4)
            try await world.pool.execute(
                """
                DO $$ DECLARE day date; BEGIN
                    FOR day IN SELECT (now() AT TIME ZONE 'UTC')::date - age FROM generate_series(7, 8) AS age LOOP
                        EXECUTE format('CREATE TABLE billing.%I PARTITION OF billing.request_routing FOR VALUES FROM (%L) TO (%L)',
                            'request_routing_' || to_char(day, 'YYYY_MM_DD'), day::text || ' 00:00:00+00', (day + 1)::text || ' 00:00:00+00');
                    END LOOP;
                END $$
                """)
            let row = try await world.pool.queryOne("SELECT upkeep.turn_routing_days() AS dropped")
            #expect(try row?.value("dropped", as: Int.self) == 1)
            #expect(try await world.count(days) == 5)
        }
    }

    @Test func `who asks is shown candidates, costs and attempts, with the names that are still known`() async throws {
        try await AdminFixture.run { admin in
            for statement in Self.fleet { _ = try await admin.row(statement) }
            let (record, bare) = (Self.record(), Self.record(nil))
            try await admin.database.withPool { pool in
                _ = try await UsageIntake(pool: pool).store(UsageBatch(records: [record, bare]), from: UUID())
            }
            let told = try await admin.get("requests/\(record.requestId)").json
            let decision = told["decisions"][0]
            #expect(told["missing"] == .null && decision["gateway"].string == record.gateway && decision["fault"].string == "host")
            #expect(decision["workers"].number == 3 && decision["passed_over"]["full"].number == 1 && decision["cached_tokens"].number == 4)
            let candidates = decision["candidates"].elements
            #expect(candidates.map { $0["worker"].string } == [Self.known, String(Self.gone.prefix(18))])
            #expect(candidates.map { $0["host"].string } == ["h", nil] && candidates.map { $0["cost"].number } == [70, 90])
            #expect(decision["attempts"][0]["worker"].string == Self.known && decision["attempts"][0]["result"].string == "failed")
            let other = try await admin.get("requests/\(bare.requestId)").json
            #expect(other["decisions"].elements.isEmpty && other["missing"].string?.isEmpty == false)
        }
    }

    private static let fleet: [SQL] = [
        "INSERT INTO serving.providers (name, display_name, kind) VALUES ('alpha', 'Alpha', 'independent')",
        "INSERT INTO serving.pools (name, provider, region) VALUES ('llama', 'alpha', 'eu')",
        "INSERT INTO serving.models (name, display_name, context_tokens) VALUES ('tiny', 'Tiny', 2048)",
        "INSERT INTO serving.releases (name, model) VALUES ('tiny-1', 'tiny')",
        """
        INSERT INTO serving.hosts (id, name, pool, region, boot_id, last_heartbeat_at)
        VALUES ('00000000-0000-4000-8000-000000000001', 'h', 'llama', 'eu', 'b', now())
        """,
        """
        INSERT INTO serving.workers (id, host_id, runtime, release, dialect, runtime_state, slots, context_tokens, accepted)
        SELECT '00000000-0000-4000-8000-000000000002', id, 'main', 'tiny-1', 'vllm', 'ready', 4, 2048, TRUE FROM serving.hosts
        """,
    ]
}
