import Domain
import FoundationEssentials
import Postgres

/// The sums of minutes in the database. They are added up here: the database would take objects of counts apart and put them together for each change.
enum MinuteSumRows {
    private typealias Row = (key: MinuteIntake.Key, sums: MinuteSums)

    private static let page = 1_000
    /// In place of a gateway's: rows with another are of the release before, and of starts that were lost.
    private static let gateway: SQL = "'00000000-0000-0000-0000-000000000000'::uuid"
    private static let boot: SQL = "'merged'::text"

    /// Of those who add, one at a time: what is read here must still be so when it is written.
    static func add(_ differences: [MinuteIntake.Key: MinuteSums], _ connection: PostgresConnection) async throws {
        let sorted = differences.sorted { ($0.key.minute, $0.key.tenant, $0.key.model) < ($1.key.minute, $1.key.tenant, $1.key.model) }
        let pages = stride(from: 0, to: sorted.count, by: page).map { first -> [Row] in
            sorted[first..<min(first + page, sorted.count)].map { ($0.key, $0.value) }
        }
        // While a page is put together the database writes the one before and reads the one behind it.
        var stored = try await connection.pipeline(pages.prefix(1).map { reading($0) })
        var before: [SQL] = []
        for (index, rows) in pages.enumerated() {
            let statements = before + pages.dropFirst(index + 1).prefix(1).map { reading($0) }
            async let answers = connection.pipeline(statements)
            before = [try writing(rows, adding: stored.last ?? [])]
            stored = try await answers
        }
        _ = try await connection.pipeline(before)
    }

    private static func reading(_ rows: [Row]) -> SQL {
        let minutes = rows.map(\.key.minute)
        // Named, so that no other day of the table is looked through, however the join is planned.
        return """
            SELECT row.place, \(names(of: "minute."))
            FROM (SELECT * FROM unnest(\(keyArrays(rows))) WITH ORDINALITY AS row (\(keyNames), place)) AS row
                JOIN reliability.minute AS minute ON minute.tenant_id = row.tenant_id AND minute.model = row.model AND minute.region = row.region
                    AND minute.minute_at = to_timestamp(row.minute * 60) AND minute.gateway_id = \(gateway) AND minute.boot_id = \(boot)
                    AND minute.tier = row.tier AND minute.provider = row.provider AND minute.drill = row.drill
            WHERE minute.minute_at BETWEEN \(SQL.minute(minutes.min() ?? 0)) AND \(SQL.minute(minutes.max() ?? 0))
            """
    }

    private static func writing(_ rows: [Row], adding stored: [PostgresRow]) throws -> SQL {
        var sums = rows.map(\.sums)
        for row in stored { try sums[row.value("place", as: Int.self) - 1].add(row) }
        let verdicts = verdicts.map { verdict in sums.map { $0.count(verdict.counted) } }
        let counts = MinuteSums.Count.allCases.map { count in sums.map { $0[count] } }
        let histograms = MinuteSums.Histogram.allCases.map { histogram in sums.map { CountsText.json($0[histogram]) } }
        return """
            INSERT INTO reliability.minute AS minute (tenant_id, model, region, minute_at, tier, provider, drill, gateway_id, boot_id, sequence, \(names()))
            SELECT row.tenant_id, row.model, row.region, to_timestamp(row.minute * 60), row.tier, row.provider, row.drill, \(gateway), \(boot), 1,
                \(names(of: "row."))
            FROM unnest(\(keyArrays(rows)), \(SQL.joined((verdicts + counts).map { "\($0)::bigint[]" }, separator: ", ")),
                \(SQL.joined(histograms.map { "\($0)::jsonb[]" }, separator: ", ")), \(try sums.map { try CountsText.json($0.outcomes) })::jsonb[])
                AS row (\(keyNames), \(names()))
            ON CONFLICT (tenant_id, model, region, minute_at, gateway_id, boot_id, tier, provider, drill)
                DO UPDATE SET sequence = minute.sequence + 1, received_at = now(),
                    \(SQL.joined(columns.map { "\($0) = EXCLUDED.\($0)" }, separator: ", "))
            """
    }

    private static let keyNames: SQL = "tenant_id, model, region, minute, tier, provider, drill"

    private static func keyArrays(_ rows: [Row]) -> SQL {
        let keys = rows.map(\.key)
        return """
            \(keys.map(\.tenant))::uuid[], \(keys.map(\.model))::text[], \(keys.map(\.region))::text[], \(keys.map(\.minute))::bigint[],
                \(keys.map(\.tier))::text[], \(keys.map(\.provider))::text[], \(keys.map(\.drill))::boolean[]
            """
    }

    private static let verdicts: [(column: SQL, counted: Outcome.Verdict)] = [("good", .good), ("bad", .bad), ("excluded", .excluded)]

    /// All that is counted.
    private static let columns: [SQL] =
        verdicts.map(\.column) + MinuteSums.Count.allCases.map { "\(identifier: $0.column)" }
        + MinuteSums.Histogram.allCases.map { "\(identifier: $0.column)" }
        + ["outcomes"]

    private static func names(of table: SQL = "") -> SQL { .joined(columns.map { "\(table)\($0)" }, separator: ", ") }
}

extension MinuteSums {
    /// - Parameter row: As sums are stored.
    fileprivate mutating func add(_ row: PostgresRow) throws {
        for (name, count) in try CountsText.outcomes(row.value("outcomes")) { add(outcome: name, count) }
        for count in Count.allCases { add(count: count.rawValue, try row.value(count.column.description)) }
        for histogram in Histogram.allCases {
            var place = 0
            for (bucket, count) in try CountsText.buckets(row.value(histogram.column.description)) {
                add(histogram.rawValue, bucket: bucket, count, at: &place)
            }
        }
        dropNothing()
    }
}

extension MinuteSums.Count {
    fileprivate var column: StaticString {
        switch self {
        case .firstTokenSamples: "first_token_samples"
        case .firstTokenOver: "first_token_over"
        case .promptTokens: "prompt_tokens"
        case .completionTokens: "completion_tokens"
        case .rateLimited: "rate_limited"
        case .disconnects: "disconnects"
        case .streams: "streams"
        case .lastTokenSamples: "last_token_samples"
        case .lastTokenOver: "last_token_over"
        }
    }
}

extension MinuteSums.Histogram {
    fileprivate var column: StaticString {
        switch self {
        case .firstToken: "first_token_histogram"
        case .queue: "queue_histogram"
        case .lastToken: "last_token_histogram"
        case .longLastToken: "long_last_token_histogram"
        case .retrieval: "retrieval_histogram"
        case .retrievedFirstToken: "retrieved_first_token_histogram"
        case .retrievedLastToken: "retrieved_last_token_histogram"
        }
    }
}
