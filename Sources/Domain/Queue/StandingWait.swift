/// Tells a burst, which a queue is there for, from an overload, which makes every request in it late (Nichols and Jacobson 2012; the figures
/// are those of "Fail at Scale", Maurer 2015, for queues of servers). Times are microseconds, monotonic.
struct StandingWait: Sendable {
    /// A wait that a queue may have.
    static let target: Int64 = 200_000
    /// Longer than the target for so long without a break: an overload.
    static let interval: Int64 = 1_000_000

    private var aboveSince: Int64?

    /// - Parameter oldest: Age of the request that waits longest.
    mutating func note(oldest: Int64, now: Int64) {
        guard oldest > Self.target else {
            aboveSince = nil
            return
        }
        if aboveSince == nil { aboveSince = now }
    }

    func isStanding(now: Int64) -> Bool {
        aboveSince.map { now - $0 >= Self.interval } ?? false
    }
}
