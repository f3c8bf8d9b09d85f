/// What an action costs for each hour that it is in force: money where it adds capacity, and what customers do not get where it takes from them.
package struct MitigationCost: Sendable, Hashable {
    /// Micro-US-dollars for capacity that would be idle without it; nil: its price is not known.
    package var microUsd: Int64?
    /// Requests that are asked to come later.
    package var refusedRequests: Int64
    /// Requests that a smaller model answers, or that wait longer than others.
    package var lessenedRequests: Int64
    /// Tokens of answers that end early.
    package var shortenedTokens: Int64

    package static let nothing = MitigationCost()

    package init(microUsd: Int64? = 0, refusedRequests: Int64 = 0, lessenedRequests: Int64 = 0, shortenedTokens: Int64 = 0) {
        self.microUsd = microUsd
        self.refusedRequests = refusedRequests
        self.lessenedRequests = lessenedRequests
        self.shortenedTokens = shortenedTokens
    }

    /// For timelines and plans.
    package var text: String {
        var parts: [String] = []
        switch microUsd {
        case nil: parts.append("capacity of unknown price")
        case .some(0): break
        case .some(let price): parts.append("\(price) micro-US-dollars")
        }
        if refusedRequests > 0 { parts.append(Counted.text(refusedRequests, "request") + " refused") }
        if lessenedRequests > 0 { parts.append(Counted.text(lessenedRequests, "request") + " answered with less") }
        if shortenedTokens > 0 { parts.append("\(shortenedTokens) tokens not written") }
        return parts.isEmpty ? "costs nothing" : "costs " + parts.joined(separator: ", ") + " an hour"
    }
}

/// What customers ask for, of an hour at the pace of the last minutes.
package struct Demand: Sendable {
    /// Of a tier, model and region.
    package struct Service: Sendable {
        package var tier: String
        package var model: String
        package var region: String
        package var requests: Int64
        /// Of them those of the service class batch.
        package var batchRequests: Int64
        /// With a prompt above the length that a pause names.
        package var longPrompts: Int64
        /// Written above the length at which answers would end.
        package var tokensAboveCap: Int64

        package init(
            tier: String, model: String, region: String, requests: Int64, batchRequests: Int64 = 0, longPrompts: Int64 = 0, tokensAboveCap: Int64 = 0
        ) {
            self.tier = tier
            self.model = model
            self.region = region
            self.requests = requests
            self.batchRequests = batchRequests
            self.longPrompts = longPrompts
            self.tokensAboveCap = tokensAboveCap
        }
    }

    /// Of one that may be throttled, with what its tier allows.
    package struct Tenant: Sendable {
        package var requests: Int64
        package var tokens: Int64
        package var allowedRequests: Int64
        package var allowedTokens: Int64

        package init(requests: Int64, tokens: Int64, allowedRequests: Int64, allowedTokens: Int64) {
            self.requests = requests
            self.tokens = tokens
            self.allowedRequests = allowedRequests
            self.allowedTokens = allowedTokens
        }

        /// Requests that find no place in so many parts per million of its limits, whichever of the two is reached first.
        func refused(leaving ppm: Int64) -> Int64 {
            func left(_ asked: Int64, _ allowed: Int64) -> Ratio { asked == 0 ? Ratio(1, 1) : Ratio(allowed, 1_000_000) * Ratio(ppm, asked) }
            let served = min(left(requests, allowedRequests), left(tokens, allowedTokens), Ratio(1, 1))
            return requests - (Ratio(requests, 1) * served).floor
        }
    }

    package var services: [Service]
    package var tenants: [String: Tenant]
    /// Tenants who ask for more than their limits leave them.
    package var aboveLimits: Set<String>

    package init(services: [Service] = [], tenants: [String: Tenant] = [:], aboveLimits: Set<String> = []) {
        self.services = services
        self.tenants = tenants
        self.aboveLimits = aboveLimits
    }

    /// The sum over what a target is about.
    func sum(_ target: MitigationTarget, _ count: (Service) -> Int64) -> Int64 {
        services.reduce(0) { sum, service in
            let isMeant =
                (target.tier ?? service.tier) == service.tier && (target.model ?? service.model) == service.model
                && (target.region ?? service.region) == service.region
            return isMeant ? sum + count(service) : sum
        }
    }
}
