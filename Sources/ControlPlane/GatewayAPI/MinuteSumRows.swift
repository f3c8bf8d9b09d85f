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
            INSERT INTO reliability.minute AS minute (tenant_id, model, region, minute_at, tier, provider, drill, gateway_id, boot_id, sequence,
                outcomes, \(Self.names(Self.counts)), \(Self.names(Self.distributions)))
            SELECT row.tenant_id, row.model, row.region, to_timestamp(row.minute * 60), row.tier, row.provider, row.drill, \(Self.gateway), \(Self.boot), 1,
                row.outcomes, \(Self.names(Self.counts, of: "row.")), \(Self.names(Self.distributions, of: "row."))
            FROM \(try Self.table(rows)) AS row
            ON CONFLICT (tenant_id, model, region, minute_at, gateway_id, boot_id, tier, provider, drill) DO UPDATE SET \(Self.sums(with: "EXCLUDED"))
            """)
    }

    private func change(_ rows: ArraySlice<(key: MinuteIntake.Key, value: MinuteSums)>, _ connection: PostgresConnection) async throws {
        try await connection.execute(
            """
            UPDATE reliability.minute AS minute SET \(Self.sums(with: "row"))
            FROM \(try Self.table(rows)) AS row
            WHERE minute.tenant_id = row.tenant_id AND minute.model = row.model AND minute.region = row.region
                AND minute.minute_at = to_timestamp(row.minute * 60) AND minute.gateway_id = \(Self.gateway) AND minute.boot_id = \(Self.boot)
                AND minute.tier = row.tier AND minute.provider = row.provider AND minute.drill = row.drill
            """)
    }

    /// Columns that are numbers: three verdicts, then `MinuteSums.counts` in their order.
    private static let counts: [SQL] = [
        "good", "bad", "excluded", "first_token_samples", "first_token_over", "prompt_tokens", "completion_tokens", "rate_limited", "disconnects",
        "streams",
        "last_token_samples", "last_token_over",
    ]

    /// Columns that count by name, in the order of `MinuteSums.histograms`.
    private static let distributions: [SQL] = [
        "first_token_histogram", "queue_histogram", "last_token_histogram", "long_last_token_histogram", "retrieval_histogram",
        "retrieved_first_token_histogram", "retrieved_last_token_histogram",
    ]

    private static func names(_ columns: [SQL], of table: SQL = "") -> SQL { .joined(columns.map { "\(table)\($0)" }, separator: ", ") }

    private static func sums(with row: SQL) -> SQL {
        let counts = counts.map { "\($0) = minute.\($0) + \(row).\($0)" as SQL }
        let distributions = (["outcomes"] + distributions).map { "\($0) = reliability.add_counts(minute.\($0), \(row).\($0))" as SQL }
        return .joined(["sequence = minute.sequence + 1", "received_at = now()"] + counts + distributions, separator: ", ")
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
                AS row (tenant_id, model, region, minute, tier, provider, drill, outcomes, \(Self.names(Self.counts)),
                    \(Self.names(Self.distributions))))
            """
    }
}
