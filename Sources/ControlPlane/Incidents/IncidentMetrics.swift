import Domain
import FoundationEssentials
import Postgres
import Telemetry

/// What operators watch of incidents.
struct IncidentMetrics: Sendable {
    private let open: [String: GaugeMetric]
    private let unacknowledged: GaugeMetric
    private let overdue: GaugeMetric
    private let mitigations: GaugeMetric
    private let late: GaugeMetric
    private let openings: [IncidentSignal: CounterMetric]

    init(_ registry: MetricRegistry) {
        open = ["page", "ticket"].reduce(into: [:]) { gauges, severity in
            gauges[severity] = registry.gauge(
                "plimsoll_control_incidents_open", "Incidents that are not over.", labels: ["severity": severity])
        }
        unacknowledged = registry.gauge(
            "plimsoll_control_incidents_unacknowledged", "Open incidents that page and that nobody has acknowledged.")
        overdue = registry.gauge("plimsoll_control_postmortems_overdue", "Incidents that were to be written up by now.")
        mitigations = registry.gauge("plimsoll_control_mitigations_active", "Mitigations in force, dry runs left out.")
        late = registry.gauge(
            "plimsoll_control_mitigations_late", "Mitigations that not every connected gateway has five seconds after they were decided.")
        openings = IncidentSignal.allCases.reduce(into: [:]) { counters, signal in
            counters[signal] = registry.counter(
                "plimsoll_control_incidents_total", "Incidents by the rule that opened them.", labels: ["rule": signal.rawValue])
        }
    }

    func opened(_ signal: IncidentSignal) { openings[signal]?.increment() }

    func show(_ serving: PostgresPool, now: Date) async throws {
        let row = try await serving.queryOne(
            """
            SELECT count(*) FILTER (WHERE resolved_at IS NULL AND severity = 'page') AS pages,
                count(*) FILTER (WHERE resolved_at IS NULL AND severity = 'ticket') AS tickets,
                count(*) FILTER (WHERE resolved_at IS NULL AND severity = 'page' AND acknowledged_at IS NULL) AS unacknowledged,
                count(*) FILTER (WHERE step = 'resolved' AND postmortem_due <= \(now)) AS overdue,
                (SELECT count(*) FROM reliability.mitigation WHERE state = 'active' AND mode <> 'dry_run') AS active,
                (SELECT count(*) FROM reliability.mitigation AS mitigation JOIN reliability.mitigation_reach AS reach ON reach.mitigation_id = mitigation.id
                    WHERE mitigation.state = 'active' AND reach.late_at IS NOT NULL AND reach.in_force_at IS NULL) AS late
            FROM reliability.incident WHERE step <> 'reported'
            """)
        guard let row else { return }
        open["page"]?.set(Double(try row.value("pages", as: Int.self)))
        open["ticket"]?.set(Double(try row.value("tickets", as: Int.self)))
        unacknowledged.set(Double(try row.value("unacknowledged", as: Int.self)))
        overdue.set(Double(try row.value("overdue", as: Int.self)))
        mitigations.set(Double(try row.value("active", as: Int.self)))
        late.set(Double(try row.value("late", as: Int.self)))
    }
}
