import Domain
import FoundationEssentials
import Postgres

/// Signals that other loops have written down.
struct SignalTables: Sendable {
    let serving: PostgresPool
    let reliability: PostgresPool
    let now: Date

    /// Seconds within which the newest probe must have come.
    private static let fresh = 150.0

    /// What is told, and of it the burns of which a late last token is news: minutes of requests do not show it.
    func triggers() async throws -> (told: [IncidentTrigger], spending: Set<IncidentKey>) {
        let burns = try await burns()
        return (try await probes() + burns.map(\.trigger), Set(burns.filter(\.isLate).map(\.trigger.key)))
    }

    /// Models and regions that are sold and that nobody has probed, neither at workers nor from outside.
    func unmeasured(_ terms: [FleetView.Terms]) async throws -> [IncidentTrigger] {
        let rows = try await reliability.query(
            """
            SELECT DISTINCT model, region FROM reliability.probe_minute
            WHERE minute_at > \(now.addingTimeInterval(-60 * Double(IncidentRules.silentMinutes + 1))) AND minute_at <= \(now)
                AND successes + failures > 0
            """)
        let probed = Set(try rows.map { IncidentKey(.unmeasured, model: try $0.value("model"), region: try $0.value("region")) })
        return Set(terms.map { IncidentKey(.unmeasured, model: $0.model, region: $0.region) }).subtracting(probed).sorted { $0.text < $1.text }
            .map { key in
                IncidentTrigger(
                    key: key, beganAt: now.addingTimeInterval(-60 * Double(IncidentRules.silentMinutes)),
                    text: "no probe of \(key.model) in \(key.region) for \(IncidentRules.silentMinutes) minutes")
            }
    }

    /// Alerts that page, of all customers of a service together.
    private func burns() async throws -> [(trigger: IncidentTrigger, isLate: Bool)] {
        let rows = try await reliability.query(
            """
            SELECT subject.tier, subject.model, subject.region, min(alert.opened_at) AS began_at,
                string_agg(DISTINCT alert.kind, ', ' ORDER BY alert.kind) AS kinds,
                bool_or(alert.kind = 'ttlt_p95' AND EXISTS (SELECT 1 FROM reliability.probe WHERE probe.model = subject.model
                    AND probe.region = subject.region AND \(MinuteBook.fixedLength) AND probe.ttlt_us > objective.threshold_microseconds
                    AND probe.at > \(now.addingTimeInterval(-Self.fresh)) AND probe.at <= \(now))) AS late
            FROM reliability.burn_alert AS alert JOIN reliability.budget_subject AS subject ON subject.id = alert.subject_id
            LEFT JOIN reliability.objective AS objective ON objective.id = alert.objective_id
            WHERE alert.closed_at IS NULL AND alert.severity = 'page' AND alert.opened_at <= \(now) AND subject.tenant_id IS NULL
            GROUP BY subject.tier, subject.model, subject.region
            """)
        return try rows.map { row in
            let key = IncidentKey(.burn, tier: try row.value("tier"), model: try row.value("model"), region: try row.value("region"))
            let text = "budget of \(try row.value("kinds", as: String.self)) is spent too fast"
            return (IncidentTrigger(key: key, beganAt: try row.value("began_at"), text: text), try row.value("late"))
        }
    }

    /// The last two probes through a public endpoint failed, and not for a mistake of ours.
    private func probes() async throws -> [IncidentTrigger] {
        let rows = try await reliability.query(
            """
            SELECT model, region, bool_or(drill) AS drill, min(at) AS began_at, string_agg(DISTINCT fault, ', ' ORDER BY fault) AS faults
            FROM (SELECT model, region, drill, at, succeeded, fault, row_number() OVER (PARTITION BY model, region ORDER BY at DESC, id) AS place
                FROM reliability.probe
                WHERE kind = 'outside' AND at > \(now.addingTimeInterval(-2 * Self.fresh)) AND at <= \(now)
                    AND fault IS DISTINCT FROM 'customer') AS probe
            WHERE place <= 2 GROUP BY model, region
            HAVING count(*) = 2 AND NOT bool_or(succeeded) AND max(at) > \(now.addingTimeInterval(-Self.fresh))
            """)
        return try rows.map { row in
            let isDrill: Bool = try row.value("drill")
            let key = IncidentKey(
                .probesFailing, model: try row.value("model"), region: try row.value("region"), subject: isDrill ? "drill" : "")
            return IncidentTrigger(
                key: key, beganAt: try row.value("began_at"), text: "probes from outside fail: \(try row.value("faults", as: String.self))",
                isDrill: isDrill)
        }
    }
}
