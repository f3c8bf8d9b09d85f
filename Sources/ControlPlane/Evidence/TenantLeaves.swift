import Cryptography
import Domain
import FoundationEssentials
import Postgres

/// Reads the leaves of a tenant's tree back.
enum TenantLeaves {
    /// Stretches of all series in the order of their names, days joined.
    static func read(_ tree: TenantTree, _ pool: PostgresPool) async throws -> [EvidenceStretch] {
        let rows = try await pool.query(
            """
            SELECT model, region, extract(epoch FROM since_at)::bigint / 60 AS since, leaves FROM reliability.evidence_day
            WHERE tenant_id = \(tree.tenant) AND day >= \(EvidenceTime.month(tree.month))
                AND day < (\(EvidenceTime.month(tree.month)) + interval '1 month')::date
            """)
        var found: [EvidenceStretch] = []
        for row in rows {
            guard let series = EvidenceSeries(tenant: tree.tenantName, model: try row.value("model"), region: try row.value("region")),
                let runs = LeafRuns(try row.value("leaves", as: String.self))
            else { throw PostgresError(.decoding, "leaves that are none") }
            found.append(EvidenceStretch(series: series, since: try row.value("since"), runs: runs))
        }
        return joined(found.sorted { ($0.series, $0.since) < ($1.series, $1.since) })
    }

    private static func joined(_ sorted: [EvidenceStretch]) -> [EvidenceStretch] {
        var joined: [EvidenceStretch] = []
        for stretch in sorted {
            if let last = joined.indices.last, joined[last].series == stretch.series, joined[last].until == stretch.since {
                joined[last].runs.append(stretch.runs)
            } else {
                joined.append(stretch)
            }
        }
        return joined
    }
}
