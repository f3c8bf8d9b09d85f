import PlimsollWire
import Domain
import OpenAIWire
package import Telemetry

/// What the request path counts, made once so that counting is one addition.
package final class GatewayMetrics: Sendable {
    /// By `Outcome.place`.
    private let outcomes: [CounterMetric]
    private let refusals: [String: CounterMetric]
    let firstToken: HistogramMetric
    private let retrieval: RetrievalMetrics
    private let promptTokens: CounterMetric
    private let completionTokens: CounterMetric
    let rateLimited: CounterMetric
    private let inFlight: GaugeMetric
    let connections: GaugeMetric
    let retries: CounterMetric
    let poisonRequests: CounterMetric
    let reroutes: CounterMetric
    let disconnects: CounterMetric
    let hedges: CounterMetric
    let hedgeWins: CounterMetric
    let continuations: CounterMetric
    let usageClamped: CounterMetric
    let queued: GaugeMetric
    let queuedBytes: GaugeMetric
    let queueWait: HistogramMetric
    private let batch: (delivered: CounterMetric, late: CounterMetric, failed: CounterMetric)
    private let turnedAway: [String: CounterMetric]
    let edge: EdgeMetrics
    let promptsRefused: CounterMetric
    let promptsMasked: CounterMetric
    let keysRefusedUnseen: CounterMetric
    let limits: LimitMetrics
    private let relief: [TierRelief.Effect: CounterMetric]
    let mitigations: GaugeMetric
    let refusalsDropped: CounterMetric
    let yields: CounterMetric

    package init(_ registry: MetricRegistry) {
        edge = EdgeMetrics(registry)
        limits = LimitMetrics(registry)
        let requests = "plimsoll_gateway_requests_total"
        outcomes = Outcome.allCases.sorted { $0.place < $1.place }.map { outcome in
            registry.counter(requests, "Admitted requests by outcome.", labels: ["outcome": outcome.rawValue])
        }
        refusals = Dictionary(
            uniqueKeysWithValues: ["400", "401", "403", "404", "405", "408", "409", "413", "415", "422", "429", "503", "other"].map { status in
                (status, registry.counter("plimsoll_gateway_refused_total", "Requests refused before admission.", labels: ["status": status]))
            })
        firstToken = registry.histogram("plimsoll_gateway_first_token_seconds", "Acceptance to the first token of a stream.")
        retrieval = RetrievalMetrics(registry)
        promptTokens = registry.counter("plimsoll_gateway_prompt_tokens_total", "Prompt tokens of answered requests.")
        completionTokens = registry.counter("plimsoll_gateway_completion_tokens_total", "Completion tokens of answered requests.")
        rateLimited = registry.counter("plimsoll_gateway_rate_limited_total", "Requests refused by a limit.")
        inFlight = registry.gauge("plimsoll_gateway_requests_in_flight", "Admitted requests that are not over.")
        connections = registry.gauge("plimsoll_gateway_connections", "Open customer connections.")
        queued = registry.gauge("plimsoll_gateway_queued_requests", "Requests that wait for a place at a worker.")
        queuedBytes = registry.gauge("plimsoll_gateway_queued_bytes", "Bytes of the bodies of requests that wait for a place at a worker.")
        queueWait = registry.histogram("plimsoll_gateway_queue_seconds", "Time that a request waited for a place at a worker, of those that did.")
        let (answers, meaning) = ("plimsoll_gateway_batch_answers_total", "Batch requests, by whether they were answered by their deadline.")
        batch = (
            registry.counter(answers, meaning, labels: ["result": "delivered"]), registry.counter(answers, meaning, labels: ["result": "late"]),
            registry.counter(answers, meaning, labels: ["result": "failed"])
        )
        turnedAway = Dictionary(
            uniqueKeysWithValues: ["late", "full", "expired", "unreachable"].map { reason in
                let help = "Requests that the queue refused: too late when they came, too many, past their deadline, or no worker came back."
                return (reason, registry.counter("plimsoll_gateway_queue_refused_total", help, labels: ["reason": reason]))
            })
        poisonRequests = registry.counter(
            "plimsoll_gateway_poison_requests_total", "Requests that were given up because two runtimes in a row died of them.")
        retries = registry.counter("plimsoll_gateway_retries_total", "Attempts after an error or a timeout of a worker.")
        reroutes = registry.counter("plimsoll_gateway_reroutes_total", "Attempts after a host or link was lost.")
        usageClamped = registry.counter(
            "plimsoll_gateway_usage_clamped_total", "Answers whose worker reported more tokens than request and caps allow.")
        promptsRefused = registry.counter("plimsoll_gateway_prompts_refused_total", "Requests that a rule on their text refused.")
        promptsMasked = registry.counter(
            "plimsoll_gateway_prompts_masked_total", "Requests in which something was masked or that seem to hold a secret.")
        keysRefusedUnseen = registry.counter(
            "plimsoll_gateway_locked_key_attempts_total", "Keys that were refused to addresses which had tried too many.")
        hedges = registry.counter("plimsoll_gateway_hedges_total", "Streams asked of a second worker because their first token was late.")
        hedgeWins = registry.counter("plimsoll_gateway_hedge_wins_total", "Hedges whose second worker was first.")
        continuations = registry.counter("plimsoll_gateway_continuations_total", "Broken streams that went on at another worker.")
        yields = registry.counter(
            "plimsoll_gateway_yields_total", "Running requests of shared tiers that ended so that one of a protected tier is in time.")
        refusalsDropped = registry.counter(
            "plimsoll_gateway_decisions_dropped_total",
            "Requests that were refused before they were admitted and are not explained: too many at once.")
        mitigations = registry.gauge("plimsoll_gateway_mitigations", "Mitigations of the table that are in force here.")
        relief = Dictionary(
            uniqueKeysWithValues: TierRelief.Effect.allCases.map { effect in
                let help = "Requests that a mitigation changed or asked to come later, by its action."
                return (effect, registry.counter("plimsoll_gateway_mitigated_requests_total", help, labels: ["action": effect.rawValue]))
            })
        disconnects = registry.counter("plimsoll_gateway_client_disconnects_total", "Clients that left before their answer ended.")
    }

    func countAdmitted() { inFlight.add(1) }

    /// One that was admitted, whatever came of it.
    func countOver() { inFlight.add(-1) }

    func count(_ outcome: Outcome) {
        outcomes[outcome.place].increment()
    }

    func count(_ billable: BillableTokens) {
        promptTokens.increment(by: billable.prompt)
        completionTokens.increment(by: billable.completion)
    }

    /// - Parameter time: Microseconds, as the client told it.
    func count(retrieval time: Int64, _ evidence: RequestEvidence) { retrieval.count(time, evidence) }

    func count(_ effect: TierRelief.Effect) { relief[effect]?.increment() }

    func countBatch(_ isAnswered: Bool, isLate: Bool) {
        (isAnswered ? isLate ? batch.late : batch.delivered : batch.failed).increment()
    }

    /// Refused when it came.
    func countTurnedAway(_ reason: RequestQueue.Refusal.Reason) {
        turnedAway[reason.rawValue]?.increment()
    }

    /// Refused after it had waited.
    func countTurnedAway(_ error: APIError) {
        turnedAway[error.code == .overCapacity ? "expired" : "unreachable"]?.increment()
    }

    func countRefusal(status: Int) {
        (refusals[String(status)] ?? refusals["other"])?.increment()
    }
}
