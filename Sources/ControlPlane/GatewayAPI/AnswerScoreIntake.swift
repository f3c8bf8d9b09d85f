package import FoundationEssentials
package import PlimsollWire
package import Postgres

/// Adds what gateways found of answers under fallbacks to what is known of them: each batch once, however often it is told.
package struct AnswerScoreIntake: Sendable {
    /// Hours that a told hour may be away from now: as long as a mitigation may be in force, and a day for a gateway that was cut off.
    private static let mostHours: Int64 = 8 * 24

    private let pool: PostgresPool

    /// - Parameter pool: Of the reliability room.
    package init(pool: PostgresPool) {
        self.pool = pool
    }

    /// `quarantined` are sums that cannot be one, or of a mitigation that nobody knows: they are not kept.
    package func store(_ batch: AnswerScoreBatch, from gateway: UUID, at moment: Date = Date()) async throws -> IntakeResponse {
        guard batch.scores.count <= AnswerScoreBatch.most else { throw PeerRefusal(.tooLarge, "at most 500 sums at once") }
        guard (1...64).contains(batch.boot.unicodeScalars.count), !batch.boot.utf8.contains(0), batch.sequence > 0 else {
            throw PeerRefusal(.invalidRequest, "boot is missing or too long, or sequence is not above 0")
        }
        let sums = Self.sums(batch, nowHour: Int64(moment.timeIntervalSince1970 / 3_600))
        return try await pool.transaction { connection in
            guard try await Self.isNew(batch, gateway, connection) else {
                return IntakeResponse(stored: 0, duplicates: batch.scores.count, quarantined: 0)
            }
            let stored = try await Self.add(sums, connection)
            return IntakeResponse(stored: stored, duplicates: 0, quarantined: batch.scores.count - stored)
        }
    }

    private struct Key: Hashable {
        var mitigation: UUID
        var model: String
        var tier: String
        var region: String
        var hour: Int64
    }

    /// Those that can be stored, each place once.
    private static func sums(_ batch: AnswerScoreBatch, nowHour: Int64) -> [(key: Key, score: FallbackScore)] {
        let pairs = batch.scores.compactMap { score -> (Key, FallbackScore)? in
            guard let mitigation = UUID(uuidString: score.mitigation), score.isStorable, abs(score.hour - nowHour) <= mostHours else { return nil }
            return (Key(mitigation: mitigation, model: score.model, tier: score.tier, region: score.region, hour: score.hour), score)
        }
        return Dictionary(pairs, uniquingKeysWith: { first, _ in first }).map { (key: $0.key, score: $0.value) }
    }

    /// False: it, or a later one, was taken.
    private static func isNew(_ batch: AnswerScoreBatch, _ gateway: UUID, _ connection: PostgresConnection) async throws -> Bool {
        try await connection.execute(
            """
            INSERT INTO reliability.fallback_score_source AS known (gateway_id, boot_id, sequence)
            VALUES (\(gateway), \(batch.boot), \(batch.sequence))
            ON CONFLICT (gateway_id, boot_id) DO UPDATE SET sequence = EXCLUDED.sequence, told_at = now()
            WHERE known.sequence < EXCLUDED.sequence
            """) == 1
    }

    /// In one order, so that gateways do not wait for each other in a circle.
    private static func add(_ sums: [(key: Key, score: FallbackScore)], _ connection: PostgresConnection) async throws -> Int {
        guard !sums.isEmpty else { return 0 }
        let failures = try sums.map { String(decoding: try WireCoder.encode($0.score.knownFailures), as: UTF8.self) }
        return try await connection.execute(
            """
            INSERT INTO reliability.fallback_score AS known (mitigation_id, model, tier, region, hour_at, answers, score_ppm, failures)
            SELECT told.mitigation, told.model, told.tier, told.region, to_timestamp(told.hours * 3600.0), told.answers, told.score, told.failures
            FROM unnest(\(sums.map(\.key.mitigation))::uuid[], \(sums.map(\.key.model))::text[], \(sums.map(\.key.tier))::text[],
                \(sums.map(\.key.region))::text[], \(sums.map(\.key.hour))::bigint[], \(sums.map(\.score.answers))::bigint[],
                \(sums.map(\.score.scorePpm))::bigint[], \(failures)::jsonb[])
                AS told (mitigation, model, tier, region, hours, answers, score, failures)
            JOIN reliability.mitigation AS mitigation ON mitigation.id = told.mitigation
            ORDER BY told.mitigation, told.model, told.tier, told.region, told.hours
            ON CONFLICT (mitigation_id, model, tier, region, hour_at) DO UPDATE SET answers = known.answers + EXCLUDED.answers,
                score_ppm = known.score_ppm + EXCLUDED.score_ppm, failures = reliability.add_counts(known.failures, EXCLUDED.failures)
            """)
    }
}

extension FallbackScore {
    /// Answers of one gateway in one hour.
    private static let most: Int64 = 1_000_000_000

    fileprivate var isStorable: Bool {
        model.unicodeScalars.count <= 127 && [tier, region].allSatisfy { $0.unicodeScalars.count <= 63 }
            && [model, tier, region].allSatisfy { !$0.utf8.contains(0) } && (1...Self.most).contains(answers)
            && (0...answers * 1_000_000).contains(scorePpm) && failures.values.allSatisfy { (0...answers).contains($0) }
            && (0...(1 << 40)).contains(hour)
    }

    /// Without those that a later release brings.
    fileprivate var knownFailures: [String: Int64] { failures.filter { AnswerFailure(rawValue: $0.key) != nil && $0.value > 0 } }
}
