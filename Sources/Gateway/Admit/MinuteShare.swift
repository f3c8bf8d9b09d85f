import Domain

/// What a holder has of the limits of a minute here: its gateway's part of the whole, less when it promised less, more when it was lent some.
struct MinuteShare: Sendable {
    /// What was agreed, for all gateways together.
    var whole = MinuteCaps(requests: 0, requestBurst: 0, tokens: 0, tokenBurst: 0, concurrent: 0)
    /// Of this gateway without asking.
    var part = MinuteCaps(requests: 0, requestBurst: 0, tokens: 0, tokenBurst: 0, concurrent: 0)
    var promise: RateParts?
    var loan: RateParts?
    /// Microseconds of the monotonic clock.
    var loanUntil: Int64 = 0
    /// When the first of a row of loans came, and what of it no request that was refused before it has needed.
    private var lentAt: Int64 = 0
    private var spare = RateParts.none
    /// When a refusal last turned out to be of what others use, and what was refused since nobody can tell.
    private var usedElsewhereAt: Int64?
    private var untold: WithheldCaps?
    /// So much older than the last word of the control plane it says nothing of what others use after that.
    private static let memory: Int64 = 600_000_000

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

    /// What it could do with for a while: twice what it uses, and a quarter of its part for what may come.
    func enough(now: Int64) -> RateParts {
        let (part, standing, caps) = (minuteShare.part, standing(now: now), minuteShare.caps)
        func need(_ part: Int, _ used: Int64) -> Int { min(part, Int(2 * max(0, used)) + (part + 3) / 4) }
        return RateParts(
            requests: need(part.requests, Int64(caps.requestBurst) - standing.requestsLeft),
            tokens: need(part.tokens, Int64(caps.tokenBurst) - standing.tokensLeft), concurrent: need(part.concurrent, Int64(running)))
    }
}
