/// What a gateway has spent of its leases on quotas of a day or month, and what it wants. All amounts are cumulative over the period, so that a
/// report that is sent again changes nothing: tokens, or 10^-12 US dollars.
package struct LeaseRequest: Sendable, Codable {
    /// Start of the gateway process.
    package var boot: String
    /// Rises with each request of a boot; an older one that comes late is not looked at.
    package var sequence: Int64
    package var reports: [LeaseReport]
    /// Absent: as of a release that shares nothing of the minute.
    package var rates: [RateReport]?

    package init(boot: String, sequence: Int64, reports: [LeaseReport], rates: [RateReport]? = nil) {
        self.boot = boot
        self.sequence = sequence
        self.reports = reports
        self.rates = rates
    }
}

package struct LeaseReport: Sendable, Codable, Equatable {
    /// `tenant/ID` or `key/ID`.
    package var holder: String
    /// `tokens_per_day`, `tokens_per_month` or `spend_per_month`.
    package var kind: String
    /// Days since 1970, or months since the year 0.
    package var period: Int64
    /// What the gateway may take in all, as it was told.
    package var granted: Int64
    /// What ended requests have used.
    package var spent: Int64
    /// At least so much more is needed; 0: none.
    package var need: Int64
    /// Nil: keeps all. Else so much in all, what running requests have reserved included, is enough; the rest is given back.
    package var enough: Int64?

    package init(holder: String, kind: String, period: Int64, granted: Int64, spent: Int64, need: Int64, enough: Int64? = nil) {
        self.holder = holder
        self.kind = kind
        self.period = period
        self.granted = granted
        self.spent = spent
        self.need = need
        self.enough = enough
    }
}

package struct LeaseAnswer: Sendable, Codable {
    /// Microseconds since 1970, by the database.
    package var now: Int64
    package var grants: [LeaseGrant]
    /// Leases of this gateway on quotas of which others want more than there is: what it does not need is to be given back.
    package var sought: [SoughtQuota]
    package var rates: [RateGrant]?

    package init(now: Int64, grants: [LeaseGrant], sought: [SoughtQuota], rates: [RateGrant]? = nil) {
        self.now = now
        self.grants = grants
        self.sought = sought
        self.rates = rates
    }
}

package struct LeaseGrant: Sendable, Codable, Equatable {
    package var holder: String
    package var kind: String
    package var period: Int64
    package var granted: Int64
    /// What this gateway had reported as spent at any time in the period: more than it knows when its files were lost.
    package var spent: Int64
    /// What other gateways have spent.
    package var elsewhere: Int64
    /// Of the request's sending until the lease is over.
    package var seconds: Int64
    /// There was less than was needed.
    package var isExhausted: Bool

    package init(
        holder: String, kind: String, period: Int64, granted: Int64, spent: Int64, elsewhere: Int64, seconds: Int64, isExhausted: Bool
    ) {
        self.holder = holder
        self.kind = kind
        self.period = period
        self.granted = granted
        self.spent = spent
        self.elsewhere = elsewhere
        self.seconds = seconds
        self.isExhausted = isExhausted
    }
}

package struct SoughtQuota: Sendable, Codable, Hashable {
    package var holder: String
    package var kind: String
    package var period: Int64

    package init(holder: String, kind: String, period: Int64) {
        self.holder = holder
        self.kind = kind
        self.period = period
    }
}

/// Limits of a minute of one holder at one gateway.
package struct RateReport: Sendable, Codable, Equatable {
    package var holder: String
    /// What it would use now if it could, a minute; of concurrency at once.
    package var requests: Int
    package var tokens: Int
    package var concurrent: Int
    /// It was refused something by its share.
    package var isShort: Bool
    /// It uses no more than this until the promise ends, so that others may.
    package var promised: RateShare?
    /// One request needs so much, of the kinds of which the gateway has too little for it; of others 0. Nil: none does.
    package var needed: RateShare?

    package init(
        holder: String, requests: Int, tokens: Int, concurrent: Int, isShort: Bool, promised: RateShare?, needed: RateShare? = nil
    ) {
        self.holder = holder
        self.requests = requests
        self.tokens = tokens
        self.concurrent = concurrent
        self.isShort = isShort
        self.promised = promised
        self.needed = needed
    }
}

package struct RateShare: Sendable, Codable, Equatable {
    package var requests: Int
    package var tokens: Int
    package var concurrent: Int

    package init(requests: Int, tokens: Int, concurrent: Int) {
        self.requests = requests
        self.tokens = tokens
        self.concurrent = concurrent
    }
}

package struct RateGrant: Sendable, Codable, Equatable {
    package var holder: String
    /// On top of the gateway's own part.
    package var extra: RateShare
    /// Of the request's sending until the extra is over.
    package var milliseconds: Int
    /// Others are short: what this gateway does not need it should promise.
    package var isSought: Bool
    /// What one request there needs; nil: none does.
    package var needed: RateShare?

    package init(holder: String, extra: RateShare, milliseconds: Int, isSought: Bool, needed: RateShare? = nil) {
        self.holder = holder
        self.extra = extra
        self.milliseconds = milliseconds
        self.isSought = isSought
        self.needed = needed
    }
}
