import FoundationEssentials
import PlimsollWire
import Postgres
import TestSupport
import Testing

@testable import ControlPlane

@Suite struct BatchDeliveryTests {
    /// Outcome, microseconds to the end, deadline, second of the month, model.
    private static let records: [(String, Int64, Int64?, Int64, String)] = [
        ("good", 900, 1_000, 0, "tiny"), ("good", 1_000, 1_000, 60, "tiny"), ("good", 1_001, 1_000, 61, "tiny"),
        ("bad:5xx", 500, 1_000, 62, "tiny"), ("bad:interrupted", 5_000, 1_000, 63, "tiny"), ("bad:of_a_newer_release", 5, 1_000, 64, "tiny"),
        ("excluded:client_abort", 999, 1_000, 65, "tiny"), ("excluded:client_abort", 1_001, 1_000, 66, "tiny"),
        ("excluded:4xx", 2_000, 1_000, 67, "tiny"), ("good", 9_000, nil, 68, "tiny"), ("good", 900, 1_000, 69, "other"),
        ("good", 900, 1_000, 2_000 * 60, "tiny"), ("good", 900, 1_000, -1, "tiny"),
    ]

    @Test func `batch answers of a month are told against their deadlines, without what the customer was to blame for`() async throws {
        try await EvidenceWorld.with { evidence in
            let start = EvidenceWorld.start
            try await evidence.begin()
            for month in ["2026-05-01", "2026-06-01"] {
                _ = try await evidence.world.pool.query("SELECT upkeep.ensure_month('billing.usage_event', \(month)::date)")
            }
            try await evidence.probes(start..<start + 2_000)
            try await evidence.traffic(start + 5, good: 3)
            for (place, record) in Self.records.enumerated() {
                try await evidence.world.pool.execute(
                    """
                    INSERT INTO billing.usage_event (tenant_id, request_id, accepted_at, key_id, tier, model, region, gateway_id, boot_id, sequence, stream,
                        status, outcome, finished_after_us, queued_for_us, prompt_tokens, cached_prompt_tokens, completion_tokens, reasoning_tokens,
                        billable_prompt_tokens, billable_completion_tokens, estimated, attempts, batch_deadline_us, payload_sha256)
                    VALUES (\(evidence.tenant), gen_random_uuid(), to_timestamp(\(start * 60 + record.3)::bigint), gen_random_uuid(), 'pro', \(record.4), 'eu',
                        gen_random_uuid(), 'b', \(Int64(place)), FALSE, 200, \(record.0), \(record.1), 0, 1, 0, 1, 0, 1, 1, FALSE, 1, \(record.2), sha256(''::bytea))
                    """)
            }
            try await evidence.turn(at: start + 2_015, closed: start + 2_000)
            let text = try await TenantReport.of(evidence.tenant, EvidenceWorld.month, evidence.databases)
            let told = try #require(try WireCoder.decode(TenantMonth.self, from: text.utf8).series.first?.batch)
            #expect([told.requests, told.inTime, told.late, told.failed, told.inTimePpm] == [7, 2, 2, 3, 285_714], "\(text)")
        }
    }

    @Test func `a month without batch requests says nothing of them`() async throws {
        try await EvidenceWorld.with { evidence in
            let start = EvidenceWorld.start
            try await evidence.begin()
            try await evidence.traffic(start + 5, good: 3)
            try await evidence.turn(at: start + 2_015, closed: start + 2_000)
            let text = try await TenantReport.of(evidence.tenant, EvidenceWorld.month, evidence.databases)
            #expect(try WireCoder.decode(TenantMonth.self, from: text.utf8).series.map { $0.batch == nil } == [true])
        }
    }
}
