import Domain
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
        stored += try await store(report.uses ?? [], from: gateway)
        return IntakeResponse(stored: stored, duplicates: 0, quarantined: report.hits.count - hits.count)
    }

    /// Keys that are gone meanwhile are nobody's.
    private func store(_ uses: [KeyUse], from gateway: UUID) async throws -> Int {
        let known = uses.prefix(Self.most).compactMap { use -> (key: UUID, at: Int64, address: String)? in
            guard let key = UUID(uuidString: use.key), (0...32_503_680_000).contains(use.at) else { return nil }
            let address = use.address ?? ""
            return address.isEmpty || NetworkAddress(address) != nil ? (key, use.at, address) : nil
        }
        if known.isEmpty { return 0 }
        return try await pool.execute(
            """
            INSERT INTO serving.key_uses AS known (key_id, address, first_at, last_at, gateway_id)
            SELECT use.key, use.address, to_timestamp(max(use.at)), to_timestamp(max(use.at)), \(gateway)
            FROM unnest(\(known.map(\.key))::uuid[], \(known.map(\.address))::text[], \(known.map(\.at))::bigint[]) AS use (key, address, at)
            JOIN serving.api_keys AS kept ON kept.id = use.key GROUP BY use.key, use.address
            ON CONFLICT (key_id, address) DO UPDATE SET gateway_id = EXCLUDED.gateway_id, last_at = EXCLUDED.last_at
            WHERE EXCLUDED.last_at > known.last_at
            """)
    }
}
