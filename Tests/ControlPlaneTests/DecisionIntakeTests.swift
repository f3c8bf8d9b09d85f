import Domain
import FoundationEssentials
import PlimsollWire
import Postgres
import TestSupport
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

    @Test func `a refusal is stored, and forgotten before other decisions are`() async throws {
        try await PeerWorld.with { world in
            let intake = DecisionIntake(pool: world.pool)
            var refused = decision()
            refused.attempts = []
            refused.candidates = []
            refused.refusal = RequestDecision.Refusal(code: "rate_limit_exceeded", status: 429, tenant: "t", retryAfter: 1_000)
            var other = decision()
            other.refusal = RequestDecision.Refusal(code: String(repeating: "x", count: 257), status: 429)
            let batch = DecisionBatch(decisions: [refused, other, decision()])
            #expect(try await intake.store(batch, from: UUID()) == IntakeResponse(stored: 2, duplicates: 0, quarantined: 1))
            let kept: SQL = "SELECT 1 FROM reliability.request_decision WHERE decision->'refusal'->>'code' = 'rate_limit_exceeded'"
            #expect(try await world.count(kept) == 1)
            try await world.pool.execute("UPDATE reliability.request_decision SET received_at = now() - interval '49 hours'")
            try await ControlUpkeep.forgetDecisions(world.pool)
            #expect(try await world.count(kept) == 0)
            #expect(try await world.count("SELECT 1 FROM reliability.request_decision") == 1)
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

    @Test func `of a request with a record alone it is said why its candidates are not known`() throws {
        let now = Date(timeIntervalSince1970: 1_900_000_000)
        var generator = SystemRandomNumberGenerator()
        for (age, isInterrupted, part) in [(3, false, "the release before"), (3_600, true, "was killed"), (700_000, true, "a week")] {
            let id = RequestId(milliseconds: Int64(1_900_000_000 - age) * 1_000, using: &generator)
            let request = try #require(UUID(uuidString: id.description))
            #expect(RequestResource.missingRouting(of: request, isInterrupted: isInterrupted, at: now).contains(part), "\(age)")
        }
    }

    @Test func `who finds nothing of a request is told why`() async throws {
        let now = Date(timeIntervalSince1970: 1_900_000_000)
        var generator = SystemRandomNumberGenerator()
        for (age, part) in [(3, "every five seconds"), (3_600, "decisions_dropped_total"), (300_000, "two days"), (-4_000, "x-request-id")] {
            let id = RequestId(milliseconds: Int64(1_900_000_000 - age) * 1_000, using: &generator)
            #expect(RequestResource.absence(of: id.description, at: now).message.contains(part), "\(age)")
        }
        try await AdminFixture.run { admin in
            for id in ["nonsense", "ffffffff-ffff-4fff-8fff-ffffffffffff"] {
                let answer = try await admin.get("requests/\(id)")
                #expect(
                    answer.status == 404 && answer.json["error"]["code"].string == "not_found" && answer.text.contains("x-request-id"),
                    "\(answer.text)")
            }
        }
    }
}
