import Domain
import Telemetry

/// What clients tell of their own retrieval, and what their users waited in all.
struct RetrievalMetrics: Sendable {
    private let told: HistogramMetric
    private let withFirstToken: HistogramMetric
    private let withAnswer: HistogramMetric

    init(_ registry: MetricRegistry) {
        told = registry.histogram("plimsoll_gateway_retrieval_seconds", "What clients say that their own retrieval took before they asked.")
        withFirstToken = registry.histogram(
            "plimsoll_gateway_retrieval_and_first_token_seconds", "That, and the time to the first token of the stream, of good answers.")
        withAnswer = registry.histogram(
            "plimsoll_gateway_retrieval_and_answer_seconds", "That, and the time to the end of the answer, of good answers.")
    }

    /// - Parameter time: Microseconds.
    func count(_ time: Int64, _ evidence: RequestEvidence) {
        told.observe(Double(time) / 1_000_000)
        guard Outcome(evidence) == .good else { return }
        if let first = evidence.firstTokenAfter { withFirstToken.observe(Double(time + first) / 1_000_000) }
        withAnswer.observe(Double(time + evidence.finishedAfter) / 1_000_000)
    }
}
