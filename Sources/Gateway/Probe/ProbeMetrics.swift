import Domain
import Telemetry

/// How probes of workers ended.
final class ProbeMetrics: Sendable {
    private let good: CounterMetric
    private let faults: [String: CounterMetric]
    let dropped: CounterMetric

    init(_ registry: MetricRegistry) {
        let (name, help) = ("plimsoll_gateway_worker_probes_total", "Probes of workers, by what they found: good, or whose fault it is.")
        good = registry.counter(name, help, labels: ["result": "good"])
        let kinds = ProbeFault.allCases.filter { $0 != .customer }
        faults = Dictionary(
            uniqueKeysWithValues: kinds.map { ($0.rawValue, registry.counter(name, help, labels: ["result": $0.rawValue])) })
        dropped = registry.counter(
            "plimsoll_gateway_probes_dropped_total", "Results of probes that were forgotten, because the control plane was away for too long.")
    }

    func count(_ fault: String?) {
        (fault.map { faults[$0] } ?? good)?.increment()
    }
}
