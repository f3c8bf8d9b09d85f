/// A quota for each minute as a leaky bucket in exact integers (the generic cell rate algorithm, ITU-T I.371).
///
/// Instants are microseconds since any fixed moment of a monotonic clock, so a jump of the wall clock never refills it.
/// The burst is the limit itself: at most `limit` at once, and `limit` a minute in the long run.
package struct TokenBucket: Sendable {
    package enum Decision: Sendable, Equatable {
        case granted
        /// Microseconds until the same amount could be granted.
        case wait(Int64)
        /// More than the whole limit: it can never be granted.
        case tooLarge
    }

    private static let period: Int64 = 60_000_000
    /// One unit of quota is `period` parts; each microsecond drains `limit` parts. Both are whole, so nothing is ever rounded away.
    private var parts: Int64 = 0
    private var updatedAt: Int64
    package private(set) var limit: Int64

    /// - Parameter limit: Units a minute, 1 to 1,000,000,000.
    package init(limit: Int, now: Int64) {
        self.limit = Int64(min(max(limit, 1), 1_000_000_000))
        updatedAt = now
    }

    /// Takes `amount` if it is free. A reservation is later settled with what was really used.
    package mutating func reserve(_ amount: Int, now: Int64) -> Decision {
        drain(now)
        let cost = Int64(max(amount, 0))
        guard cost <= limit else { return .tooLarge }
        let excess = parts + cost * Self.period - limit * Self.period
        guard excess > 0 else {
            parts += cost * Self.period
            return .granted
        }
        return .wait((excess + limit - 1) / limit)
    }

    /// Replaces a reservation by what was used. Using more than was reserved makes a debt, which later reservations wait for.
    package mutating func settle(reserved: Int, used: Int, now: Int64) {
        drain(now)
        let bound = Int64(1_000_000_000)
        let change = min(max(Int64(used), 0), bound) - min(max(Int64(reserved), 0), bound)
        // The debt is bounded by one whole limit beyond a full bucket, so that one wrong count cannot lock a tenant out for hours.
        parts = min(max(0, parts + change * Self.period), 2 * limit * Self.period)
    }

    /// Gives a reservation back whole.
    package mutating func refund(_ amount: Int, now: Int64) {
        settle(reserved: amount, used: 0, now: now)
    }

    /// Units that could be reserved now.
    package mutating func remaining(now: Int64) -> Int64 {
        drain(now)
        return max(0, (limit * Self.period - parts) / Self.period)
    }

    /// Microseconds until the whole limit is free again.
    package mutating func reset(now: Int64) -> Int64 {
        drain(now)
        return (parts + limit - 1) / limit
    }

    /// Changes the limit and keeps what is spent.
    package mutating func change(limit newLimit: Int, now: Int64) {
        drain(now)
        limit = Int64(min(max(newLimit, 1), 1_000_000_000))
        parts = min(parts, 2 * limit * Self.period)
    }

    private mutating func drain(_ now: Int64) {
        let elapsed = now - updatedAt
        guard elapsed > 0 else { return }
        updatedAt = now
        // Compared before multiplying: years of silence times a large limit would overflow.
        parts = elapsed >= parts / limit + 1 ? 0 : parts - elapsed * limit
    }
}
