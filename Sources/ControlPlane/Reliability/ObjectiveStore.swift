import Domain
import FoundationEssentials
import Postgres

/// An objective as it is stored.
struct StoredObjective: Sendable {
    enum Period: String, Sendable {
        case calendar
        case rolling
    }

    var id: UUID
    var name: String
    var objective: Objective
    var period: Period
    var timeZone: String
    var raisesBurnAlerts: Bool
    var freezes: Bool
}

/// Reads objectives.
enum ObjectiveStore {
    static func active(_ run: (SQL) async throws -> [PostgresRow]) async throws -> [StoredObjective] {
        let rows = try await run(
            """
            SELECT id, name, kind, tenant_id::text AS tenant, tier, model, region, target_ppm, threshold_microseconds, bad_above_ppm, period, time_zone,
                burn_alerts, freezes, CASE WHEN kind = 'ttft_p95' THEN ARRAY(SELECT own.tier FROM reliability.tier_threshold AS own
                    WHERE own.microseconds <> threshold_microseconds) ELSE '{}' END AS unmeasured
            FROM reliability.objective WHERE state = 'active' ORDER BY name
            """)
        return try rows.compactMap { row in
            guard let kind = ObjectiveKind(rawValue: try row.value("kind")), let period = StoredObjective.Period(rawValue: try row.value("period"))
            else { return nil }
            let scope = ObjectiveScope(
                tenant: try row.value("tenant"), tier: try row.value("tier"), model: try row.value("model"), region: try row.value("region"))
            let objective = Objective(
                kind: kind, scope: scope, targetPpm: try row.value("target_ppm"), thresholdMicroseconds: try row.value("threshold_microseconds"),
                badAbovePpm: kind == .availability ? try row.value("bad_above_ppm") : nil,
                unmeasuredTiers: Set(try row.value("unmeasured", as: [String].self)))
            return StoredObjective(
                id: try row.value("id"), name: try row.value("name"), objective: objective, period: period, timeZone: try row.value("time_zone"),
                raisesBurnAlerts: try row.value("burn_alerts"), freezes: try row.value("freezes"))
        }
    }
}

extension [StoredObjective] {
    func holding(_ kind: ObjectiveKind, for scope: ObjectiveScope) -> StoredObjective? {
        Objective.holding(self, \.objective, kind: kind, for: scope)
    }
}
