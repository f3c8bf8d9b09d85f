import PlimsollWire
import Synchronization
package import Telemetry

/// Where sampled answers go that were served under a fallback: they are judged here, off the loops, and only sums of what was found are kept. Safe from
/// any thread.
package final class ScoreDesk: Sendable {
    /// Answers that run or wait to be judged: with `AnswerSample.mostBytes` the memory that the sample may take.
    static let mostHeld = 128
    /// Sums that wait to be told, of hours in which the control plane was away.
    static let mostSums = 2_000

    private struct Sum {
        var answers: Int64 = 0
        var scorePpm: Int64 = 0
        var failures: [String: Int64] = [:]
    }

    private struct State {
        var held = 0
        var waiting: [EndedAnswer] = []
        var sums: [EndedAnswer.Place: Sum] = [:]
    }

    private let metrics: ScoreMetrics
    private let state = Mutex(State())

    package init(metrics: MetricRegistry = MetricRegistry()) {
        self.metrics = ScoreMetrics(metrics)
    }

    /// False: as many answers are kept as may be. Otherwise it is given back, or what it is for is put.
    func takePlace() -> Bool {
        let isTaken = state.withLock { state in
            guard state.held < Self.mostHeld else { return false }
            state.held += 1
            return true
        }
        if !isTaken { metrics.dropped.increment() }
        return isTaken
    }

    func giveBackPlace() {
        state.withLock { $0.held -= 1 }
    }

    func put(_ answer: EndedAnswer) {
        state.withLock { $0.waiting.append(answer) }
    }

    /// Judges what waits; of what it said nothing is left then.
    func judge() async {
        while let answer = state.withLock({ $0.waiting.popLast() }) {
            add(answer.verdict, at: answer.place)
            // Judging one may take milliseconds.
            await Task.yield()
        }
    }

    private func add(_ verdict: AnswerVerdict?, at place: EndedAnswer.Place) {
        let isCounted = state.withLock { state in
            state.held -= 1
            guard let verdict, state.sums[place] != nil || state.sums.count < Self.mostSums else { return false }
            var sum = state.sums[place] ?? Sum()
            sum.answers += 1
            sum.scorePpm += verdict.scorePpm
            for failure in verdict.failures { sum.failures[failure.rawValue, default: 0] += 1 }
            state.sums[place] = sum
            return true
        }
        if let verdict, isCounted { metrics.count(verdict) } else { metrics.dropped.increment() }
    }

    /// Sums that nobody has been told, at most so many. Whoever takes them tells them.
    func take(_ most: Int) -> [FallbackScore] {
        state.withLock { state in
            let places = state.sums.keys.sorted { $0.hour < $1.hour }.prefix(most)
            return places.compactMap { place in
                state.sums.removeValue(forKey: place).map { sum in
                    FallbackScore(
                        mitigation: place.mitigation, model: place.model, tier: place.tier, region: place.region, hour: place.hour,
                        answers: sum.answers, scorePpm: sum.scorePpm, failures: sum.failures)
                }
            }
        }
    }
}

/// What sampled answers of fallbacks are worth.
final class ScoreMetrics: Sendable {
    private let score: HistogramMetric
    private let failures: [AnswerFailure: CounterMetric]
    let dropped: CounterMetric

    init(_ registry: MetricRegistry) {
        score = registry.histogram(
            "plimsoll_gateway_fallback_answer_score", "Scores of sampled answers that were served under a fallback, 0 to 1.",
            buckets: [0, 0.25, 0.5, 0.75, 1])
        failures = Dictionary(
            uniqueKeysWithValues: AnswerFailure.allCases.map { failure in
                let help = "Sampled answers under a fallback, by what rules found wrong with them."
                return (
                    failure, registry.counter("plimsoll_gateway_fallback_answer_failures_total", help, labels: ["failure": failure.rawValue])
                )
            })
        dropped = registry.counter(
            "plimsoll_gateway_fallback_answers_unscored_total",
            "Answers of the sample that were not scored: too many at once, one too long, or too many sums that were not told.")
    }

    func count(_ verdict: AnswerVerdict) {
        score.observe(Double(verdict.scorePpm) / 1_000_000)
        for failure in verdict.failures { failures[failure]?.increment() }
    }
}
