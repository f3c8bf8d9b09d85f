import Domain
import FoundationEssentials
import PlimsollWire
import Postgres

/// What becomes of commands: the reports of agents, and deadlines that pass without one.
struct OperationReports: Sendable {
    /// Most results of one request.
    static let maximumResults = 1_000

    let pool: PostgresPool

    /// Applies reports; those that are late, repeated or of another host's operation change nothing. Ends are audited.
    func record(_ results: OperationResults, from host: UUID) async throws {
        guard results.results.count <= Self.maximumResults else { throw PeerRefusal(.tooLarge, "at most 1,000 results at once") }
        for result in results.results {
            guard let id = UUID(uuidString: result.id), let phase = OperationPhase(rawValue: result.state.rawValue) else { continue }
            try await pool.transaction(.repeatable) { connection in
                try await apply(connection, id, phase, message: result.message, host: host)
            }
        }
    }

    private func apply(_ connection: PostgresConnection, _ id: UUID, _ phase: OperationPhase, message: String?, host: UUID) async throws {
        let row = try await connection.queryOne(
            "SELECT state, kind, worker_id FROM serving.operations WHERE id = \(id) AND host_id = \(host) FOR UPDATE")
        guard let row, let present = OperationPhase(rawValue: try row.value("state")), present.allows(phase) else { return }
        let text = message.map { String($0.unicodeScalars.filter { $0.value >= 0x20 }.prefix(500).map(Character.init)) }
        try await connection.execute(
            """
            UPDATE serving.operations SET state = \(phase.rawValue), message = coalesce(\(text), message), updated_at = now() WHERE id = \(id)
            """)
        guard phase.isFinal else { return }
        if let worker = try row.value("worker_id", as: UUID?.self) { try await tell(connection, id, worker, phase, text) }
        try await audit(connection, id, state: phase.rawValue, kind: row.value("kind"), actor: "host:\(host.lowercased)")
    }

    /// An incident that had a worker restarted hears how that went.
    private func tell(_ connection: PostgresConnection, _ id: UUID, _ worker: UUID, _ phase: OperationPhase, _ text: String?) async throws {
        let row = try await connection.queryOne(
            "SELECT incident_id FROM reliability.mitigation WHERE operation_id = \(id) AND incident_id IS NOT NULL LIMIT 1")
        guard let incident = try row?.value("incident_id", as: UUID.self) else { return }
        let told = try await connection.queryOne(
            """
            SELECT json_build_object('log_tail', \(LogTail.shown("worker.log_tail")))::text AS tail FROM serving.workers AS worker, serving.operations AS operation
            WHERE worker.id = \(worker) AND operation.id = \(id) AND worker.log_tail_at >= operation.created_at
            """)
        let words = ["restart of worker \(worker.lowercased): \(phase.rawValue)", text].compactMap(\.self).joined(separator: ": ")
        try await IncidentBook(connection: connection, now: Date()).note(
            incident, "mitigation", words, detail: try told?.value("tail", as: String.self) ?? "{}", actor: "agent")
    }

    /// Ends operations whose deadline has passed; how many.
    @discardableResult
    func expire() async throws -> Int {
        try await pool.transaction { connection in
            let rows = try await connection.query(
                """
                UPDATE serving.operations SET state = 'expired', message = 'the agent did not finish in time', updated_at = now()
                WHERE id IN (
                    SELECT id FROM serving.operations WHERE state IN ('queued', 'sent', 'running') AND deadline < now()
                    ORDER BY id LIMIT 500 FOR UPDATE SKIP LOCKED)
                RETURNING id, kind
                """)
            for row in rows {
                try await audit(connection, row.value("id"), state: "expired", kind: row.value("kind"), actor: "control")
            }
            return rows.count
        }
    }

    private func audit(_ connection: PostgresConnection, _ id: UUID, state: String, kind: String, actor: String) async throws {
        try await PeerAudit.append(
            connection, actor: actor, action: "operation_\(state)", kind: "operation", id: id.lowercased, change: "{\"kind\":\"\(kind)\"}")
    }
}
