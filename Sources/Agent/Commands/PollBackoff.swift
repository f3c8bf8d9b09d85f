/// Waits of a loop that always has a question open. When the control plane goes away, all hosts lose theirs in the same moment: the first wait after
/// an answer is any part of two seconds, so that they do not come back in one.
struct PollBackoff {
    private static let spread = 0.0...2.0

    private var backoff = Backoff(minimum: .milliseconds(250), maximum: .seconds(10))
    private var wasAnswered = false

    mutating func answered() {
        wasAnswered = true
        backoff.reset()
    }

    mutating func failed() -> Duration {
        defer { wasAnswered = false }
        return wasAnswered ? .seconds(Double.random(in: Self.spread)) : backoff.next()
    }
}
