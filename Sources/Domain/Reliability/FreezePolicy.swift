/// Whether a budget still allows changes (reference, section 2.4).
package enum FreezeState: String, Sendable, Comparable {
    case normal
    /// Canary first, with the owner's approval.
    case caution
    /// Nothing but security fixes and what a second approver lets pass.
    case frozen

    private var rank: Int {
        switch self {
        case .normal: 0
        case .caution: 1
        case .frozen: 2
        }
    }

    package static func < (left: FreezeState, right: FreezeState) -> Bool { left.rank < right.rank }

    /// - Parameters:
    ///   - consumed: Share of the calendar period's budget; nil: there is none.
    ///   - bad: Bad minutes of the period, which alone freeze what has no budget.
    ///   - elapsed: Share of the period that has passed.
    ///   - rolling: Share of the budget of the last 30 days; a new month does not thaw it.
    package init(consumed: Ratio?, bad: Int64, elapsed: Ratio, rolling: Ratio?) {
        if let rolling, rolling >= Ratio(1, 1) {
            self = .frozen
            return
        }
        guard let consumed else {
            self = bad > 0 ? .frozen : .normal
            return
        }
        let isFast = consumed >= Ratio(2, 1) * elapsed
        if consumed >= Ratio(1, 1) || consumed >= Ratio(1, 2) && isFast {
            self = .frozen
        } else if consumed >= Ratio(1, 2) || consumed >= Ratio(1, 4) && consumed >= Ratio(3, 2) * elapsed {
            self = .caution
        } else {
            self = .normal
        }
    }
}

/// What an incident spent of a budget.
package enum IncidentBurn {
    /// Above it the incident must be written up.
    package static let postmortemShare = Ratio(1, 5)

    package static func requiresPostmortem(_ share: Ratio) -> Bool { share > postmortemShare }
}
