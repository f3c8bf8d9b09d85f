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

    /// What holds now.
    var caps: MinuteCaps {
        guard promise != nil || loan != nil else { return part }
        let base = promise.map { $0.least(part.parts) } ?? part.parts
        let parts = loan.map { base + $0 } ?? base
        return MinuteCaps(
            requests: parts.requests, requestBurst: Self.scaled(whole.requestBurst, parts.requests, of: whole.requests), tokens: parts.tokens,
            tokenBurst: Self.scaled(whole.tokenBurst, parts.tokens, of: whole.tokens), concurrent: parts.concurrent)
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
