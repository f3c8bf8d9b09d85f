import Domain
import FoundationEssentials
import Postgres

/// Differences that are added to the sums of minutes.
struct MinuteSumRows {
    private static let page = 5_000
    /// In place of a gateway's: rows with another are of the release before, and of starts that were lost.
    static let gateway: SQL = "'00000000-0000-0000-0000-000000000000'::uuid"
    static let boot: SQL = "'merged'::text"

    private let grown: [(key: MinuteIntake.Key, value: MinuteSums)]
    private let lessened: [(key: MinuteIntake.Key, value: MinuteSums)]

    init(_ sums: [MinuteIntake.Key: MinuteSums]) {
        let sorted = sums.sorted { ($0.key.minute, $0.key.tenant, $0.key.model) < ($1.key.minute, $1.key.tenant, $1.key.model) }
        grown = sorted.filter { !$0.value.hasLess }
        lessened = sorted.filter(\.value.hasLess)
    }

    func write(_ connection: PostgresConnection) async throws {
        for first in stride(from: 0, to: grown.count, by: Self.page) {
            try await add(grown[first..<min(first + Self.page, grown.count)], connection)
        }
        // What is taken back is in a row that is there; one to be inserted would have counts below zero.
        for first in stride(from: 0, to: lessened.count, by: Self.page) {
            try await change(lessened[first..<min(first + Self.page, lessened.count)], connection)
        }
    }

    private func add(_ rows: ArraySlice<(key: MinuteIntake.Key, value: MinuteSums)>, _ connection: PostgresConnection) async throws {
        try await connection.execute(
            """
            INSERT INTO reliability.minute AS minute (tenant_id, model, region, minute_at, gateway_id, boot_id, sequence, tier, provider, drill,
                outcomes, good, bad, excluded, first_token_samples, first_token_over, prompt_tokens, completion_tokens, rate_limited, disconnects,
                streams, last_token_samples, last_token_over, first_token_histogram, queue_histogram, last_token_histogram,
                long_last_token_histogram, retrieval_histogram, retrieved_first_token_histogram, retrieved_last_token_histogram)
            SELECT row.tenant_id, row.model, row.region, to_timestamp(row.minute * 60), \(Self.gateway), \(Self.boot), 1, row.tier,
                row.provider, row.drill, row.outcomes, row.good, row.bad, row.excluded, row.samples, row.over, row.prompt, row.completion,
                row.limited, row.left_early, row.streams, row.last_samples, row.last_over, row.first, row.queue, row.last, row.long_last,
                row.retrieval, row.retrieved_first, row.retrieved_last
            FROM \(try Self.table(rows)) AS row
            ON CONFLICT (tenant_id, model, region, minute_at, gateway_id, boot_id, tier, provider, drill) DO UPDATE SET
                sequence = minute.sequence + 1, outcomes = reliability.add_counts(minute.outcomes, EXCLUDED.outcomes),
                good = minute.good + EXCLUDED.good, bad = minute.bad + EXCLUDED.bad, excluded = minute.excluded + EXCLUDED.excluded,
                first_token_samples = minute.first_token_samples + EXCLUDED.first_token_samples,
                first_token_over = minute.first_token_over + EXCLUDED.first_token_over,
                prompt_tokens = minute.prompt_tokens + EXCLUDED.prompt_tokens,
                completion_tokens = minute.completion_tokens + EXCLUDED.completion_tokens,
                rate_limited = minute.rate_limited + EXCLUDED.rate_limited, disconnects = minute.disconnects + EXCLUDED.disconnects,
                streams = minute.streams + EXCLUDED.streams, last_token_samples = minute.last_token_samples + EXCLUDED.last_token_samples,
                last_token_over = minute.last_token_over + EXCLUDED.last_token_over,
                first_token_histogram = reliability.add_counts(minute.first_token_histogram, EXCLUDED.first_token_histogram),
                queue_histogram = reliability.add_counts(minute.queue_histogram, EXCLUDED.queue_histogram),
                last_token_histogram = reliability.add_counts(minute.last_token_histogram, EXCLUDED.last_token_histogram),
                long_last_token_histogram = reliability.add_counts(minute.long_last_token_histogram, EXCLUDED.long_last_token_histogram),
                retrieval_histogram = reliability.add_counts(minute.retrieval_histogram, EXCLUDED.retrieval_histogram),
                retrieved_first_token_histogram = reliability.add_counts(
                    minute.retrieved_first_token_histogram, EXCLUDED.retrieved_first_token_histogram),
                retrieved_last_token_histogram = reliability.add_counts(
                    minute.retrieved_last_token_histogram, EXCLUDED.retrieved_last_token_histogram), received_at = now()
            """)
    }

