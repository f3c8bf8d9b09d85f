/// How many retries a tenant may cause: a tenth of its requests in the last ten seconds, and at least two.
///
/// A request that moves because its host or link was lost is not a retry and does not ask.
package struct RetryBudget: Sendable {
    private static let slots = 10
    private static let slotMicroseconds: Int64 = 1_000_000
    package static let minimum = 2

    private var requests = [Int32](repeating: 0, count: slots)
    private var retries = [Int32](repeating: 0, count: slots)
    private var newestSlot: Int64

    /// - Parameter now: Microseconds of a monotonic clock, as everywhere in this type.
    package init(now: Int64) {
        newestSlot = now / Self.slotMicroseconds
    }

    package mutating func noteRequest(now: Int64) {
        let slot = advance(to: now)
        requests[slot] &+= 1
    }

    /// Takes one retry out of the budget; false when it is spent.
    package mutating func takeRetry(now: Int64) -> Bool {
        let slot = advance(to: now)
        let allowed = max(Self.minimum, requests.reduce(0) { $0 + Int($1) } / 10)
        guard retries.reduce(0, { $0 + Int($1) }) < allowed else { return false }
        retries[slot] += 1
        return true
    }

    private mutating func advance(to now: Int64) -> Int {
        let slot = max(now / Self.slotMicroseconds, newestSlot)
        let steps = min(slot - newestSlot, Int64(Self.slots))
        for step in 0..<steps {
            let stale = Int((slot - step) % Int64(Self.slots))
            requests[stale] = 0
            retries[stale] = 0
        }
        newestSlot = slot
        return Int(slot % Int64(Self.slots))
    }
}
