import Domain

/// What a holder has of the limits of a minute here: its gateway's part of the whole, less when it promised less, more when it was lent some.
struct MinuteShare: Sendable {
    /// What was agreed, for all gateways together.
    var whole = MinuteCaps(requests: 0, requestBurst: 0, tokens: 0, tokenBurst: 0, concurrent: 0)
    /// Of this gateway without asking.
    var part = MinuteCaps(requests: 0, requestBurst: 0, tokens: 0, tokenBurst: 0, concurrent: 0)
    var promise: RateParts?
    /// Microseconds of the monotonic clock.
    var promisedUntil: Int64 = 0
    var loan: RateParts?
    /// Microseconds of the monotonic clock.
    var loanUntil: Int64 = 0
    /// The most that a request needed which was above what holds, of each kind, since it was looked at; what was not short is 0.
    private var needed = RateParts.none
    /// When the first of a row of loans came, and what of it no request that was refused before it has needed.
    private var lentAt: Int64 = 0
    private var spare = RateParts.none
    /// When a refusal last turned out to be of what others use, and what was refused since nobody can tell.
    private var usedElsewhereAt: Int64?
    private var untold: WithheldCaps?
    /// So much older than the last word of the control plane it says nothing of what others use after that.
    private static let memory: Int64 = 600_000_000
    /// Microseconds in which others are asked, promise to use less, and what that leaves is lent.
    static let loanTime: Int64 = 4_000_000

    /// What holds now.
    var caps: MinuteCaps {
        guard promise != nil || loan != nil else { return part }
        let base = promise.map { $0.least(part.parts) } ?? part.parts
        let parts = loan.map { base + $0 } ?? base
        return MinuteCaps(
            requests: parts.requests, requestBurst: Self.scaled(whole.requestBurst, parts.requests, of: whole.requests), tokens: parts.tokens,
            tokenBurst: Self.scaled(whole.tokenBurst, parts.tokens, of: whole.tokens), concurrent: parts.concurrent)
    }

    /// Others have parts too, and nothing of them is known: nothing was lent here, nor promised from here.
    var mayBeLent: Bool { part != whole && promise == nil && loan == nil }

    /// Notes what a request needs that is more than this gateway has, and not more than was agreed.
    ///
    /// - Parameter caps: What the gateway has.
    /// - Returns: Microseconds until it may have been lent; nil: it has enough, or it is more than was agreed.
    mutating func seek(_ ask: LimitAsk, beyond caps: MinuteCaps) -> Int64? {
        guard part != whole, let requests = Self.rate(whole.requests, whole.requestBurst, for: 1),
            let tokens = Self.rate(whole.tokens, whole.tokenBurst, for: ask.tokens), whole.concurrent > 0
        else { return nil }
        let need = RateParts(
            requests: Self.rate(caps.requests, caps.requestBurst, for: 1) == nil ? requests : 0,
            tokens: Self.rate(caps.tokens, caps.tokenBurst, for: ask.tokens) == nil ? tokens : 0, concurrent: caps.concurrent < 1 ? 1 : 0)
        guard need != .none else { return nil }
        needed = needed.greatest(need)
        // What was promised is kept until it ends.
        return (promise == nil ? 0 : max(0, promisedUntil - ask.now)) + Self.loanTime
    }

    mutating func takeNeeded() -> RateParts {
        defer { needed = .none }
        return needed
    }

    /// How much of a limit has a burst that so much fits in at once; nil: not even all of it.
    private static func rate(_ limit: Int, _ burst: Int, for amount: Int) -> Int? {
        let most = TokenBucket(limit: limit, burst: burst).burst
        guard amount <= most else { return nil }
        return most == 0 ? 0 : Int((Int128(amount) * Int128(limit) + Int128(most) - 1) / Int128(most))
    }

