/// Time of day for calendar windows, that no jump of a wall clock moves: it goes on with the monotonic clock.
///
/// It is set once, and again whenever somebody with a better clock says so. Without such a one it follows the wall clock by at most five
/// milliseconds a second, which is more than any correction of a healthy clock and makes a jump of an hour worth seven minutes a day.
package struct SteadyClock: Sendable {
    private static let slewDivisor: Int64 = 200
    /// A better clock that is behind by more does not lag: what was told is wrong.
    private static let mostAhead: Int64 = 60_000_000

    /// Wall time less monotonic time, microseconds.
    private var offset: Int64
    private var updatedAt: Int64
    /// The latest time that was told; it goes back only to what a better clock says.
    private var latest: Int64

    /// - Parameters:
    ///   - wall: Microseconds since 1970.
    ///   - monotonic: Microseconds, as everywhere in this type.
    ///   - notBefore: A time that has passed already, as was written down before a restart.
    package init(wall: Int64, monotonic: Int64, notBefore: Int64 = .min) {
        let start = max(wall, notBefore)
        offset = start - monotonic
        updatedAt = monotonic
        latest = start
    }

    /// Microseconds since 1970.
    package mutating func now(wall: Int64, monotonic: Int64) -> Int64 {
        let elapsed = max(0, monotonic - updatedAt)
        updatedAt = max(updatedAt, monotonic)
        let most = elapsed / Self.slewDivisor
        let (difference, overflows) = wall.subtractingReportingOverflow(monotonic + offset)
        if !overflows { offset += min(max(difference, -most), most) }
        return advance(to: monotonic + offset)
    }

    /// Takes over the time of a better clock. What is told goes back to it where it was ahead by more than a minute, and else stands until it has come to that.
    package mutating func set(_ time: Int64, monotonic: Int64) {
        offset = time - monotonic
        updatedAt = max(updatedAt, monotonic)
        if latest - Self.mostAhead > time { latest = time }
    }

    private mutating func advance(to time: Int64) -> Int64 {
        latest = max(latest, time)
        return latest
    }
}
