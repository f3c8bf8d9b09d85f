import Domain
import OpenAIWire

/// What a customer is told about a limit: which one it is, whose, and which plan allows more.
struct LimitAnswer {
    private(set) var error: APIError
    /// Microseconds; nil where waiting does not help.
    let retryAfter: Int64?

    init(_ refusal: LimitRefusal, _ key: CustomerKey) {
        let kind = refusal.fault.kind
        // Waiting does not help a request that is above the whole limit, unless that was cut for a while.
        let isTooLarge = refusal.fault.retryAfter == nil
        let holder = refusal.isOwn ? "key" : "account"
        let isElsewhere = refusal.fault.mayBeLeased || refusal.fault.isAbovePart
        let (code, text) =
            isElsewhere
            ? LimitAnswer.elsewhere(kind, isAbovePart: refusal.fault.isAbovePart, holder)
            : LimitAnswer.words(kind, isTooLarge: isTooLarge, holder: holder)
        let offer = refusal.isOwn || isElsewhere ? "" : PlanOffers.sentence(key.offers.plans[kind])
        error = APIError(code, message: text + offer, param: isTooLarge && kind != .requests ? "max_tokens" : nil)
        error.isLasting = isTooLarge && kind != .requests && !isElsewhere && !refusal.fault.isWithheld
        retryAfter = error.isLasting ? nil : refusal.fault.retryAfter ?? 60_000_000
    }

    private static func words(_ kind: LimitFault.Kind, isTooLarge: Bool, holder: String) -> (APIErrorCode, String) {
        if isTooLarge, kind != .requests {
            let text = "Prompt and longest answer together are above the \(name(kind)) of this \(holder); ask for fewer with 'max_tokens'."
            return (code(kind), text)
        }
        switch kind {
        case .concurrency: return (code(kind), "Too many requests at once for this \(holder).")
        case .requests, .tokens: return (code(kind), "Too many \(name(kind)) for this \(holder).")
        case .tokensPerDay, .tokensPerMonth: return (code(kind), "The \(name(kind)) of this \(holder) are used up.")
        case .spendPerMonth: return (code(kind), "The \(name(kind)) of this \(holder) is reached.")
        }
    }

    /// The limit has room for it, as far as is known, but not at this gateway yet.
    private static func elsewhere(_ kind: LimitFault.Kind, isAbovePart: Bool, _ holder: String) -> (APIErrorCode, String) {
        let text =
            isAbovePart
            ? "This gateway's part of the \(name(kind)) of this \(holder) is too small for this request; more of it has been asked for."
            : "No part of the \(name(kind)) of this \(holder) is free at this gateway at the moment."
        return (code(kind), text)
    }

    private static func name(_ kind: LimitFault.Kind) -> String {
        switch kind {
        case .requests: "requests a minute"
        case .tokens: "tokens a minute"
        case .concurrency: "requests at once"
        case .tokensPerDay: "tokens a day"
        case .tokensPerMonth: "tokens a month"
        case .spendPerMonth: "monthly spend limit"
        }
    }

    private static func code(_ kind: LimitFault.Kind) -> APIErrorCode {
        switch kind {
        case .requests: .rateLimitExceeded
        case .tokens: .tokensPerMinuteExceeded
        case .concurrency: .tooManyConcurrentRequests
        case .tokensPerDay: .tokensPerDayExceeded
        case .tokensPerMonth: .tokensPerMonthExceeded
        case .spendPerMonth: .spendLimitExceeded
        }
    }
}

extension RequestPlan {
    /// What it asks of the limits.
    func ask(_ price: PriceVersion?, now: Int64) -> LimitAsk {
        let completion = outputTokens * facts.generated
        // Counting is billed to nobody.
        let spend = endpoint == .countTokens ? nil : price?.spend(prompt: facts.estimatedPromptTokens, cached: 0, completion: completion)
        return LimitAsk(tokens: reservedTokens, spend: spend ?? 0, now: now)
    }
}