    /// - Parameter now: Microseconds of the monotonic clock.
    mutating func lend(_ parts: RateParts?, until end: Int64, now: Int64) {
        if loan == nil, let parts { (lentAt, spare, usedElsewhereAt) = (now, parts, nil) }
        (loan, loanUntil) = (parts, end)
    }

    /// Whether what was refused before the loan would have passed with it, as far as it goes. Nil: nothing has been lent since.
    ///
    /// - Parameter since: When it was refused, microseconds of the monotonic clock.
    mutating func covers(_ kind: LimitFault.Kind, tokens: Int, since: Int64) -> Bool? {
        guard loan != nil, lentAt >= since else { return nil }
        switch kind {
        case .requests: spare.requests -= 1
        case .tokens: spare.tokens -= tokens
        case .concurrency: spare.concurrent -= 1
        case .tokensPerDay, .tokensPerMonth, .spendPerMonth: return false
        }
        return spare.requests >= 0 && spare.tokens >= 0 && spare.concurrent >= 0
    }

    /// Others use what a request was refused for: they were asked, and nothing was lent.
    mutating func noteUsed(at instant: Int64) { usedElsewhereAt = instant }

    /// Whether what was refused while the control plane did not answer counts as inside what was agreed: what the part leaves of that may be free, and that
    /// nobody can tell is not the customer's failure. It does not where others used the rest when the control plane was last heard.
    ///
    /// - Parameters:
    ///   - since: When it was refused, microseconds of the monotonic clock.
    ///   - answeredAt: See `LeaseKeeper`.
    mutating func mayCover(_ kind: LimitFault.Kind, tokens: Int, since: Int64, answeredAt: Int64) -> Bool {
        if let usedElsewhereAt, answeredAt < usedElsewhereAt + Self.memory { return false }
        var agreed = whole
        agreed.requestBurst -= part.requestBurst
        if untold?.caps != WithheldCaps.Caps(left: part, agreed: agreed) { untold = WithheldCaps(part, of: agreed) }
        return untold?.covers(kind, LimitAsk(tokens: tokens, spend: 0, now: since)) ?? false
    }

    private static func scaled(_ burst: Int, _ share: Int, of whole: Int) -> Int {
        whole == 0 ? 0 : Int(Int128(burst) * Int128(share) / Int128(whole))
    }
}

extension MinuteCaps {
    var parts: RateParts { RateParts(requests: requests, tokens: tokens, concurrent: concurrent) }
}

extension LimitHolder {
    /// Other gateways have parts of its limits too.
    var isShared: Bool { minuteShare.part != minuteShare.whole }

    var wholeParts: RateParts { minuteShare.whole.parts }

    /// What it could do with for a while: twice what it uses, and a quarter of its part for what may come, or less where a request elsewhere needs that.
    ///
    /// - Parameter needed: By one request at another gateway; of a kind that is not short 0.
    func enough(now: Int64, needed: RateParts) -> RateParts {
        let (share, standing) = (minuteShare, standing(now: now))
        let (part, whole, caps) = (share.part, share.whole, share.caps)
        func need(_ part: Int, _ used: Int64, _ kept: Int) -> Int { min(part, Int(2 * max(0, used)) + kept) }
        return RateParts(
            requests: need(
                part.requests, Int64(caps.requestBurst) - standing.requestsLeft, Self.kept(part.requests, of: whole.requests, needed.requests)),
            tokens: need(part.tokens, Int64(caps.tokenBurst) - standing.tokensLeft, Self.kept(part.tokens, of: whole.tokens, needed.tokens)),
            concurrent: need(part.concurrent, Int64(running), Self.kept(part.concurrent, of: whole.concurrent, needed.concurrent)))
    }

    /// Where all keep a quarter of their parts, at least three quarters of the whole are left for one.
    private static func kept(_ part: Int, of whole: Int, _ needed: Int) -> Int {
        if needed == 0 { return (part + 3) / 4 }
        return Int128(needed) * 4 > Int128(whole) * 3 ? 0 : part / 4
    }
}