    private func change(_ rows: ArraySlice<(key: MinuteIntake.Key, value: MinuteSums)>, _ connection: PostgresConnection) async throws {
        try await connection.execute(
            """
            UPDATE reliability.minute AS minute SET
                sequence = minute.sequence + 1, outcomes = reliability.add_counts(minute.outcomes, row.outcomes),
                good = minute.good + row.good, bad = minute.bad + row.bad, excluded = minute.excluded + row.excluded,
                first_token_samples = minute.first_token_samples + row.samples, first_token_over = minute.first_token_over + row.over,
                prompt_tokens = minute.prompt_tokens + row.prompt, completion_tokens = minute.completion_tokens + row.completion,
                rate_limited = minute.rate_limited + row.limited, disconnects = minute.disconnects + row.left_early,
                streams = minute.streams + row.streams, last_token_samples = minute.last_token_samples + row.last_samples,
                last_token_over = minute.last_token_over + row.last_over,
                first_token_histogram = reliability.add_counts(minute.first_token_histogram, row.first),
                queue_histogram = reliability.add_counts(minute.queue_histogram, row.queue),
                last_token_histogram = reliability.add_counts(minute.last_token_histogram, row.last),
                long_last_token_histogram = reliability.add_counts(minute.long_last_token_histogram, row.long_last),
                retrieval_histogram = reliability.add_counts(minute.retrieval_histogram, row.retrieval),
                retrieved_first_token_histogram = reliability.add_counts(minute.retrieved_first_token_histogram, row.retrieved_first),
                retrieved_last_token_histogram = reliability.add_counts(minute.retrieved_last_token_histogram, row.retrieved_last),
                received_at = now()
            FROM \(try Self.table(rows)) AS row
            WHERE minute.tenant_id = row.tenant_id AND minute.model = row.model AND minute.region = row.region
                AND minute.minute_at = to_timestamp(row.minute * 60) AND minute.gateway_id = \(Self.gateway) AND minute.boot_id = \(Self.boot)
                AND minute.tier = row.tier AND minute.provider = row.provider AND minute.drill = row.drill
            """)
    }

    private static func table(_ rows: ArraySlice<(key: MinuteIntake.Key, value: MinuteSums)>) throws -> SQL {
        let (keys, sums) = (rows.map(\.key), rows.map(\.value))
        let verdicts: [Outcome.Verdict] = [.good, .bad, .excluded]
        let counts =
            verdicts.map { verdict in sums.map { $0.count(verdict) } } + (0..<MinuteSums.counts).map { index in sums.map { $0.counts[index] } }
        let histograms = (0..<MinuteSums.histograms).map { index in sums.map { CountsText.json($0.histograms[index]) } }
        return """
            (SELECT * FROM unnest(\(keys.map(\.tenant))::uuid[], \(keys.map(\.model))::text[], \(keys.map(\.region))::text[],
                \(keys.map(\.minute))::bigint[], \(keys.map(\.tier))::text[], \(keys.map(\.provider))::text[], \(keys.map(\.drill))::boolean[],
                \(try sums.map { try CountsText.json($0.outcomes) })::jsonb[],
                \(SQL.joined(counts.map { "\($0)::bigint[]" }, separator: ", ")),
                \(SQL.joined(histograms.map { "\($0)::jsonb[]" }, separator: ", ")))
                AS row (tenant_id, model, region, minute, tier, provider, drill, outcomes, good, bad, excluded, samples, over, prompt, completion,
                    limited, left_early, streams, last_samples, last_over, first, queue, last, long_last, retrieval, retrieved_first, retrieved_last))
            """
    }
}
