/// What becomes of a usage record by its two times (reference, section 2.7).
package enum UsageDisposition: Sendable, Equatable, CustomStringConvertible {
    /// On the invoice of the month in which the request was accepted.
    case invoice(BillingPeriod)
    /// Came after the month's grace: on the next invoice, at the prices of its own month.
    case late(BillingPeriod)
    /// From further in the future than clocks may differ: kept aside.
    case quarantineFuture
    /// So old that a person decides.
    case reviewOld

    package static let futureMicroseconds: Int64 = 5 * 60 * 1_000_000
    package static let oldMicroseconds: Int64 = 35 * 86_400 * 1_000_000
    package static let defaultGraceHours: Int64 = 72

    /// Both instants are microseconds since 1970.
    package init(acceptedAt: Int64, receivedAt: Int64, graceHours: Int64 = defaultGraceHours) {
        let period = BillingPeriod(microseconds: acceptedAt)
        if acceptedAt - receivedAt > Self.futureMicroseconds {
            self = .quarantineFuture
        } else if receivedAt - acceptedAt > Self.oldMicroseconds {
            self = .reviewOld
        } else if receivedAt < period.end + graceHours * 3_600_000_000 {
            self = .invoice(period)
        } else {
            self = .late(period)
        }
    }

    package var description: String {
        switch self {
        case .invoice(let period): "invoice:\(period)"
        case .late(let period): "late:\(period) on next invoice, price version of \(period)"
        case .quarantineFuture: "quarantine:future"
        case .reviewOld: "review:older than 35 days"
        }
    }
}
