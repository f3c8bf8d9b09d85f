import FoundationEssentials
import PlimsollWire
import Postgres
import Testing

@testable import ControlPlane

@Suite struct DecisionIntakeTests {
    private func decision(_ id: String = UUID().uuidString.lowercased(), worker: String = "w", fault: String? = nil) -> RequestDecision {
        RequestDecision(
            requestId: id, acceptedAt: 1_900_000_000_000_000, queuedFor: 3, promptTokens: 10, cachedTokens: 4,
            candidates: [RequestDecision.Candidate(worker: worker, role: "owner", cost: 7, priceMicroUsd: nil)],
            attempts: [
                RequestDecision.Attempt(worker: worker, reason: "first", startedAfter: 5, firstTokenAfter: 9, endedAfter: 20, result: "answered")
            ],
            fault: fault)
    }

    @Test func `a decision is stored once, and what cannot be one is not`() async throws {
        try await PeerWorld.with { world in
            let intake = DecisionIntake(pool: world.pool)
            let gateway = UUID()
            let good = decision(fault: "host")
            let batch = DecisionBatch(decisions: [
                good, decision("no id"), decision(worker: String(repeating: "x", count: 65)), decision(fault: String(repeating: "x", count: 65)),
            ])
            #expect(try await intake.store(batch, from: gateway) == IntakeResponse(stored: 1, duplicates: 0, quarantined: 3))
            #expect(try await intake.store(DecisionBatch(decisions: [good]), from: gateway).duplicates == 1)
            let row = try await world.pool.queryOne(
                "SELECT decision->'attempts'->0->>'result' AS result, decision->>'fault' AS fault FROM reliability.request_decision")
            #expect(try row?.value("result", as: String.self) == "answered" && row?.value("fault", as: String.self) == "host")
        }
    }

    @Test func `a usage record says whether its stream went on at another worker`() async throws {
        try await PeerWorld.with { world in
            var record = UsageIntakeTests().record()
            record.continued = true
            let other = UsageIntakeTests().record()
            _ = try await UsageIntake(pool: world.pool).store(UsageBatch(records: [record, other]), from: UUID())
            #expect(try await world.count("SELECT 1 FROM billing.usage_event WHERE continued") == 1)
            #expect(try await world.count("SELECT 1 FROM billing.usage_event WHERE NOT continued") == 1)
        }
    }
}
