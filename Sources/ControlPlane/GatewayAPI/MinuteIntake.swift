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

    struct Key: Hashable {
        var tenant: UUID
        var model: String
        var region: String
        var minute: Int64
        var tier: String
        var provider: String
        var drill: Bool

        init(_ counters: MinuteCounters, tenant: UUID) {
            self.tenant = tenant
            (model, region, minute, tier) = (counters.model, counters.region, counters.minute, counters.tier)
            (provider, drill) = (counters.provider ?? "", counters.drill ?? false)
        }
    }

    /// `duplicates` counts reports that are not newer than what is stored.
    package func store(_ batch: MinuteBatch, from gateway: UUID, at moment: Date = Date()) async throws -> IntakeResponse {
        guard batch.minutes.count <= Self.maximumMinutes else { throw PeerRefusal(.tooLarge, "at most 5,000 minutes at once") }
        guard (1...64).contains(batch.boot.unicodeScalars.count) else { throw PeerRefusal(.invalidRequest, "boot is missing or too long") }
        let sorted = MinuteSorting(batch.minutes, at: moment)
        // First: what is acknowledged is in one place or the other.
        try await MinuteAside(pool: pool).put(sorted.aside, batch, gateway)
        let stored = try await write(sorted.rows, boot: batch.boot, sequence: batch.sequence, gateway: gateway)
        if let closes = batch.closes {
            let recent = (batch.firstTokens ?? []).prefix(Self.maximumMinutes).filter(\.isStorable)
            try await MinuteSources(pool: pool).note(
                gateway, batch.boot, sequence: batch.sequence, closes: closes,
                firstTokens: String(decoding: try WireCoder.encode(recent), as: UTF8.self))
        }
        let unusable = sorted.broken + sorted.aside.count
        return IntakeResponse(stored: stored, duplicates: batch.minutes.count - unusable - stored, quarantined: unusable)
    }

    /// How many were newer than what is stored.
    func write(_ rows: [Key: MinuteCounters], boot: String, sequence: Int64, gateway: UUID) async throws -> Int {
        guard !rows.isEmpty else { return 0 }
        let sorted = rows.sorted { ($0.key.minute, $0.key.tenant.uuidString, $0.key.model) < ($1.key.minute, $1.key.tenant.uuidString, $1.key.model) }
        let (keys, counters) = (sorted.map(\.key), sorted.map(\.value))
        let outcomes = try counters.map { String(decoding: try WireCoder.encode($0.outcomes), as: UTF8.self) }
        return try await pool.execute(
            """
            INSERT INTO reliability.minute AS minute (tenant_id, model, region, minute_at, gateway_id, boot_id, sequence, tier, provider, drill,
                outcomes, good, bad, excluded, first_token_samples, first_token_over, prompt_tokens, completion_tokens, rate_limited, disconnects,
                streams, last_token_samples, last_token_over, first_token_histogram, queue_histogram, last_token_histogram,
                long_last_token_histogram, retrieval_histogram, retrieved_first_token_histogram, retrieved_last_token_histogram)
            SELECT row.tenant_id, row.model, row.region, to_timestamp(row.minute * 60), \(gateway), \(boot), \(sequence), row.tier,
                row.provider, row.drill, row.outcomes, row.good, row.bad, row.excluded, row.samples, row.over, row.prompt, row.completion,
                row.limited, row.left_early, row.streams, row.last_samples, row.last_over, row.first, row.queue, row.last, row.long_last,
                row.retrieval, row.retrieved_first, row.retrieved_last
            FROM unnest(\(keys.map(\.tenant))::uuid[], \(keys.map(\.model))::text[], \(keys.map(\.region))::text[],
                \(keys.map(\.minute))::bigint[], \(keys.map(\.tier))::text[], \(keys.map(\.provider))::text[], \(keys.map(\.drill))::boolean[],
                \(outcomes)::jsonb[], \(Self.sums(counters)), \(try Self.histograms(counters)))
                AS row (tenant_id, model, region, minute, tier, provider, drill, outcomes, good, bad, excluded, samples, over, prompt, completion,
                    limited, left_early, streams, last_samples, last_over, first, queue, last, long_last, retrieval, retrieved_first, retrieved_last)
            ON CONFLICT (tenant_id, model, region, minute_at, gateway_id, boot_id, tier, provider, drill) DO UPDATE SET
                sequence = EXCLUDED.sequence, outcomes = EXCLUDED.outcomes, good = EXCLUDED.good, bad = EXCLUDED.bad,
                excluded = EXCLUDED.excluded, first_token_samples = EXCLUDED.first_token_samples,
                first_token_over = EXCLUDED.first_token_over, prompt_tokens = EXCLUDED.prompt_tokens,
                completion_tokens = EXCLUDED.completion_tokens, rate_limited = EXCLUDED.rate_limited, disconnects = EXCLUDED.disconnects,
                streams = EXCLUDED.streams, last_token_samples = EXCLUDED.last_token_samples, last_token_over = EXCLUDED.last_token_over,
                first_token_histogram = EXCLUDED.first_token_histogram, queue_histogram = EXCLUDED.queue_histogram,
                last_token_histogram = EXCLUDED.last_token_histogram, long_last_token_histogram = EXCLUDED.long_last_token_histogram,
                retrieval_histogram = EXCLUDED.retrieval_histogram,
                retrieved_first_token_histogram = EXCLUDED.retrieved_first_token_histogram,
                retrieved_last_token_histogram = EXCLUDED.retrieved_last_token_histogram, received_at = now()
            WHERE minute.sequence < EXCLUDED.sequence
            """)
    }

    private static func sums(_ counters: [MinuteCounters]) -> SQL {
        """
        \(counters.map { $0.count(.good) })::bigint[], \(counters.map { $0.count(.bad) })::bigint[],
        \(counters.map { $0.count(.excluded) })::bigint[], \(counters.map(\.firstTokenSamples))::bigint[],
        \(counters.map(\.firstTokenOver))::bigint[], \(counters.map(\.promptTokens))::bigint[],
        \(counters.map(\.completionTokens))::bigint[], \(counters.map(\.rateLimited))::bigint[], \(counters.map(\.disconnects))::bigint[],
        \(counters.map { $0.streams ?? 0 })::bigint[], \(counters.map { $0.lastTokenSamples ?? 0 })::bigint[],
        \(counters.map { $0.lastTokenOver ?? 0 })::bigint[]
        """
    }

    private static func histograms(_ counters: [MinuteCounters]) throws -> SQL {
        func texts(_ histogram: (MinuteCounters) -> [Int: Int64]?) throws -> [String] {
            try counters.map { String(decoding: try WireCoder.encode(histogram($0) ?? [:]), as: UTF8.self) }
        }
        return """
            \(try texts(\.firstTokenHistogram))::jsonb[], \(try texts(\.queueHistogram))::jsonb[], \(try texts(\.lastTokenHistogram))::jsonb[],
            \(try texts(\.longLastTokenHistogram))::jsonb[], \(try texts(\.retrievalHistogram))::jsonb[],
            \(try texts(\.retrievedFirstTokenHistogram))::jsonb[], \(try texts(\.retrievedLastTokenHistogram))::jsonb[]
            """
    }
}

extension MinuteCounters {
    fileprivate func count(_ verdict: Outcome.Verdict) -> Int64 {
        outcomes.reduce(0) { sum, outcome in Outcome.Verdict(code: outcome.key) == verdict ? sum + outcome.value : sum }
    }
}

extension FirstTokenCount {
    fileprivate var isStorable: Bool {
        (0...(1 << 48)).contains(samples) && (0...samples).contains(over)
            && [tier, model, region].allSatisfy { $0.unicodeScalars.count <= 127 && !$0.unicodeScalars.contains("\0") }
    }
}
