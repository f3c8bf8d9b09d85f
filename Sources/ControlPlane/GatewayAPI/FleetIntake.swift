package import FoundationEssentials
package import PlimsollWire
package import Postgres

/// Keeps what each gateway last told of workers that it has taken out of rotation, for operators.
package struct FleetIntake: Sendable {
    package static let maximumWorkers = 10_000
    /// A gateway tells every five seconds while there is something to tell.
    static let fresh: SQL = "interval '20 seconds'"
    private static let reasons: Set = ["failures", "stalled", "slow", "probes", "host", "provider", "lost"]

    private let pool: PostgresPool

    /// - Parameter pool: Of the serving room.
    package init(pool: PostgresPool) {
        self.pool = pool
    }

    package func store(_ report: FleetReport, from gateway: UUID) async throws -> IntakeResponse {
        guard report.out.count <= Self.maximumWorkers else { throw PeerRefusal(.tooLarge, "at most 10,000 workers at once") }
        let good = report.out.filter { UUID(uuidString: $0.key) != nil && Self.reasons.contains($0.value) }
        let known = Dictionary(good.map { ($0.key.lowercased(), $0.value) }, uniquingKeysWith: { first, _ in first })
        let text = String(decoding: try WireCoder.encode(known), as: UTF8.self)
        let logged = report.promptsLogged.map { Int64(max(0, $0)) }
        try await pool.execute(
            """
            UPDATE serving.gateways SET workers_out = \(text)::jsonb, workers_out_at = now(), prompts_logged = \(logged) WHERE id = \(gateway)
            """)
        return IntakeResponse(stored: known.count, duplicates: 0, quarantined: report.out.count - known.count)
    }
}
