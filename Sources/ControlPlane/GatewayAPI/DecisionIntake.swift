package import FoundationEssentials
package import PlimsollWire
package import Postgres

/// Stores how requests were routed, for operators who ask; kept for a week. One that is sent again changes nothing.
package struct DecisionIntake: Sendable {
    package static let maximumDecisions = 1_000
    private static let mostParts = 32

    private let pool: PostgresPool

    /// - Parameter pool: Of the reliability room.
    package init(pool: PostgresPool) {
        self.pool = pool
    }

    package func store(_ batch: DecisionBatch, from gateway: UUID) async throws -> IntakeResponse {
        guard batch.decisions.count <= Self.maximumDecisions else { throw PeerRefusal(.tooLarge, "at most 1,000 decisions at once") }
        var rows: [(id: UUID, decision: RequestDecision)] = []
        for decision in batch.decisions {
            guard let id = UUID(uuidString: decision.requestId), Self.isStorable(decision) else { continue }
            rows.append((id, decision))
        }
        let texts = try rows.map { String(decoding: try WireCoder.encode($0.decision), as: UTF8.self) }
        let stored = try await pool.execute(
            """
            INSERT INTO reliability.request_decision (request_id, gateway_id, accepted_at, decision)
            SELECT row.id, \(gateway), to_timestamp(row.accepted_at / 1000000.0), row.decision
            FROM unnest(\(rows.map(\.id))::uuid[], \(rows.map(\.decision.acceptedAt))::bigint[], \(texts)::jsonb[])
                AS row (id, accepted_at, decision)
            ON CONFLICT DO NOTHING
            """)
        return IntakeResponse(stored: stored, duplicates: rows.count - stored, quarantined: batch.decisions.count - rows.count)
    }

    private static func isStorable(_ decision: RequestDecision) -> Bool {
        let words =
            decision.candidates.flatMap { [$0.worker, $0.role] } + [decision.fault ?? ""]
            + decision.attempts.flatMap { [$0.worker, $0.reason, $0.result ?? ""] }
        return decision.candidates.count <= mostParts && decision.attempts.count <= mostParts
            && words.allSatisfy { $0.utf8.count <= 64 && !$0.utf8.contains(0) } && (0...(1 << 62)).contains(decision.acceptedAt)
            && decision.refusal?.isStorable ?? true
    }
}

extension RequestDecision.Refusal {
    fileprivate var isStorable: Bool {
        [code, param ?? "", tenant ?? "", key ?? "", tier ?? "", model ?? ""].allSatisfy { $0.utf8.count <= 256 && !$0.utf8.contains(0) }
    }
}
