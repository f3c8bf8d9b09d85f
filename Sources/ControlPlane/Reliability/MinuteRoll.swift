import Domain
import FoundationEssentials
import Postgres

/// What was refused before its model was known is in nobody's service: such minutes have no model, and only a tenant's behaviour is judged by them.
///
/// Merges what gateways and probes reported into one row a minute. Run as often as wished: it gives what the reports give, however often and in
/// whatever order they came.
struct MinuteRoll: Sendable {
    /// Of the reliability room.
    let pool: PostgresPool

    /// What has been merged: whatever a transaction wrote that had ended then, of minutes before an end.
    struct Merged: Sendable {
        fileprivate let transaction: Int64
        fileprivate let end: Int64
    }

    /// Minutes with any report in the range; rows that would stay as they are are left alone.
    ///
    /// - Parameter merged: What the last call for a range with the same or an earlier beginning gave: only what came since is read in whole. Nil: all is.
    @discardableResult
    func roll(_ range: MinuteRange, since merged: Merged? = nil) async throws -> Merged? {
        guard !range.isEmpty else { return merged }
        return try await pool.transaction { connection in
            // First: what is written from here on is seen by the next call at the latest.
            let row = try await connection.queryOne("SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint AS oldest")
            try await tenants(range, merged, connection)
            try await service(range, connection)
            return try row.map { Merged(transaction: try $0.value("oldest"), end: range.upperBound) }
        }
    }

    /// Rows that a call since then has not read. Ids of transactions go round: what counts is how far back they are.
    private func isNew(_ merged: Merged) -> SQL {
        """
        (minute_at >= \(SQL.minute(merged.end)) OR age(minute.xmin) <= age((\(merged.transaction)::bigint % 4294967296)::text::xid))
        """
    }

    /// Subjects and minutes of which something came; those that are known stay as they are.
    private func came(_ range: MinuteRange, _ merged: Merged?) -> SQL {
        guard let merged else { return "TRUE" }
        return """
            (tenant_id, model, region, minute_at) IN (SELECT tenant_id, model, region, minute_at FROM reliability.minute AS minute
                WHERE \(time(range)) AND \(isNew(merged)))
            """
    }

    private func time(_ range: MinuteRange, _ column: SQL = "minute_at") -> SQL {
        "\(column) >= \(SQL.minute(range.lowerBound)) AND \(column) < \(SQL.minute(range.upperBound))"
    }

    private func tenants(_ range: MinuteRange, _ merged: Merged?, _ connection: PostgresConnection) async throws {
        try await connection.execute(
            """
            INSERT INTO reliability.minute_total AS total (tenant_id, model, region, minute_at, tier, good, bad, excluded, server_errors, shed,
                over_quota, first_token_samples, first_token_over, disconnects)
            SELECT tenant_id, model, region, minute_at, max(tier), sum(good), sum(bad), sum(excluded),
                sum(coalesce((outcomes ->> 'bad:5xx')::bigint, 0)), sum(coalesce((outcomes ->> 'bad:shed')::bigint, 0) + coalesce((outcomes ->> 'bad:throttled')::bigint, 0)),
                sum(coalesce((outcomes ->> 'excluded:quota')::bigint, 0)), sum(first_token_samples), sum(first_token_over), sum(disconnects)
            FROM reliability.minute WHERE \(time(range)) AND NOT drill AND model <> '' AND \(came(range, merged)) GROUP BY tenant_id, model, region, minute_at
            ON CONFLICT (tenant_id, model, region, minute_at) DO UPDATE SET tier = EXCLUDED.tier, good = EXCLUDED.good, bad = EXCLUDED.bad,
                excluded = EXCLUDED.excluded, server_errors = EXCLUDED.server_errors, shed = EXCLUDED.shed, over_quota = EXCLUDED.over_quota,
                first_token_samples = EXCLUDED.first_token_samples, first_token_over = EXCLUDED.first_token_over,
                disconnects = EXCLUDED.disconnects
            WHERE (total.*) IS DISTINCT FROM (EXCLUDED.*)
            """)
    }

    private func service(_ range: MinuteRange, _ connection: PostgresConnection) async throws {
        // A report may have moved its minute to another tier.
        try await connection.execute(
            """
            DELETE FROM reliability.service_minute AS old WHERE \(time(range)) AND NOT EXISTS (
                SELECT 1 FROM reliability.minute_total AS total WHERE total.tier = old.tier AND total.model = old.model
                    AND total.region = old.region AND total.minute_at = old.minute_at)
            """)
        try await connection.execute(
            """
            INSERT INTO reliability.service_minute AS total (tier, model, region, minute_at, good, bad, excluded, server_errors, shed, over_quota,
                first_token_samples, first_token_over, disconnects)
            SELECT tier, model, region, minute_at, sum(good), sum(bad), sum(excluded), sum(server_errors), sum(shed), sum(over_quota),
                sum(first_token_samples), sum(first_token_over), sum(disconnects)
            FROM reliability.minute_total WHERE \(time(range)) GROUP BY tier, model, region, minute_at
            ON CONFLICT (model, region, minute_at, tier) DO UPDATE SET good = EXCLUDED.good, bad = EXCLUDED.bad, excluded = EXCLUDED.excluded,
                server_errors = EXCLUDED.server_errors, shed = EXCLUDED.shed, over_quota = EXCLUDED.over_quota,
                first_token_samples = EXCLUDED.first_token_samples, first_token_over = EXCLUDED.first_token_over,
                disconnects = EXCLUDED.disconnects
            WHERE (total.*) IS DISTINCT FROM (EXCLUDED.*)
            """)
    }
}
