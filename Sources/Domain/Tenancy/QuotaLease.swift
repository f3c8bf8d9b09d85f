/// How a quota is shared out to gateways. The slices that are held and what was spent beside them never add up to more than the quota.
package struct QuotaLease: Sendable, Equatable {
    /// What the gateway may take in all, over the period.
    package var granted: Int64
    /// What it has used of it.
    package var spent: Int64
    /// False: what was not spent has been given back.
    package var isOpen: Bool

    package init(granted: Int64 = 0, spent: Int64 = 0, isOpen: Bool = true) {
        self.granted = granted
        self.spent = spent
        self.isOpen = isOpen
    }

    /// What of the quota is not there for others.
    package var hold: Int64 { isOpen ? max(granted, spent) : spent }

    /// What a gateway tells of its lease and asks.
    package struct Report: Sendable, Equatable {
        package var granted: Int64
        package var spent: Int64
        /// At least so much more is needed; 0: none.
        package var need: Int64
        /// Nil: keeps all. Else so much in all is enough.
        package var enough: Int64?

        package init(granted: Int64, spent: Int64, need: Int64 = 0, enough: Int64? = nil) {
            self.granted = granted
            self.spent = spent
            self.need = need
            self.enough = enough
        }
    }

    /// Takes a report and gives what may be given. The same report again changes nothing.
    ///
    /// - Parameters:
    ///   - limit: The quota.
    ///   - others: What other gateways hold.
    ///   - gateways: How many there are: a grant is at most half of an equal part of what is free, unless more is needed at once.
    /// - Returns: Whether there was less than was needed.
    package mutating func take(_ report: Report, limit: Int64, others: Int64, gateways: Int) -> Bool {
        spent = max(spent, report.spent)
        // After a lease has ended, what it had granted beyond what was spent is no longer the gateway's.
        if !isOpen { granted = spent }
        isOpen = true
        let most = max(spent, limit - others)
        if let enough = report.enough, enough < granted { granted = max(spent, max(enough, 0)) }
        granted = min(max(granted, spent), most)
        let wanted = report.granted + report.need
        guard report.need > 0, wanted > granted else { return false }
        let free = most - granted
        let slice = max(wanted - granted, free / Int64(2 * max(gateways, 1)))
        granted += min(slice, free)
        return granted < wanted
    }

    /// The gateway has not been heard of for longer than the lease: what it did not spend goes back, once.
    ///
    /// - Parameter stored: What its usage records say that it spent.
    package mutating func end(stored: Int64) {
        spent = max(spent, stored)
        granted = spent
        isOpen = false
    }
}
