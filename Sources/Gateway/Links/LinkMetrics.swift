import Link
package import Telemetry

/// What happens to links, counted.
package final class LinkMetrics: Sendable {
    let links: GaugeMetric
    let opened: CounterMetric
    let drained: CounterMetric
    let crossed: CounterMetric
    let unreadable: CounterMetric
    private let lost: [LinkError.Code: CounterMetric]
    private let lostOtherwise: CounterMetric

    /// `registry`: where the numbers are shown.
    package init(_ registry: MetricRegistry = MetricRegistry()) {
        links = registry.gauge("plimsoll_gateway_links", "Open links to agents.")
        opened = registry.counter("plimsoll_gateway_links_opened_total", "Links that agents opened or accepted.")
        drained = registry.counter("plimsoll_gateway_links_drained_total", "Links that one of the two sides began to drain.")
        crossed = registry.counter("plimsoll_gateway_link_crossings_total", "Requests that used a link of another event loop.")
        unreadable = registry.counter("plimsoll_gateway_link_reports_unreadable_total", "Report lines that could not be decoded.")
        let name = "plimsoll_gateway_links_closed_total"
        let help = "Links that ended, by reason."
        let codes: [LinkError.Code] = [.closed, .silent, .protocolViolation, .peerDenied]
        lost = Dictionary(uniqueKeysWithValues: codes.map { ($0, registry.counter(name, help, labels: ["reason": $0.description])) })
        lostOtherwise = registry.counter(name, help, labels: ["reason": "other"])
    }

    func closed(_ reason: LinkError) {
        (lost[reason.code] ?? lostOtherwise).increment()
    }
}
