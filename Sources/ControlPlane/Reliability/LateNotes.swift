import FoundationEssentials
import Postgres

/// Minutes of which something came late, as they were noted at one moment. What is noted meanwhile, or by a transaction that is not over, is no part of it.
struct LateNotes: Sendable {
    /// That are looked at in one turn.
    private static let most = 20_000

    private let rows: [PostgresRow]
    /// Since 1970, in order.
    let minutes: [Int64]

    /// Of closed minutes; others are closed with what came of them.
    static func read(_ reliability: PostgresPool) async throws -> LateNotes {
        let rows = try await reliability.query(
            """
            SELECT tenant_id, model, region, extract(epoch FROM minute_at)::bigint / 60 AS minute, noted_at::text AS noted
            FROM reliability.late_minute WHERE minute_at < (SELECT closed_until FROM reliability.minute_progress) ORDER BY minute_at LIMIT \(most)
            """)
        return LateNotes(rows: rows, minutes: Set(try rows.map { try $0.value("minute", as: Int64.self) }).sorted())
    }

    /// Those that say what they said.
    func remove(_ reliability: PostgresPool) async throws {
        try await reliability.execute(
            """
            DELETE FROM reliability.late_minute AS known USING unnest(\(try rows.map { try $0.value("tenant_id", as: UUID.self) })::uuid[],
                \(try rows.map { try $0.value("model", as: String.self) })::text[], \(try rows.map { try $0.value("region", as: String.self) })::text[],
                \(try rows.map { try $0.value("minute", as: Int64.self) })::bigint[], \(try rows.map { try $0.value("noted", as: String.self) })::timestamptz[])
                AS seen (tenant_id, model, region, minute, noted_at)
            WHERE known.tenant_id = seen.tenant_id AND known.model = seen.model AND known.region = seen.region
                AND known.minute_at = to_timestamp(seen.minute * 60) AND known.noted_at = seen.noted_at
            """)
    }
}
