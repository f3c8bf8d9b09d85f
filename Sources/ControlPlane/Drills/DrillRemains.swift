import Domain
import FoundationEssentials
import Postgres

/// What a drill touches.
struct DrillScope: Sendable {
    var models: [String]
    /// None: all.
    var regions: [String]
    var providers: [String]
    var workers: [UUID]

    /// Incidents that it would be a sign of, or whose steps would be in its way. What it takes of redundancy shows in the region where that is sold.
    func covers(_ incident: SQL) -> SQL {
        """
        (\(incident).model = '' OR \(incident).model = ANY(\(models)))
            AND (\(incident).region = '' OR \(incident).rule = \(IncidentSignal.redundancy.rawValue) OR \(isItsRegion(incident)))
            AND (\(incident).provider = '' OR \(incident).provider = ANY(\(providers)))
            AND (\(incident).worker_id IS NULL OR \(incident).worker_id = ANY(\(workers)::uuid[]))
        """
    }

    /// Incidents of any provider and worker at its models in its regions: who is served there feels both. Of an `incident`.
    var meeting: SQL {
        """
        ((cardinality(\(FeltMinutes.models)) = 0 OR \(FeltMinutes.models) && \(models)::text[])
            AND (incident.region = '' OR incident.rule = \(IncidentSignal.redundancy.rawValue) OR \(isItsRegion("incident"))))
        """
    }

    /// Mitigations that take out what it breaks.
    func takes(_ mitigation: SQL) -> SQL {
        """
        (\(mitigation).worker_id = ANY(\(workers)::uuid[]) OR \(mitigation).action = \(MitigationAction.drainProvider.rawValue)
            AND \(mitigation).provider = ANY(\(providers)) AND (\(mitigation).region IS NULL OR \(isItsRegion(mitigation))))
        """
    }

    private func isItsRegion(_ row: SQL) -> SQL { "(cardinality(\(regions)::text[]) = 0 OR \(row).region = ANY(\(regions)))" }
}

/// What an earlier drill has left behind: while that is there, a new one would go on as the same incident, or the policy would rest from what it
/// has taken back, and neither detection nor mitigation could be measured.
struct DrillRemains: Sendable {
    let scope: DrillScope
    /// Of the new one.
    let compression: Int
    let connection: PostgresConnection
    let now: Date

    private struct Remain {
        var words: String
        /// Nil: as long as somebody wants it.
        var until: Date?
    }

    /// Why the new one cannot begin yet, and when it can at the earliest; nil: nothing is left.
    func words() async throws -> String? {
        let policy = try await MitigationDesk(connection: connection, now: now).terms().policy
        let rest = TimeInterval(policy.restSeconds(haste: Int64(compression)))
        let remains = try await incidents() + standing(policy, rest) + ended(rest)
        guard !remains.isEmpty else { return nil }
        let found = remains.map(\.words).joined(separator: "; ")
        guard !remains.contains(where: { $0.until == nil }), let until = remains.compactMap(\.until).max() else { return found }
        // Estimates lie in the past where signs go on.
        let earliest = Date(timeIntervalSince1970: max(until, now.addingTimeInterval(1)).timeIntervalSince1970.rounded(.up))
        return "\(found): this drill can begin at \(DiagnosisReader.instant(earliest)) at the earliest"
    }

    private func incidents() async throws -> [Remain] {
        let rows = try await connection.query(
            """
            SELECT number, last_signal_at + make_interval(mins => \(IncidentRules.cleanMinutes)::integer)
                / \(OpenIncident.haste(drill: "drill", openedAt: "opened_at")) AS until
            FROM reliability.incident WHERE drill AND resolved_at IS NULL AND \(scope.covers("incident")) ORDER BY number
            """)
        return try rows.map {
            Remain(words: "incident \(try $0.value("number", as: Int64.self)) of an earlier drill is open", until: try $0.value("until"))
        }
    }

    /// In force: it is taken back first, and rested from then.
    private func standing(_ policy: MitigationPolicy, _ rest: TimeInterval) async throws -> [Remain] {
        let haste = OpenIncident.haste(drill: "incident.drill", openedAt: "incident.opened_at")
        let rows = try await connection.query(
            """
            SELECT \(MitigationTarget.columns), until FROM (
                SELECT mitigation.*, CASE WHEN mitigation.pinned AND coalesce(mitigation.pinned_until > \(now), TRUE) THEN NULL
                    WHEN mitigation.mode = 'manual' THEN mitigation.expires_at
                    ELSE greatest(mitigation.created_at + make_interval(secs => \(policy.holdSeconds)) / (\(haste)),
                        incident.last_signal_at + make_interval(secs => \(policy.cleanSeconds)) / (\(haste))) END AS until
                FROM \(mitigations) AND mitigation.state = 'active') AS found ORDER BY created_at
            """)
        return try rows.compactMap { row in
            guard let target = try MitigationTarget(row) else { return nil }
            return Remain(words: "in force is \(target.text)", until: try row.value("until", as: Date?.self)?.addingTimeInterval(rest))
        }
    }

    /// Taken back so lately that it is not done again yet.
    private func ended(_ rest: TimeInterval) async throws -> [Remain] {
        let rows = try await connection.query(
            """
            SELECT \(MitigationTarget.columns), ended_at FROM (
                SELECT mitigation.* FROM \(mitigations) AND mitigation.ended_at > \(now.addingTimeInterval(-rest))) AS found ORDER BY ended_at
            """)
        return try rows.compactMap { row in
            guard let target = try MitigationTarget(row) else { return nil }
            return Remain(words: "taken back just now was \(target.text)", until: try row.value("ended_at", as: Date.self).addingTimeInterval(rest))
        }
    }

    private var mitigations: SQL {
        """
        reliability.mitigation AS mitigation LEFT JOIN reliability.incident AS incident ON incident.id = mitigation.incident_id
        WHERE mitigation.mode IN ('automatic', 'manual') AND (\(scope.takes("mitigation")) OR incident.drill AND \(scope.covers("incident")))
        """
    }
}
