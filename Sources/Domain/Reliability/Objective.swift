/// What is measured and held against a target.
package enum ObjectiveKind: String, Sendable, CaseIterable {
    /// Share of good minutes, at least.
    case availability
    /// 95th percentile of the time to the first token, at most.
    case firstToken = "ttft_p95"
    /// The same of the time to the last token at a fixed length.
    case lastToken = "ttlt_p95"
    /// Share of requests that failed by our fault, below.
    case errorRate = "error_rate"
    /// Share of requests refused inside the agreed burst, below.
    case refusalRate = "rate_429"
}

/// What an objective is for; nil is everything.
package struct ObjectiveScope: Sendable, Hashable {
    package var tenant: String?
    package var tier: String?
    package var model: String?
    package var region: String?

    package init(tenant: String? = nil, tier: String? = nil, model: String? = nil, region: String? = nil) {
        self.tenant = tenant
        self.tier = tier
        self.model = model
        self.region = region
    }

    /// Whether everything that this scope names is the same in the other.
    package func covers(_ other: ObjectiveScope) -> Bool {
        (tenant == nil || tenant == other.tenant) && (tier == nil || tier == other.tier) && (model == nil || model == other.model)
            && (region == nil || region == other.region)
    }

    /// Greater is more specific: a tenant before a model, a model before a region, a region before a tier. No two scopes that cover the same
    /// thing have the same.
    package var specificity: Int {
        (tenant == nil ? 0 : 8) + (model == nil ? 0 : 4) + (region == nil ? 0 : 2) + (tier == nil ? 0 : 1)
    }
}

/// A target for one kind of measure, and what it is for.
package struct Objective: Sendable, Equatable {
    package static let million: Int64 = 1_000_000

    package var kind: ObjectiveKind
    package var scope: ObjectiveScope
    /// Of an availability and of percentiles the share that must be reached, else the share that must not be.
    package var targetPpm: Int64
    /// Of a latency.
    package var thresholdMicroseconds: Int64?
    /// Of an availability: share of bad requests above which a minute is bad; nil: with any.
    package var badAbovePpm: Int64?
    /// Of first tokens: tiers whose gateways count over another threshold, so that nothing says whether they meet it.
    package var unmeasuredTiers: Set<String>

    package init(
        kind: ObjectiveKind, scope: ObjectiveScope = ObjectiveScope(), targetPpm: Int64, thresholdMicroseconds: Int64? = nil,
        badAbovePpm: Int64? = nil, unmeasuredTiers: Set<String> = []
    ) {
        self.kind = kind
        self.scope = scope
        self.targetPpm = targetPpm
        self.thresholdMicroseconds = thresholdMicroseconds
        self.badAbovePpm = badAbovePpm
        self.unmeasuredTiers = unmeasuredTiers
    }

    /// Whether what is counted for the scope says if it is met.
    private func isMeasured(for scope: ObjectiveScope) -> Bool { !(scope.tier.map(unmeasuredTiers.contains) ?? false) }

    /// Share of events that must be good, as budgets and burn rules want it.
    package var goodShare: Ratio {
        switch kind {
        case .availability, .firstToken, .lastToken: Ratio(targetPpm, Self.million)
        case .errorRate, .refusalRate: Ratio(Self.million - targetPpm, Self.million)
        }
    }

    package var rule: TrafficRule {
        badAbovePpm.map { .ratio(above: Ratio($0, Self.million)) } ?? .anyBad
    }

    /// Whether so many bad events of so many meet it; nothing measured is never "met".
    package func verdict(bad: Int64, of total: Int64) -> ShareObjective.Verdict {
        guard total > 0 else { return .noData }
        switch kind {
        case .availability: return Ratio(bad, total) > Ratio(1, 1) - goodShare ? .missed : .met
        case .firstToken, .lastToken: return LatencyCounter(samples: total, over: bad).isBreach == true ? .missed : .met
        case .errorRate, .refusalRate: return ShareObjective.verdict(bad, of: total, below: Ratio(targetPpm, Self.million))
        }
    }

    /// Share of the budget that is spent; nil where there is none, or nothing was measured.
    package func consumed(bad: Int64, of total: Int64) -> Ratio? {
        ErrorBudget(minutes: total, objective: goodShare).consumed(bad: bad)
    }

    /// The one that holds: the most specific of those that cover it and are measured there.
    package static func holding<Entry>(_ entries: [Entry], _ objective: (Entry) -> Objective, kind: ObjectiveKind, for scope: ObjectiveScope)
        -> Entry?
    {
        entries.filter { objective($0).kind == kind && objective($0).scope.covers(scope) && objective($0).isMeasured(for: scope) }
            .max { objective($0).scope.specificity < objective($1).scope.specificity }
    }
}
