import FoundationEssentials
import PlimsollWire
import Telemetry

/// What this host's own operations server shows.
struct AgentMetrics: Sendable {
    let host: HostStatus
    let keeper: IdentityKeeper
    let linkedGateways: @Sendable () -> [String]

    func register(in registry: MetricRegistry) {
        registry.collect { families + batches }
    }

    private var families: [MetricFamily] {
        let reports = host.runtimes.map(\.report)
        let expiry = keeper.current.credentials.notAfter.timeIntervalSince1970
        return [
            MetricFamily("plimsoll_agent_open_requests", "Requests that are being relayed.", .gauge, [MetricSample(host.openRequests)]),
            MetricFamily(
                "plimsoll_agent_linked_gateways", "Gateways with an open link.", .gauge, [MetricSample(linkedGateways().count)]),
            MetricFamily(
                "plimsoll_agent_certificate_expiry_seconds", "When this host's certificate ends, seconds since 1970.", .gauge,
                [MetricSample(expiry)]),
            MetricFamily(
                "plimsoll_agent_generation", "Generation of the desired state that was taken over last.", .gauge, [MetricSample(host.generation)]),
            state(reports),
            family("plimsoll_agent_runtime_running", "Requests that the runtime works on.", reports) { $0.load.running },
            family("plimsoll_agent_runtime_waiting", "Requests that wait inside the runtime.", reports) { $0.load.waiting },
            MetricFamily(
                "plimsoll_agent_relay_errors_total", "Requests that did not end well between this agent and the runtime.", .counter,
                reports.map { MetricSample(labels: ["runtime": $0.runtime], $0.load.errorsTotal) }),
        ]
    }

    private var batches: [MetricFamily] {
        [
            batch("plimsoll_agent_batch_groups_total", "Groups of requests that waited for each other and were sent to the runtime together.") {
                Double($0.groups)
            },
            batch("plimsoll_agent_batch_requests_total", "Requests in such groups.") { Double($0.requests) },
            batch("plimsoll_agent_batch_wait_seconds_total", "How long they waited, all together.") { $0.waited / Duration.seconds(1) },
        ]
    }

    private func batch(_ name: String, _ help: String, _ value: (BatchCounts) -> Double) -> MetricFamily {
        MetricFamily(
            name, help, .counter, host.runtimes.map { MetricSample(labels: ["runtime": $0.configuration.name], value($0.batchCounts)) })
    }

    private func state(_ reports: [RuntimeReport]) -> MetricFamily {
        MetricFamily(
            "plimsoll_agent_runtime_ready", "1 when the runtime takes requests.", .gauge,
            reports.map { MetricSample(labels: ["runtime": $0.runtime], $0.state == .ready ? 1 : 0) })
    }

    private func family(_ name: String, _ help: String, _ reports: [RuntimeReport], _ value: (RuntimeReport) -> Int) -> MetricFamily {
        MetricFamily(name, help, .gauge, reports.map { MetricSample(labels: ["runtime": $0.runtime], value($0)) })
    }
}
