import Domain
import FoundationEssentials
import Glibc
import PlimsollWire
import Postgres
import TestSupport
import Testing

@testable import ControlPlane

/// Measurements that are printed; they take a minute and are run by `PLIMSOLL_MEASURE=1`, never with the other tests.
@Suite(.enabled(if: getenv("PLIMSOLL_MEASURE") != nil), .serialized) struct MinuteLoadTests {
    private static let gateways = 50
    private static let tenants = 10_000

    /// Each tenant's minute at one gateway, or at several.
    private func counters(_ gateway: Int, spread: Int, minute: Int64, tenants: [String]) -> [MinuteCounters] {
        tenants.enumerated().filter { place, _ in (0..<spread).contains { (place + $0 * 17) % Self.gateways == gateway } }.map { _, tenant in
            MinuteCounters(
                minute: minute, tenant: tenant, tier: "pro", model: "tiny", region: "eu", outcomes: ["good": 40, "bad:5xx": 1], firstTokenSamples: 40,
                firstTokenOver: 2, promptTokens: 9_000, completionTokens: 8_000,
                firstTokenHistogram: Dictionary(uniqueKeysWithValues: (0..<20).map { (1_500 + $0 * 7, Int64(2)) }))
        }
    }

    private func seconds(_ work: () async throws -> Void) async rethrows -> Double {
        let begins = ContinuousClock.now
        try await work()
        let time = (ContinuousClock.now - begins).components
        return Double(time.seconds) + Double(time.attoseconds) / 1e18
    }

    @Test(arguments: [1, 5]) func `reports of 50 gateways about 10,000 tenants are stored and merged`(spread: Int) async throws {
        try await PeerWorld.with { world in
            let tenants = (0..<Self.tenants).map { _ in UUID().uuidString.lowercased() }
            let names = (0..<Self.gateways).map { _ in UUID() }
            let minute = Int64(Date().timeIntervalSince1970) / 60
            let intake = MinuteIntake(pool: world.pool)
            for round in 1...3 {
                let batches = (0..<Self.gateways).map { gateway in
                    MinuteBatch(
                        gateway: names[gateway].uuidString, boot: "b", sequence: Int64(round),
                        minutes: counters(gateway, spread: spread, minute: minute, tenants: tenants))
                }
                let stored = try await seconds {
                    try await withThrowingTaskGroup(of: Void.self) { group in
                        for (gateway, batch) in batches.enumerated() { group.addTask { _ = try await intake.store(batch, from: names[gateway]) } }
                        try await group.waitForAll()
                    }
                }
                let rolled = try await seconds { try await MinuteRoll(pool: world.pool).roll(minute..<minute + 1) }
                print(
                    "spread \(spread) round \(round): \(batches.reduce(0) { $0 + $1.minutes.count }) reports stored in \(stored) s, merged in \(rolled) s"
                )
            }
            #expect(try await world.count("SELECT 1 FROM reliability.minute_total") == Self.tenants)
        }
    }

    @Test func `a page over 90 days`() async throws {
        try await EvidenceWorld.with { evidence in
            let end = EvidenceWorld.month.minutes.upperBound
            _ = try await evidence.world.pool.query("SELECT upkeep.ensure_month('reliability.minute_total', '2026-04-01')")
            _ = try await evidence.world.pool.query("SELECT upkeep.ensure_month('reliability.probe_minute', '2026-04-01')")
            try await evidence.world.pool.execute(
                """
                INSERT INTO reliability.minute_total (tenant_id, model, region, minute_at, tier, good, bad, excluded, server_errors, shed, over_quota,
                    first_token_samples, first_token_over, disconnects)
                SELECT \(evidence.tenant), 'tiny', 'eu', to_timestamp(minute * 60), 'pro', 40, (minute % 997 = 0)::int, 0, 0, 0, 0, 40, 2, 0
                FROM generate_series(\(end - 90 * 1_440)::bigint, \(end - 1)::bigint) AS minute
                """)
            _ = try await evidence.world.pool.query("ANALYZE reliability.minute_total")
            let book = MinuteBook(pool: evidence.databases.reliability)
            let subject = MinuteSubject(tenant: evidence.tenant, model: "tiny", region: "eu")
            for _ in 0..<3 {
                let took = try await seconds { _ = try await book.tally(of: subject, in: end - 90 * 1_440..<end, rule: .anyBad) }
                print("129,600 minutes counted one by one in \(took * 1_000) ms")
            }
            let tree = try await seconds {
                let closer = TreeCloser(pool: evidence.databases.reliability)
                try await closer.close(
                    evidence.tenant, wanted: [EvidenceSubscriptions.Place(model: "tiny", region: "eu"): nil], until: EvidenceWorld.start + 10_000,
                    now: EvidenceWorld.start - 5)
            }
            print("10,000 leaves appended and stored in \(tree) s")
        }
    }
}
