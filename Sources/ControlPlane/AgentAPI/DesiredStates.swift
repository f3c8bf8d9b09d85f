import Cryptography
import FoundationEssentials
import PlimsollWire
import Postgres

/// What agents should be doing, read from the tables.
struct DesiredStates: Sendable {
    /// Most gateways that an agent links to.
    private static let maximumGateways = 8

    let pool: PostgresPool
    let trustDomain: String

    /// The host's desired state when it is newer than `known`; delivering it marks its queued operations as sent.
    func state(of host: UUID, newerThan known: Int64) async throws -> DesiredState? {
        let row = try await pool.queryOne("SELECT generation FROM serving.hosts WHERE id = \(host)")
        guard let row, try row.value("generation", as: Int64.self) > known else { return nil }
        return try await pool.transaction { connection in try await deliver(connection, host) }
    }

    private func deliver(_ connection: PostgresConnection, _ host: UUID) async throws -> DesiredState? {
        let answers = try await connection.pipeline([
            "SELECT generation, intent, region FROM serving.hosts WHERE id = \(host) FOR SHARE",
            """
            SELECT gateway.id, gateway.advertise FROM serving.gateways AS gateway, serving.hosts AS host
            WHERE host.id = \(host) AND gateway.state = 'active' AND gateway.advertise IS NOT NULL
                AND gateway.certificate_not_after > now()
                AND (gateway.region = host.region OR gateway.region IN (
                    SELECT mitigation.region FROM reliability.mitigation AS mitigation
                    WHERE mitigation.action = 'backup_region' AND mitigation.to_region = host.region AND mitigation.state = 'active'
                        AND mitigation.mode <> 'dry_run'))
            ORDER BY gateway.region = host.region DESC, gateway.last_seen_at DESC NULLS LAST, gateway.id LIMIT \(Self.maximumGateways)
            """,
            "SELECT id FROM serving.gateways WHERE denied_until > now() ORDER BY id",
            """
            UPDATE serving.operations SET state = CASE WHEN state = 'queued' THEN 'sent' ELSE state END, updated_at = now()
            WHERE host_id = \(host) AND state IN ('queued', 'sent', 'running') AND deadline > now()
            RETURNING id, kind, deadline, (SELECT worker.runtime FROM serving.workers AS worker WHERE worker.id = worker_id) AS runtime
            """,
            "SELECT id, runtime, release, refusal FROM serving.workers WHERE host_id = \(host) AND retired_at IS NULL ORDER BY runtime",
        ])
        guard let row = answers[0].first else { return nil }
        let operations = try answers[3].compactMap(Self.operation)
        let restarts = operations.filter { $0.kind == .restart }
        return DesiredState(
            generation: try row.value("generation"), state: HostIntent(rawValue: try row.value("intent")) ?? .drain,
            gateways: try answers[1].map { GatewayAddress(id: try $0.id("id"), address: try $0.value("advertise")) },
            denied: try answers[2].map { PeerIdentity(trustDomain: trustDomain, role: .gateway, id: try $0.value("id")).description },
            operations: operations.filter { $0.kind != .restart }, restarts: restarts.isEmpty ? nil : restarts,
            workers: try answers[4].map(Self.worker))
    }

    private static func operation(_ row: PostgresRow) throws -> PlimsollWire.Operation? {
        guard let kind = OperationKind(rawValue: try row.value("kind")) else { return nil }
        return PlimsollWire.Operation(id: try row.id("id"), kind: kind, deadline: try row.value("deadline"), runtime: try row.value("runtime"))
    }

    private static func worker(_ row: PostgresRow) throws -> AssignedWorker {
        AssignedWorker(
            id: try row.id("id"), runtime: try row.value("runtime"), release: try row.value("release"), refusal: try row.value("refusal"))
    }
}
