import Domain
package import FoundationEssentials
package import PlimsollWire
package import Postgres

/// Stores minute counters. They are cumulative within a boot of a gateway: a later report replaces an earlier one and is never added to it.
package struct MinuteIntake: Sendable {
    package static let maximumMinutes = 5_000

    private let pool: PostgresPool

    /// - Parameter pool: Of the reliability room.
    package init(pool: PostgresPool) {
        self.pool = pool
    }

    private struct Key: Hashable {
        var tenant: UUID
        var model: String
        var region: String
        var minute: Int64
    }

    /// `duplicates` counts reports that are not newer than what is stored.
    package func store(_ batch: MinuteBatch, from gateway: UUID, at moment: Date = Date()) async throws -> IntakeResponse {
        guard batch.minutes.count <= Self.maximumMinutes else { throw PeerRefusal(.tooLarge, "at most 5,000 minutes at once") }
        guard (1...64).contains(batch.boot.unicodeScalars.count) else { throw PeerRefusal(.invalidRequest, "boot is missing or too long") }
        let now = Int64(moment.timeIntervalSince1970 / 60)
        var rows: [Key: MinuteCounters] = [:]
        var unusable = 0
        for counters in batch.minutes {
            guard let tenant = UUID(uuidString: counters.tenant), counters.isStorable, ((now - 50_400)...(now + 5)).contains(counters.minute) else {
                unusable += 1
                continue
            }
            rows[Key(tenant: tenant, model: counters.model, region: counters.region, minute: counters.minute)] = counters
        }
        let stored = try await write(rows, batch: batch, gateway: gateway)
        return IntakeResponse(stored: stored, duplicates: batch.minutes.count - unusable - stored, quarantined: unusable)
    }

    private func write(_ rows: [Key: MinuteCounters], batch: MinuteBatch, gateway: UUID) async throws -> Int {
        guard !rows.isEmpty else { return 0 }
        let sorted = rows.sorted { ($0.key.minute, $0.key.tenant.uuidString, $0.key.model) < ($1.key.minute, $1.key.tenant.uuidString, $1.key.model) }
        let counters = sorted.map(\.value)
        let outcomes = try counters.map { String(decoding: try WireCoder.encode($0.outcomes), as: UTF8.self) }
        let histograms = try counters.map { String(decoding: try WireCoder.encode($0.firstTokenHistogram), as: UTF8.self) }
        return try await pool.execute(
            """
            INSERT INTO reliability.minute AS minute (tenant_id, model, region, minute_at, gateway_id, boot_id, sequence, tier, outcomes, good,
                bad, excluded, first_token_samples, first_token_over, prompt_tokens, completion_tokens, rate_limited, disconnects,
                first_token_histogram)
            SELECT row.tenant_id, row.model, row.region, to_timestamp(row.minute * 60), \(gateway), \(batch.boot), \(batch.sequence), row.tier,
                row.outcomes, row.good, row.bad, row.excluded, row.samples, row.over, row.prompt, row.completion, row.limited, row.left_early,
                row.histogram
            FROM unnest(\(sorted.map(\.key.tenant))::uuid[], \(counters.map(\.model))::text[], \(counters.map(\.region))::text[],
                \(counters.map(\.minute))::bigint[], \(counters.map(\.tier))::text[], \(outcomes)::jsonb[], \(Self.sums(counters)),
                \(histograms)::jsonb[])
                AS row (tenant_id, model, region, minute, tier, outcomes, good, bad, excluded, samples, over, prompt, completion, limited,
                    left_early, histogram)
            ON CONFLICT (tenant_id, model, region, minute_at, gateway_id, boot_id) DO UPDATE SET
                sequence = EXCLUDED.sequence, tier = EXCLUDED.tier, outcomes = EXCLUDED.outcomes, good = EXCLUDED.good, bad = EXCLUDED.bad,
                excluded = EXCLUDED.excluded, first_token_samples = EXCLUDED.first_token_samples,
                first_token_over = EXCLUDED.first_token_over, prompt_tokens = EXCLUDED.prompt_tokens,
                completion_tokens = EXCLUDED.completion_tokens, rate_limited = EXCLUDED.rate_limited, disconnects = EXCLUDED.disconnects,
                first_token_histogram = EXCLUDED.first_token_histogram, received_at = now()
            WHERE minute.sequence < EXCLUDED.sequence
            """)
    }

    private static func sums(_ counters: [MinuteCounters]) -> SQL {
        """
        \(counters.map { $0.count(.good) })::bigint[], \(counters.map { $0.count(.bad) })::bigint[],
        \(counters.map { $0.count(.excluded) })::bigint[], \(counters.map(\.firstTokenSamples))::bigint[],
        \(counters.map(\.firstTokenOver))::bigint[], \(counters.map(\.promptTokens))::bigint[],
        \(counters.map(\.completionTokens))::bigint[], \(counters.map(\.rateLimited))::bigint[], \(counters.map(\.disconnects))::bigint[]
        """
    }
}

extension MinuteCounters {
    fileprivate func count(_ verdict: Outcome.Verdict) -> Int64 {
        outcomes.reduce(0) { sum, outcome in Outcome(rawValue: outcome.key)?.verdict == verdict ? sum + outcome.value : sum }
    }

    fileprivate var isStorable: Bool {
        let counts = [firstTokenSamples, firstTokenOver, promptTokens, completionTokens, rateLimited, disconnects] + outcomes.values
        return counts.allSatisfy { (0...(1 << 48)).contains($0) } && firstTokenOver <= firstTokenSamples
            && outcomes.keys.allSatisfy { Outcome(rawValue: $0) != nil } && firstTokenHistogram.count <= 4_096
            && firstTokenHistogram.values.allSatisfy { $0 >= 0 } && model.unicodeScalars.count <= 127 && region.unicodeScalars.count <= 63
            && tier.unicodeScalars.count <= 63 && !(model + region + tier).unicodeScalars.contains("\0")
    }
}
