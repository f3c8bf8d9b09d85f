import FoundationEssentials
import PlimsollWire
import Postgres
import TestSupport
import Testing

@testable import ControlPlane

/// What gateways tell of answers under fallbacks, and who is shown it.
@Suite struct AnswerScoreTests {
    private let start = Date(timeIntervalSince1970: (Date().timeIntervalSince1970 / 60).rounded(.down) * 60)
    private static var thisHour: Int64 { Int64(Date().timeIntervalSince1970) / 3_600 }

    private static func score(
        _ mitigation: UUID, model: String = "small", hour: Int64 = Self.thisHour, answers: Int64 = 4, scorePpm: Int64 = 3_500_000,
        failures: [String: Int64] = ["cut_off": 1]
    ) -> FallbackScore {
        FallbackScore(
            mitigation: mitigation.uuidString.lowercased(), model: model, tier: "pro", region: "eu", hour: hour, answers: answers,
            scorePpm: scorePpm, failures: failures)
    }

    private static func mitigation(_ id: UUID, incident: UUID? = nil) -> SQL {
        """
        INSERT INTO reliability.mitigation (id, action, tier, model, to_model, incident_id, cause, mode, state, requested_by, expires_at)
        VALUES (\(id), 'fallback_model', 'pro', 'tiny', \("small-" + id.uuidString), \(incident), 'test of it', 'manual', 'active', 'test',
            now() + interval '1 hour') RETURNING 1
        """
    }

    private func found(_ world: PeerWorld, _ mitigations: [UUID]) async throws -> String? {
        try await world.pool.queryOne("SELECT reliability.fallback_answers(\(mitigations)::uuid[])::text AS found")?.value("found")
    }

    @Test func `a batch counts once however often it is told, and later ones add to it`() async throws {
        try await PeerWorld.with { world in
            let (id, gateway) = (UUID(), UUID())
            try await world.pool.execute(Self.mitigation(id))
            // As the role that gateways' reports are stored by.
            let databases = ControlDatabases(world.pool.configuration, logger: world.logger)
            let intake = AnswerScoreIntake(pool: databases.reliability)
            let first = AnswerScoreBatch(boot: "b", sequence: 1, scores: [Self.score(id)])
            #expect(try await intake.store(first, from: gateway) == IntakeResponse(stored: 1, duplicates: 0, quarantined: 0))
            #expect(try await intake.store(first, from: gateway) == IntakeResponse(stored: 0, duplicates: 1, quarantined: 0))
            let next = AnswerScoreBatch(
                boot: "b", sequence: 2,
                scores: [
                    Self.score(id, answers: 1, scorePpm: 0, failures: ["empty": 1, "cut_off": 1]), Self.score(id, model: "other", failures: [:]),
                ])
            #expect(try await intake.store(next, from: gateway).stored == 2)
            // Another start counts from 1 again, and so does another gateway.
            #expect(try await intake.store(AnswerScoreBatch(boot: "c", sequence: 1, scores: [Self.score(id)]), from: gateway).stored == 1)
            #expect(try await intake.store(first, from: UUID()).stored == 1)
            #expect(try await found(world, [id]) == #"{"answers": 17, "failures": {"empty": 1, "cut_off": 4}, "score_ppm": 823529}"#)
            let rows = try await world.pool.query("SELECT answers FROM reliability.fallback_score ORDER BY model")
            #expect(try rows.map { try $0.value("answers", as: Int64.self) } == [4, 13])
            await databases.close()
        }
    }

    @Test func `what cannot be a sum is left out, and a batch of none is refused`() async throws {
        try await PeerWorld.with { world in
            let id = UUID()
            try await world.pool.execute(Self.mitigation(id))
            let intake = AnswerScoreIntake(pool: world.pool)
            var nameless = Self.score(id)
            nameless.mitigation = "x"
            let scores = [
                Self.score(id, failures: ["cut_off": 1, "of_a_later_release": 2]), Self.score(UUID()), nameless,
                Self.score(id, model: "a", answers: 0, scorePpm: 0, failures: [:]), Self.score(id, model: "b", scorePpm: 4_000_001),
                Self.score(id, model: "c", hour: Self.thisHour - 300), Self.score(id, model: "d", failures: ["empty": 5]),
                Self.score(id, model: String(repeating: "e", count: 128)),
            ]
            let answer = try await intake.store(AnswerScoreBatch(boot: "b", sequence: 1, scores: scores), from: UUID())
            #expect(answer == IntakeResponse(stored: 1, duplicates: 0, quarantined: 7))
            #expect(try await found(world, [id]) == #"{"answers": 4, "failures": {"cut_off": 1}, "score_ppm": 875000}"#)
            #expect(try await found(world, []) == #"{"answers": 0, "failures": {}, "score_ppm": null}"#)
            let many = [FallbackScore](repeating: Self.score(id), count: AnswerScoreBatch.most + 1)
            for batch in [
                AnswerScoreBatch(boot: "", sequence: 1, scores: []), AnswerScoreBatch(boot: "b", sequence: 0, scores: []),
                AnswerScoreBatch(boot: "b", sequence: 2, scores: many),
            ] {
                await #expect(throws: PeerRefusal.self) { try await intake.store(batch, from: UUID()) }
            }
        }
    }

    @Test func `a mitigation shows what its answers are worth`() async throws {
        try await AdminFixture.run { admin in
            let (scored, other) = (UUID(), UUID())
            for id in [scored, other] { _ = try await admin.row(Self.mitigation(id)) }
            _ = try await admin.database.withPool { pool in
                try await AnswerScoreIntake(pool: pool).store(
                    AnswerScoreBatch(boot: "b", sequence: 1, scores: [Self.score(scored)]), from: UUID())
            }
            let shown = try await admin.get("mitigations/\(scored.uuidString.lowercased())").json
            #expect(shown["answers_scored"].number == 4 && shown["answer_score_ppm"].number == 875_000, "\(shown.text)")
            #expect(shown["answer_failures"]["cut_off"].number == 1)
            let none = try await admin.get("mitigations/\(other.uuidString.lowercased())").json
            #expect(none["answers_scored"].number == 0 && none["answer_score_ppm"] == .null && none["answer_failures"] == .object([:]))
            let listed = try await admin.get("mitigations").json["data"].elements.compactMap { $0["answers_scored"].number }
            #expect(listed.sorted() == [0, 4])
        }
    }

    @Test func `a draft of a write-up has the answers under all fallbacks of its incident`() async throws {
        try await IncidentWorld.with { world in
            for second in [0.0, 1] { try await world.turn(start + second, out: ["alpha"]) }
            let pool = world.world.pool
            let incident = try #require(UUID(uuidString: try await world.one("SELECT id::text AS one FROM reliability.incident") ?? ""))
            let (one, two, another) = (UUID(), UUID(), UUID())
            for id in [one, two] { try await pool.execute(Self.mitigation(id, incident: incident)) }
            try await pool.execute(Self.mitigation(another))
            let scores = [Self.score(one), Self.score(two, answers: 1, scorePpm: 0, failures: ["empty": 1]), Self.score(another)]
            _ = try await AnswerScoreIntake(pool: pool).store(AnswerScoreBatch(boot: "b", sequence: 1, scores: scores), from: UUID())
            let draft = try await PostmortemDraft(reliability: pool).make(incident, until: start + 20)
            let expected = #""fallback_answers":{"answers": 5, "failures": {"empty": 1, "cut_off": 1}, "score_ppm": 700000}"#
            #expect(draft.document.contains(expected), "\(draft.document)")
        }
    }
}
