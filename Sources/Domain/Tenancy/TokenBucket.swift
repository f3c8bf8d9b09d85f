/// A quota for each minute as a leaky bucket (the generic cell rate algorithm, ITU-T I.371) whose whole state is one integer, so that it can
/// stand in an atomic word or a file: the instant at which all that was taken will have drained.
///
/// Instants are microseconds since any fixed moment of a monotonic clock, so a jump of the wall clock never refills it. Inside, time is counted
/// in sixteenths of a nanosecond and the time of one unit is rounded up: a burst is exact, and the rate is never above the limit (below it by at
/// most 2 in 1,000 at the greatest limit of 2,000,000,000, by 1 in 1,000,000 at a million a minute).
package struct TokenBucket: Sendable, Equatable {
    package enum Decision: Sendable, Equatable {
        case granted
        /// Microseconds until the same amount could be granted.
        case wait(Int64)
        /// More than the whole burst: it can never be granted.
        case tooLarge
    }

    package static let greatestLimit: Int64 = 2_000_000_000
    /// A burst is worth at most an hour of the rate.
    package static let longestBurst: Int64 = 60
    private static let ticksPerMicrosecond: Int64 = 16_000
    private static let ticksPerMinute: Int64 = 60_000_000 * ticksPerMicrosecond
    /// Later instants count as this one: 18 years after the clock's beginning.
    private static let latest: Int64 = Int64.max / ticksPerMicrosecond / 2

    /// Units a minute.
    package let limit: Int64
    /// Units at once.
    package let burst: Int64
    /// Ticks that one unit takes to drain.
    package let unit: Int64

    /// - Parameters:
    ///   - limit: Units a minute, 0 to 2,000,000,000; 0 grants nothing.
    ///   - burst: Units at once; nil: the limit.
    package init(limit: Int, burst: Int? = nil) {
        self.limit = min(max(Int64(limit), 0), Self.greatestLimit)
        self.burst = min(max(Int64(burst ?? limit), 0), self.limit * Self.longestBurst)
        unit = self.limit == 0 ? Self.ticksPerMinute : (Self.ticksPerMinute + self.limit - 1) / self.limit
    }

    /// Of the parts of another one, without a division.
    package init(limit: Int64, burst: Int64, unit: Int64) {
        self.limit = limit
        self.burst = burst
        self.unit = unit
    }

    /// Takes `amount` of `state` if it is free.
    package func reserve(_ amount: Int, of state: inout Int64, now: Int64) -> Decision {
        let cost = Int64(max(amount, 0))
        guard cost <= burst else { return .tooLarge }
        let instant = ticks(now)
        let next = max(state, instant) + cost * unit
        let excess = next - instant - burst * unit
        guard excess > 0 else {
            state = next
            return .granted
        }
        return .wait((excess + Self.ticksPerMicrosecond - 1) / Self.ticksPerMicrosecond)
    }

    /// What `settle` adds to the state. Using more than was reserved makes a debt, which later reservations wait for.
    package func settlement(reserved: Int, used: Int) -> Int64 {
        // Bounded, so that one wrong count cannot lock a tenant out for hours.
        let bound = Int64(min(reserved, Int(Self.greatestLimit))) + 2 * burst
        return (min(max(Int64(used), 0), bound) - min(max(Int64(reserved), 0), bound)) * unit
    }

    /// The greatest state that is kept: a debt of one whole burst beyond a full bucket.
    package func greatestState(now: Int64) -> Int64 { ticks(now) + 2 * burst * unit }

    /// Replaces a reservation by what was used.
    package func settle(reserved: Int, used: Int, of state: inout Int64, now: Int64) {
        state = min(max(state, ticks(now)) + settlement(reserved: reserved, used: used), max(state, greatestState(now: now)))
    }

    /// What of a reservation that was not used is given back: all of it up to the age of a minute, or as long as a burst lasts where that is longer; then less,
    /// and nothing at twice that age. It was not taken from what is free now: whoever lets many reservations grow old could have them all at once else.
    ///
    /// - Parameters:
    ///   - amount: Units, 0 or more.
    ///   - age: Microseconds since they were reserved.
    package func refund(_ amount: Int, age: Int64) -> Int {
        let whole = max(burst * unit / Self.ticksPerMicrosecond, Self.ticksPerMinute / Self.ticksPerMicrosecond)
        guard age > whole else { return amount }
        guard age < 2 * whole else { return 0 }
        return Int(Int128(amount) * Int128(2 * whole - age) / Int128(whole))
    }

    /// Units that could be reserved now.
    package func remaining(of state: Int64, now: Int64) -> Int64 {
        max(0, (burst * unit - max(0, state - ticks(now))) / unit)
    }

    /// Microseconds until the whole burst is free again.
    package func reset(of state: Int64, now: Int64) -> Int64 {
        (max(0, state - ticks(now)) + Self.ticksPerMicrosecond - 1) / Self.ticksPerMicrosecond
    }

    private func ticks(_ now: Int64) -> Int64 { min(max(now, 0), Self.latest) * Self.ticksPerMicrosecond }
}
