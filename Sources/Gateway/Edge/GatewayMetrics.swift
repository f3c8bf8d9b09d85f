import PlimsollWire
import Domain
package import Telemetry

/// What the request path counts, made once so that counting is one addition.
package final class GatewayMetrics: Sendable {
    private let outcomes: [Outcome: CounterMetric]
    private let refusals: [String: CounterMetric]
    let firstToken: HistogramMetric
    let promptTokens: CounterMetric
    let completionTokens: CounterMetric
    let rateLimited: CounterMetric
    let inFlight: GaugeMetric
    let connections: GaugeMetric
    let retries: CounterMetric
    let reroutes: CounterMetric
    let disconnects: CounterMetric
    let usageClamped: CounterMetric
    let edge: EdgeMetrics

    package init(_ registry: MetricRegistry) {
        edge = EdgeMetrics(registry)
        let requests = "plimsoll_gateway_requests_total"
        outcomes = Dictionary(
            uniqueKeysWithValues: Outcome.allCases.map { outcome in
                (outcome, registry.counter(requests, "Admitted requests by outcome.", labels: ["outcome": outcome.rawValue]))
            })
        refusals = Dictionary(
            uniqueKeysWithValues: ["400", "401", "404", "405", "408", "413", "415", "429", "503", "other"].map { status in
                (status, registry.counter("plimsoll_gateway_refused_total", "Requests refused before admission.", labels: ["status": status]))
            })
        firstToken = registry.histogram("plimsoll_gateway_first_token_seconds", "Acceptance to the first token of a stream.")
        promptTokens = registry.counter("plimsoll_gateway_prompt_tokens_total", "Prompt tokens of answered requests.")
        completionTokens = registry.counter("plimsoll_gateway_completion_tokens_total", "Completion tokens of answered requests.")
        rateLimited = registry.counter("plimsoll_gateway_rate_limited_total", "Requests refused by a limit.")
        inFlight = registry.gauge("plimsoll_gateway_requests_in_flight", "Admitted requests that are not over.")
        connections = registry.gauge("plimsoll_gateway_connections", "Open customer connections.")
        retries = registry.counter("plimsoll_gateway_retries_total", "Attempts after an error or a timeout of a worker.")
        reroutes = registry.counter("plimsoll_gateway_reroutes_total", "Attempts after a host or link was lost.")
        usageClamped = registry.counter(
            "plimsoll_gateway_usage_clamped_total", "Answers whose worker reported more tokens than request and caps allow.")
        disconnects = registry.counter("plimsoll_gateway_client_disconnects_total", "Clients that left before their answer ended.")
    }

    func count(_ outcome: Outcome) {
        outcomes[outcome]?.increment()
    }

    func countRefusal(status: Int) {
        (refusals[String(status)] ?? refusals["other"])?.increment()
    }
}
