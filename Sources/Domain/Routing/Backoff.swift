/// Exponential backoff with full jitter: before attempt n, wait a random time from half to the whole of first * 2^n, capped.
package struct Backoff: Sendable, Equatable {
    package var first: Duration
    package var cap: Duration

    package init(first: Duration, cap: Duration) {
        self.first = first
        self.cap = cap
    }

    /// - Parameter failures: Failures in a row so far, from 1.
    package func delay(afterFailures failures: Int, using generator: inout some RandomNumberGenerator) -> Duration {
        let doublings = min(max(failures - 1, 0), 30)
        let whole = min(first * (1 << doublings), cap)
        return whole * Double.random(in: 0.5...1, using: &generator)
    }
}
