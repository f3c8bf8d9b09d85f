/// How much of a period may be bad before its objective is missed (reference, section 2.3).
package struct ErrorBudget: Sendable {
    /// Minutes that count.
    package let eligible: Int64
    /// Share of them that must be good, above 0 and at most 1.
    package let objective: Ratio

    /// - Parameters:
    ///   - minutes: Of the whole period.
    ///   - excluded: Of them, those that do not count.
    package init(minutes: Int64, excluded: Int64 = 0, objective: Ratio) {
        eligible = max(minutes - excluded, 0)
        self.objective = objective
    }

    /// In minutes; 0 for an objective of 100 %.
    package var minutes: Ratio { Ratio(eligible, 1) * (Ratio(1, 1) - objective) }

    /// Whole bad minutes that leave the objective met.
    package var allowedBad: Int64 { minutes.floor }

    /// Share of the budget that is spent, above 1 when overdrawn. Nil where there is no budget: it is neither unspent nor spent.
    package func consumed(bad: Int64) -> Ratio? { consumed(bad: Ratio(bad, 1)) }

    package func consumed(bad: Ratio) -> Ratio? {
        let budget = minutes
        return budget.numerator == 0 ? nil : bad / budget
    }

    /// Minutes that are left, below 0 when overdrawn.
    package func remaining(bad: Int64) -> Ratio { minutes - Ratio(bad, 1) }

    /// Share of good minutes; nil without a minute that counts.
    package func uptime(bad: Int64) -> Ratio? { eligible == 0 ? nil : Ratio(eligible - bad, eligible) }
}

/// A share of events that must stay below a limit, such as failed requests of a month.
package enum ShareObjective {
    package enum Verdict: String, Sendable {
        case met
        case missed
        /// Nothing happened: that is never "met".
        case noData = "no_data"
    }

    /// Below means strictly below.
    package static func verdict(_ events: Int64, of all: Int64, below limit: Ratio) -> Verdict {
        guard all > 0 else { return .noData }
        return Ratio(events, all) < limit ? .met : .missed
    }

    /// Refusals that the promise counts: all but those above the agreed burst, which are left out of both sides.
    package static func refusals(_ counted: Int64, aboveBurst: Int64, requests: Int64) -> (events: Int64, of: Int64) {
        (counted, requests - aboveBurst)
    }
}
