import Domain

/// What is kept of the limits of a minute from one that is throttled: who asks for no more than that on top of what is left is inside what was agreed.
struct WithheldCaps: Sendable {
    struct Caps: Sendable, Equatable {
        var left: MinuteCaps
        var agreed: MinuteCaps
    }

    let caps: Caps
    private let requests: TokenBucket
    private let tokens: TokenBucket
    private var requestState: Int64 = 0
    private var tokenState: Int64 = 0

    /// At once as much as was agreed: one great request is inside it, too.
    init(_ left: MinuteCaps, of agreed: MinuteCaps) {
        caps = Caps(left: left, agreed: agreed)
        requests = TokenBucket(limit: agreed.requests - left.requests, burst: agreed.requestBurst)
        tokens = TokenBucket(limit: agreed.tokens - left.tokens, burst: agreed.tokenBurst)
    }

    /// Takes what was refused by a limit of such a kind; false: that is more than was agreed.
    mutating func covers(_ kind: LimitFault.Kind, _ ask: LimitAsk) -> Bool {
        switch kind {
        case .requests: requests.reserve(1, of: &requestState, now: ask.now) == .granted
        case .tokens: tokens.reserve(ask.tokens, of: &tokenState, now: ask.now) == .granted
        case .concurrency, .tokensPerDay, .tokensPerMonth, .spendPerMonth: false
        }
    }
}
