/// Events of one window of time.
package struct BurnWindow: Sendable, Equatable {
    package var bad: Int64
    package var total: Int64

    package init(bad: Int64, total: Int64) {
        self.bad = bad
        self.total = total
    }

    /// How many times as fast as allowed the budget is spent; nil without an event, and for an objective without a budget.
    package func burn(objective: Ratio) -> Ratio? {
        let allowed = Ratio(1, 1) - objective
        return total == 0 || allowed.numerator == 0 ? nil : Ratio(bad, total) / allowed
    }
}

/// An alert on how fast a budget is spent, over a long window and a short one that tells that it still is (reference, section 2.4).
package struct BurnRule: Sendable, Equatable {
    package enum Severity: String, Sendable {
        case page
        case ticket
    }

    package enum Verdict: String, Sendable {
        case fire
        case quiet
        /// Neither fires nor resolves.
        case noData = "no_data"
    }

    package let severity: Severity
    /// Share of the period's budget that the long window may not spend.
    package let budgetShare: Ratio
    package let longSeconds: Int64
    package let shortSeconds: Int64

    /// What is shipped: 2 % in an hour and 5 % in six page, 10 % in a day and in three make a ticket.
    package static let shipped = [
        BurnRule(severity: .page, budgetShare: Ratio(2, 100), longSeconds: 3600, shortSeconds: 300),
        BurnRule(severity: .page, budgetShare: Ratio(5, 100), longSeconds: 6 * 3600, shortSeconds: 1800),
        BurnRule(severity: .ticket, budgetShare: Ratio(10, 100), longSeconds: 24 * 3600, shortSeconds: 2 * 3600),
        BurnRule(severity: .ticket, budgetShare: Ratio(10, 100), longSeconds: 72 * 3600, shortSeconds: 6 * 3600),
    ]
    /// Bad events below which the long window proves nothing.
    package static let leastBad: Int64 = 3

    package init(severity: Severity, budgetShare: Ratio, longSeconds: Int64, shortSeconds: Int64) {
        self.severity = severity
        self.budgetShare = budgetShare
        self.longSeconds = longSeconds
        self.shortSeconds = shortSeconds
    }

    /// Burn above which it fires, in a budget for so many seconds.
    package func threshold(periodSeconds: Int64) -> Ratio { budgetShare * Ratio(periodSeconds, longSeconds) }

    /// Both windows must be strictly above.
    package static func verdict(
        long: BurnWindow, short: BurnWindow, objective: Ratio, threshold: Ratio, leastBad: Int64 = leastBad
    ) -> Verdict {
        guard long.total > 0, short.total > 0 else { return .noData }
        guard long.bad >= leastBad else { return .quiet }
        guard let slow = long.burn(objective: objective), let fast = short.burn(objective: objective) else {
            // Without a budget each bad event is too much.
            return long.bad > 0 && short.bad > 0 ? .fire : .quiet
        }
        return slow > threshold && fast > threshold ? .fire : .quiet
    }

    /// Time until a whole budget is spent at this burn, in the period's unit.
    package static func timeToExhaust(period: Ratio, burn: Ratio) -> Ratio { period / burn }

    /// Minutes of a full outage until a window of so many minutes is above the threshold.
    package static func detectionMinutes(threshold: Ratio, objective: Ratio, windowMinutes: Int64) -> Ratio {
        threshold * (Ratio(1, 1) - objective) * Ratio(windowMinutes, 1)
    }
}
