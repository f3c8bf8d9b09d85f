import Cryptography
import Domain
import FoundationEssentials
import Postgres

/// Trees without a leaf. An agreement that begins in the last hours of a month of its zone, or ends in the first ones, may have all its minutes of that
/// month in the tree of a neighbour, while there is no tree of the month's own name, under which its credit is logged and has its bundle. And what is first
/// told of a month when later ones have their trees is shown by corrections alone.
struct BareTrees: Sendable {
    /// Of the reliability room.
    let pool: PostgresPool

    /// Makes those that are missing, when no leaf can come any more, with the root that goes into the public log.
    func plant() async throws -> [EvidenceFault] {
        let rows = try await pool.query(
            """
            SELECT DISTINCT tenant_id, to_char(edge.month, 'YYYY-MM') AS month FROM (
                SELECT tenant_id, date_trunc('month', edge AT TIME ZONE terms.time_zone)::date AS month
                FROM reliability.agreement JOIN reliability.terms ON terms.id = agreement.terms_id,
                    LATERAL unnest(ARRAY[starts_at, ends_at - interval '1 minute']) AS edge
                WHERE agreement.state <> 'proposed' AND terms.time_zone <> 'UTC'
                    AND date_trunc('month', edge AT TIME ZONE terms.time_zone) <> date_trunc('month', edge AT TIME ZONE 'UTC')
            ) AS edge JOIN reliability.minute_progress ON (edge.month + interval '1 month' + interval '1 day') AT TIME ZONE 'UTC' <= closed_until
            WHERE NOT EXISTS (SELECT 1 FROM reliability.evidence_tree AS tree WHERE tree.tenant_id = edge.tenant_id AND tree.month = edge.month)
                AND NOT EXISTS (SELECT 1 FROM reliability.evidence_series AS series WHERE series.tenant_id = edge.tenant_id
                    AND since_at < (edge.month + interval '1 month') AT TIME ZONE 'UTC'
                    AND coalesce(until_at > edge.month::timestamp AT TIME ZONE 'UTC', true))
            """)
        var faults: [EvidenceFault] = []
        for row in rows {
            let tenant: UUID = try row.value("tenant_id")
            guard let month = BillingPeriod(try row.value("month", as: String.self)) else { continue }
            if let fault = try await EvidenceFault.caught(tenant, { try await plant(tenant, month) }) { faults.append(fault) }
        }
        return faults
    }

    private func plant(_ tenant: UUID, _ month: BillingPeriod) async throws {
        try await pool.transaction(.repeatable) { connection in
            _ = try await connection.query("SELECT pg_advisory_xact_lock(hashtextextended(\(tenant)::text, 7116881261))")
            try await Self.plant(tenant, month, connection)
        }
    }

    /// Within a transaction that holds the tenant's lock, when no leaf of the month can come any more.
    static func plant(_ tenant: UUID, _ month: BillingPeriod, _ connection: PostgresConnection) async throws {
        try await connection.execute(
            """
            WITH planted AS (
                INSERT INTO reliability.evidence_tree (tenant_id, month, salt, next_at)
                VALUES (\(tenant), \(EvidenceTime.month(month)), \(SecureRandom.bytes(16)), \(EvidenceTime.minute(month.minutes.upperBound)))
                ON CONFLICT DO NOTHING RETURNING tenant_id, month, leaves, root)
            INSERT INTO reliability.evidence_fact (tenant_id, month, kind, leaves, digest)
            SELECT tenant_id, month, 'root', leaves, root FROM planted
            """)
    }
}
