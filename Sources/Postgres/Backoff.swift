/// Growing pauses between attempts, each drawn at random below its limit, so that many clients do not come back together.
package struct Backoff: Sendable {
    private let first: Duration
    private let greatest: Duration
    private var limit: Duration

    package init(first: Duration = .milliseconds(50), greatest: Duration = .seconds(2)) {
        self.first = first
        self.greatest = greatest
        limit = first
    }

    /// Between half the limit and the limit; the limit doubles up to the greatest.
    package mutating func next() -> Duration {
        let pause = limit * Double.random(in: 0.5...1)
        limit = min(limit * 2, greatest)
        return pause
    }

    package mutating func reset() {
        limit = first
    }
}
