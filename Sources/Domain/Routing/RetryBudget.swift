import Synchronization

/// How many retries a tenant may cause: a tenth of its requests in the last ten seconds, and at least two.
///
/// A request that moves because its host or link was lost is not a retry and does not ask. All event loops share one and none waits for another:
/// each second has a word with its number, requests and retries. Loops that take the last retry in the same moment may all have it.
package final class RetryBudget: Sendable {
    private static let seconds: UInt64 = 10
    package static let minimum = 2

    /// One second's counts in one word: number of the second (24 bits), requests (24), retries (16).
    private struct Slot {
        var second: UInt64
        var requests: UInt64
        var retries: UInt64

        init(second: UInt64) {
            (self.second, requests, retries) = (second & 0xFF_FFFF, 0, 0)
        }

        init(word: UInt64) {
            (second, requests, retries) = (word >> 40, word >> 16 & 0xFF_FFFF, word & 0xFFFF)
        }

        var word: UInt64 { second << 40 | min(requests, 0xFF_FFFF) << 16 | min(retries, 0xFFFF) }
    }

    /// The memory is this object's own from its beginning to its end, and touched by atomic operations only.
    private nonisolated(unsafe) let slots: UnsafeMutablePointer<Atomic<UInt64>>

    package init() {
        slots = .allocate(capacity: Int(Self.seconds))
        for place in 0..<Int(Self.seconds) { (slots + place).initialize(to: Atomic(0)) }
    }

    deinit {
        slots.deinitialize(count: Int(Self.seconds))
        slots.deallocate()
    }

    /// - Parameter now: Microseconds of a monotonic clock, as everywhere in this type.
    package func noteRequest(now: Int64) {
        change(Self.second(now)) { $0.requests += 1 }
    }

    /// One that asked nobody.
    package func noteRetry(now: Int64) {
        change(Self.second(now)) { $0.retries += 1 }
    }

    /// Takes one retry out of the budget; false when it is spent.
    ///
    /// - Parameter share: One of so many requests may be tried again.
    package func takeRetry(minimum: Int = RetryBudget.minimum, share: Int = 10, now: Int64) -> Bool {
        let second = Self.second(now)
        var (requests, retries) = (0, 0)
        for place in 0..<Int(Self.seconds) {
            let slot = Slot(word: slots[place].load(ordering: .relaxed))
            guard (second &- slot.second) & 0xFF_FFFF < Self.seconds else { continue }
            requests += Int(slot.requests)
            retries += Int(slot.retries)
        }
        guard retries < max(minimum, requests / share) else { return false }
        noteRetry(now: now)
        return true
    }

    /// One that was taken costs nothing after all: the newest that is still counted.
    package func giveBack(now: Int64) {
        let second = Self.second(now)
        for age in 0..<min(Self.seconds, second + 1) where takeBack(second - age) { return }
    }

    private func takeBack(_ second: UInt64) -> Bool {
        let word = slots + Int(second % Self.seconds)
        var known = word.pointee.load(ordering: .relaxed)
        while true {
            var slot = Slot(word: known)
            guard slot.second == second & 0xFF_FFFF, slot.retries > 0 else { return false }
            slot.retries -= 1
            let (done, present) = word.pointee.weakCompareExchange(expected: known, desired: slot.word, ordering: .relaxed)
            if done { return true }
            known = present
        }
    }

    private static func second(_ now: Int64) -> UInt64 { UInt64(max(now, 0) / 1_000_000) }

    private func change(_ second: UInt64, _ body: (inout Slot) -> Void) {
        let word = slots + Int(second % Self.seconds)
        var known = word.pointee.load(ordering: .relaxed)
        while true {
            var slot = Slot(word: known)
            if slot.second != second & 0xFF_FFFF { slot = Slot(second: second) }
            body(&slot)
            let (done, present) = word.pointee.weakCompareExchange(expected: known, desired: slot.word, ordering: .relaxed)
            if done { return }
            known = present
        }
    }
}
