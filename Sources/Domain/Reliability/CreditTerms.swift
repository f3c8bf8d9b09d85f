/// What a contract pays for a month below its objective (reference, section 2.5). Amounts are integers in the currency's smallest unit.
package struct CreditTerms: Sendable {
    /// How a shortfall becomes per cent of the fee.
    package enum Schedule: Sendable {
        /// So many per cent for each part of a shortfall.
        case steps(Counting, step: Ratio, percent: Ratio)
        /// Per cent below each bound; the lowest bound that uptime is below counts.
        case table([(below: Ratio, percent: Ratio)])
    }

    /// Of a step that has begun.
    package enum Counting: String, Sendable, CaseIterable {
        /// Each one counts whole: "each 0.1 per cent or part of it".
        case started
        /// Only whole ones count.
        case full
        /// A part counts as much as it is.
        case prorata
    }

    package let objective: Ratio
    package let schedule: Schedule
    /// Most per cent of the fee that a month's credits come to.
    package let capPercent: Ratio

    /// What is shipped: 5 % for each started tenth of a point, at most 25 %.
    package init(
        objective: Ratio, schedule: Schedule = .steps(.started, step: Ratio(1, 1000), percent: Ratio(5, 1)), capPercent: Ratio = Ratio(25, 1)
    ) {
        self.objective = objective
        self.schedule = schedule
        self.capPercent = capPercent
    }

    /// Steps of the shortfall that count, by the rule of the schedule; 0 where the objective is met or the schedule has none.
    package func steps(uptime: Ratio) -> Ratio {
        guard case .steps(let counting, let step, _) = schedule, uptime < objective else { return Ratio(0, 1) }
        let exact = (objective - uptime) / step
        return switch counting {
        case .started: Ratio(exact.ceiling, 1)
        case .full: Ratio(exact.floor, 1)
        case .prorata: exact
        }
    }

    /// Per cent of the fee for this uptime, capped. Exactly the objective earns nothing.
    package func percent(uptime: Ratio) -> Ratio {
        guard uptime < objective else { return Ratio(0, 1) }
        switch schedule {
        case .steps(_, _, let percent): return min(steps(uptime: uptime) * percent, capPercent)
        case .table(let rows):
            let reached = rows.filter { uptime < $0.below }.min { $0.below < $1.below }
            return min(reached?.percent ?? Ratio(0, 1), capPercent)
        }
    }

    /// Credits of one month together.
    package func total(_ percents: [Ratio]) -> Ratio { min(percents.reduce(Ratio(0, 1), +), capPercent) }
}

/// The arithmetic of a credit.
package enum Credit {
    /// Part of a fee, rounded half to even once.
    package static func amount(fee: Int128, percent: Ratio) -> Int128 {
        Rating.dividedHalfEven(fee * Int128(percent.numerator), by: Int128(percent.denominator) * 100)
    }

    /// What the credit is a part of: the agreed minimum or the month's charges, whichever is more, net of tax and of earlier credits.
    package static func feeBase(minimum: Int128, charges: Int128) -> Int128 { max(minimum, charges) }

    /// The next invoice takes what it can, the rest is carried on: no cash.
    package static func apply(_ credit: Int128, to invoice: Int128) -> (applied: Int128, carried: Int128) {
        let applied = min(credit, max(invoice, 0))
        return (applied, credit - applied)
    }
}
