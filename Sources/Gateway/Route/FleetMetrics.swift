import Domain
import Telemetry

/// Which workers are out of rotation, and how choices were made.
final class FleetMetrics: Sendable {
    private let unserved: GaugeMetric
    private let out: [FleetHealth.Reason: GaugeMetric]
    private let probes: (good: CounterMetric, bad: CounterMetric)
    private let roles: (owner: CounterMetric, placed: CounterMetric, drawn: CounterMetric)

    init(_ registry: MetricRegistry = MetricRegistry()) {
        unserved = registry.gauge("plimsoll_gateway_models_without_workers", "Models of the table that no worker takes requests for.")
        out = Dictionary(
            uniqueKeysWithValues: FleetHealth.Reason.allCases.map { reason in
                let help = "Workers that are out of rotation, by what put them out."
                return (reason, registry.gauge("plimsoll_gateway_workers_out", help, labels: ["reason": reason.rawValue]))
            })
        let (probe, help) = ("plimsoll_gateway_probes_total", "Requests of this gateway's own at workers that were out of rotation.")
        probes = (registry.counter(probe, help, labels: ["result": "answered"]), registry.counter(probe, help, labels: ["result": "failed"]))
        let (choice, why) = ("plimsoll_gateway_choices_total", "Choices of a worker: it had the prompt's beginning, was its place, or was drawn.")
        roles = (
            registry.counter(choice, why, labels: ["role": "owner"]), registry.counter(choice, why, labels: ["role": "placed"]),
            registry.counter(choice, why, labels: ["role": "drawn"])
        )
    }

    func show(_ counts: [FleetHealth.Reason: Int]) {
        for (reason, gauge) in out { gauge.set(Double(counts[reason] ?? 0)) }
    }

    func show(modelsWithoutWorkers count: Int) { unserved.set(Double(count)) }

    func countProbe(succeeded: Bool) { (succeeded ? probes.good : probes.bad).increment() }

    func count(_ role: RoutingChoice.Role) {
        switch role {
        case .owner: roles.owner.increment()
        case .placed: roles.placed.increment()
        case .drawn, .queued: roles.drawn.increment()
        }
    }
}
