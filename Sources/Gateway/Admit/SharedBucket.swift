import Domain
import Synchronization

/// A token bucket whose state is one shared word. Its rule is changed when tables are applied.
final class SharedBucket: Sendable {
    private let words: LimitWords
    private let limit = Atomic<Int64>(0)
    private let burst = Atomic<Int64>(0)
    private let unit = Atomic<Int64>(1)

    /// - Parameter words: One.
    init(_ words: LimitWords) {
        self.words = words
    }

    private var state: LimitWords.Word { words[0] }

    func change(_ rule: TokenBucket) {
        limit.store(rule.limit, ordering: .relaxed)
        burst.store(rule.burst, ordering: .relaxed)
        unit.store(rule.unit, ordering: .relaxed)
    }

    var rule: TokenBucket {
        TokenBucket(
            limit: limit.load(ordering: .relaxed), burst: burst.load(ordering: .relaxed), unit: unit.load(ordering: .relaxed))
    }

    var reading: (rule: TokenBucket, state: Int64) { (rule, state.value) }

    func reserve(_ amount: Int, now: Int64, _ kind: LimitFault.Kind) -> LimitFault? {
        let rule = rule
        var known = state.value
        while true {
            var next = known
            switch rule.reserve(amount, of: &next, now: now) {
            case .tooLarge: return LimitFault(kind, retryAfter: nil)
            case .wait(let time): return LimitFault(kind, retryAfter: time)
            case .granted: if state.replace(&known, by: next) { return nil }
            }
        }
    }

    /// - Parameters:
    ///   - unit: What one of them took when it was reserved: the rule may have changed since, and no more is given back than was taken. Nil: as now.
    ///   - reservedAt: Microseconds: what is old is not given back whole. Nil: now.
    func settle(reserved: Int, used: Int, unit: Int64? = nil, reservedAt: Int64? = nil, now: Int64) {
        guard reserved != used else { return }
        let rule = rule
        guard used > reserved else {
            let taken = TokenBucket(limit: rule.limit, burst: rule.burst, unit: unit ?? rule.unit)
            let kept = reserved - rule.refund(reserved - used, age: reservedAt.map { now - $0 } ?? 0)
            return state.add(taken.settlement(reserved: reserved, used: kept))
        }
        var known = state.value
        while true {
            var next = known
            rule.settle(reserved: reserved, used: used, of: &next, now: now)
            if state.replace(&known, by: next) { return }
        }
    }
}
