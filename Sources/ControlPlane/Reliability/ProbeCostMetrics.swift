import Telemetry

/// Tokens that probes cost, as they are told, by who asked.
struct ProbeCostMetrics: Sendable {
    struct Tokens: Sendable {
        let prompt: CounterMetric
        let completion: CounterMetric

        func count(_ prompts: Int64, _ completions: Int64) {
            prompt.increment(by: Int(prompts))
            completion.increment(by: Int(completions))
        }
    }

    /// Of gateways, at workers.
    let worker: Tokens
    /// Of the control plane, at public endpoints.
    let outside: Tokens

    init(_ registry: MetricRegistry) {
        func tokens(_ source: String) -> Tokens {
            let (name, help) = ("plimsoll_control_probe_tokens_total", "Tokens of probes, which are a cost of ours, by who asked and which they are.")
            return Tokens(
                prompt: registry.counter(name, help, labels: ["source": source, "kind": "prompt"]),
                completion: registry.counter(name, help, labels: ["source": source, "kind": "completion"]))
        }
        (worker, outside) = (tokens("worker"), tokens("outside"))
    }
}
