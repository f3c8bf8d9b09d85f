import Domain
import Postgres

/// Real trouble where a drill would add its own: customers feel both.
struct DrillTrouble: Sendable {
    let scope: DrillScope
    let connection: PostgresConnection

    /// Why it should not begin there now; nil: nothing speaks against it.
    func refusal() async throws -> AdminRefusal? {
        if let number = try await incident() {
            return .conflict(
                "incident_open",
                "incident \(number), which pages somebody, is open where this drill would break something; wait for its end, or say with "
                    + "override_reason why it must be now")
        }
        guard let frozen = try await frozen() else { return nil }
        return .conflict(
            "frozen",
            "\(frozen.budget) is spent (\(frozen.spent)), and what customers feel of a drill counts; wait for what is left of a later period, or "
                + "say with override_reason why it must be now")
    }

    private func incident() async throws -> Int64? {
        try await connection.queryOne(
            """
            SELECT number FROM reliability.incident WHERE NOT drill AND resolved_at IS NULL AND severity = 'page' AND \(scope.meeting) ORDER BY number LIMIT 1
            """
        )?.value("number")
    }

    /// In the order in which models and regions are named; without a region all count.
    private func frozen() async throws -> FreezeDesk.Answer? {
        let regions: [String?] = scope.regions.isEmpty ? [nil] : scope.regions
        for place in scope.models.flatMap({ model in regions.map { FreezeScope(model: model, region: $0) } }) {
            let answer = try await FreezeDesk.ask(change: .providerSwap, place, connection)
            if answer.state == .frozen { return answer }
        }
        return nil
    }
}
