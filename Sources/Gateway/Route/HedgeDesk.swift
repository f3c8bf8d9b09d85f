import Domain

/// What one loop knows of a model's first tokens in one tier, and what hedges it may still send. Made only for tiers that hedge.
final class HedgeDesk {
    var times = FirstTokenTimes()
    var budget: HedgeBudget
    /// Parts per million of requests and of prompt tokens.
    let share: Int
    /// Hedges since the last first token that came. Where nobody answers a second worker does not either.
    var unanswered = 0
    static let mostUnanswered = 3

    init(share: Int, now: Int64) {
        self.share = share
        budget = HedgeBudget(now: now)
    }
}
