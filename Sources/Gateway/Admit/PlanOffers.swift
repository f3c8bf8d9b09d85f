import PlimsollWire

/// For each limit of a plan the plan that allows the next more, so that an error can name it.
struct PlanOffers: Sendable {
    private(set) var plans: [LimitFault.Kind: String] = [:]
    private(set) var promptTokens: String?
    private(set) var outputTokens: String?
    private(set) var bodyBytes: String?

    /// By the name of the tier.
    static func all(_ tiers: [String: TierEntry]) -> [String: PlanOffers] {
        tiers.mapValues { tier in
            var offers = PlanOffers()
            func next(_ value: (TierEntry) -> Int64) -> String? {
                let greater = tiers.values.filter { value($0) > value(tier) }
                return greater.min { (value($0), $0.name) < (value($1), $1.name) }?.name
            }
            for kind in LimitFault.Kind.allCases { offers.plans[kind] = next { $0.limit(kind) } }
            offers.promptTokens = next { Int64($0.maxPromptTokens) }
            offers.outputTokens = next { Int64($0.maxOutputTokens) }
            offers.bodyBytes = next { Int64($0.maxBodyBytes) }
            return offers
        }
    }

    /// Such as ` The plan business allows more.`
    static func sentence(_ plan: String?) -> String { plan.map { " The plan \($0) allows more." } ?? "" }
}

extension TierEntry {
    /// What it allows of a limit; the greatest integer: no limit.
    func limit(_ kind: LimitFault.Kind) -> Int64 {
        switch kind {
        case .requests: Int64(requestsPerMinute)
        case .tokens: Int64(tokensPerMinute)
        case .concurrency: Int64(concurrentRequests)
        case .tokensPerDay: tokensPerDay ?? .max
        case .tokensPerMonth: tokensPerMonth ?? .max
        case .spendPerMonth: spendPerMonthMicroUsd ?? .max
        }
    }
}
