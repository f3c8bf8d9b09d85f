/// Waits between attempts: doubling up to a maximum, each a random part of its step, so that a fleet does not come back in step.
struct Backoff {
    private let minimum: Duration
    private let maximum: Duration
    private var step: Duration

    init(minimum: Duration, maximum: Duration) {
        self.minimum = minimum
        self.maximum = maximum
        step = minimum
    }

    /// From half a step to a whole one.
    mutating func next() -> Duration {
        let wait = step * Double.random(in: 0.5...1)
        step = min(maximum, step * 2)
        return wait
    }

    mutating func reset() {
        step = minimum
    }
}
