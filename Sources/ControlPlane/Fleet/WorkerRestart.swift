import FoundationEssentials
import Postgres

/// Has a worker's runtime started again by its agent.
enum WorkerRestart {
    /// What the drain and the start of a large model may take together.
    static let usualSeconds: Int64 = 900

    enum Outcome {
        case ordered(operation: UUID)
        /// Its agent did not start it, or is of a release that cannot.
        case notOurs
        /// The operation of another restart has not ended.
        case underWay
        /// Its host is locked or revoked.
        case noHost
    }

    /// Within the caller's transaction. The host's agent learns of it at once.
    static func order(
        _ worker: UUID, within seconds: Int64 = usualSeconds, by actor: String, at now: Date, _ connection: PostgresConnection
    ) async throws -> Outcome {
        let row = try await connection.queryOne(
            """
            SELECT worker.host_id, worker.restartable, EXISTS (SELECT 1 FROM serving.operations AS operation
                    WHERE operation.worker_id = worker.id AND operation.state IN ('queued', 'sent', 'running')) AS under_way
            FROM serving.workers AS worker WHERE worker.id = \(worker) AND worker.retired_at IS NULL FOR UPDATE
            """)
        guard let row, try row.value("restartable") else { return .notOurs }
        guard try !row.value("under_way", as: Bool.self) else { return .underWay }
        let host: UUID = try row.value("host_id")
        let changed = try await connection.execute(
            "UPDATE serving.hosts SET generation = generation + 1, updated_at = now() WHERE id = \(host) AND state = 'active'")
        guard changed == 1 else { return .noHost }
        let order = try await connection.queryOne(
            """
            INSERT INTO serving.operations (host_id, worker_id, kind, deadline, requested_by, created_at)
            VALUES (\(host), \(worker), 'restart', \(now.addingTimeInterval(Double(seconds))), \(actor), \(now)) RETURNING id
            """)
        guard let id = try order?.value("id", as: UUID.self) else { return .noHost }
        return .ordered(operation: id)
    }
}
