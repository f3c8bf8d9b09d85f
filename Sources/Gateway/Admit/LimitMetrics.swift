import Telemetry

/// What limits and leases count.
struct LimitMetrics: Sendable {
    private let refusals: [LimitFault.Kind: CounterMetric]
    let leaseWaits: CounterMetric
    let exchanges: CounterMetric
    let exchangeFailures: CounterMetric

    init(_ registry: MetricRegistry) {
        let name = "plimsoll_gateway_limit_refusals_total"
        refusals = Dictionary(
            uniqueKeysWithValues: LimitFault.Kind.allCases.map { kind in
                (kind, registry.counter(name, "Requests refused by a limit, by the limit.", labels: ["limit": kind.rawValue]))
            })
        leaseWaits = registry.counter("plimsoll_gateway_lease_waits_total", "Requests that waited for a lease on a quota.")
        exchanges = registry.counter("plimsoll_gateway_lease_exchanges_total", "Exchanges about leases that the control plane answered.")
        exchangeFailures = registry.counter("plimsoll_gateway_lease_exchange_failures_total", "Exchanges about leases without an answer.")
    }

    func count(_ kind: LimitFault.Kind) { refusals[kind]?.increment() }
}
