import FoundationEssentials
import PlimsollWire
import Postgres

/// Takes gateways' reports of abuse. A report that is lost is lost: these are counts for people, and no bill rests on them.
struct AbuseIntake: Sendable {
    private static let most = 10_000

    let pool: PostgresPool

    func store(_ report: AbuseReport, from gateway: UUID) async throws -> IntakeResponse {
        let hits = report.hits.prefix(Self.most).compactMap { hit -> (rule: UUID, tenant: UUID, count: Int)? in
            guard let rule = UUID(uuidString: hit.rule), let tenant = UUID(uuidString: hit.tenant), (1...1_000_000_000).contains(hit.count) else {
                return nil
            }
            return (rule, tenant, hit.count)
        }
        var stored = 0
        if !hits.isEmpty {
            stored += try await pool.execute(
                """
                INSERT INTO serving.abuse_events (kind, rule_id, tenant_id, gateway_id, count)
                SELECT 'rule', hit.rule, hit.tenant, \(gateway), hit.count
                FROM unnest(\(hits.map(\.rule))::uuid[], \(hits.map(\.tenant))::uuid[], \(hits.map(\.count))::bigint[]) AS hit (rule, tenant, count)
                """)
        }
        if (1...1_000_000_000).contains(report.locks) {
            stored += try await pool.execute(
                "INSERT INTO serving.abuse_events (kind, gateway_id, count) VALUES ('lock', \(gateway), \(report.locks)::bigint)")
        }
        return IntakeResponse(stored: stored, duplicates: 0, quarantined: report.hits.count - hits.count)
    }
}
