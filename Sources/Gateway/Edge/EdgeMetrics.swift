import Telemetry

/// What the edge counts beside requests.
package final class EdgeMetrics: Sendable {
    /// Why no connections are accepted for a while.
    enum PauseReason: String, CaseIterable {
        case connections
        case descriptors
        case memory
    }

    /// Why a connection was refused where a proxy must say for whom it connects.
    enum ProxyRefusal: String, CaseIterable {
        case untrusted
        case malformed
    }

    let brokenConnections: CounterMetric
    let failedHandshakes: CounterMetric
    let refusedConnections: CounterMetric
    let bodiesAside: CounterMetric
    let loopStalls: CounterMetric
    let loopLag: HistogramMetric
    let memoryRefusals: CounterMetric
    private let pauses: [PauseReason: CounterMetric]
    private let proxyRefusals: [ProxyRefusal: CounterMetric]

    init(_ registry: MetricRegistry) {
        brokenConnections = registry.counter(
            "plimsoll_gateway_http2_connections_broken_total", "HTTP/2 connections closed because their client broke the protocol or flooded.")
        failedHandshakes = registry.counter("plimsoll_gateway_tls_handshakes_failed_total", "TLS handshakes of customers that failed.")
        refusedConnections = registry.counter(
            "plimsoll_gateway_connections_refused_total", "Connections closed at once: their address has as many as it may.")
        bodiesAside = registry.counter("plimsoll_gateway_bodies_read_aside_total", "Large bodies that were read off the event loops.")
        loopStalls = registry.counter("plimsoll_gateway_loop_stalls_total", "Times that an event loop was busy with one thing for over 100 ms.")
        loopLag = registry.histogram("plimsoll_gateway_loop_lag_seconds", "How late event loops run what is due; looked at 20 times a second.")
        memoryRefusals = registry.counter(
            "plimsoll_gateway_memory_refusals_total", "Requests refused, and answers given up, because the memory limit is near.")
        pauses = Dictionary(
            uniqueKeysWithValues: PauseReason.allCases.map { reason in
                let name = "plimsoll_gateway_accept_pauses_total"
                return (reason, registry.counter(name, "Times that accepting connections paused.", labels: ["reason": reason.rawValue]))
            })
        proxyRefusals = Dictionary(
            uniqueKeysWithValues: ProxyRefusal.allCases.map { reason in
                let name = "plimsoll_gateway_proxy_connections_refused_total"
                let about = "Connections refused because no trusted proxy said for whom they are."
                return (reason, registry.counter(name, about, labels: ["reason": reason.rawValue]))
            })
    }

    func countProxyRefusal(_ reason: ProxyRefusal) {
        proxyRefusals[reason]?.increment()
    }

    func countPause(_ reason: PauseReason) {
        pauses[reason]?.increment()
    }
}
