/// What a token costs, in whole pico-US-dollars (10^-12). A price is agreed in US dollars for a million tokens with at most six decimals, which is
/// the same number (reference, section 2.8).
package struct TokenPrices: Sendable, Equatable {
    /// Up to one dollar for a token.
    package static let range: ClosedRange<Int64> = 0...1_000_000_000_000

    package var prompt: Int64
    /// Of prompt tokens that came out of a cache.
    package var cachedPrompt: Int64
    package var completion: Int64

    package init(prompt: Int64, cachedPrompt: Int64, completion: Int64) {
        self.prompt = prompt
        self.cachedPrompt = cachedPrompt
        self.completion = completion
    }

    /// Pico-US-dollars for one token of a price in US dollars for a million; nil when it is negative, no decimal, or finer than six decimals.
    package static func picoDollars(perMillion text: some StringProtocol) -> Int64? {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard (1...2).contains(parts.count), parts.allSatisfy({ !$0.isEmpty && $0.utf8.allSatisfy { (48...57).contains($0) } }) else { return nil }
        let fraction = parts.count == 2 ? String(parts[1]) : ""
        guard fraction.count <= 6, parts[0].count <= 12 else { return nil }
        return Int64(String(parts[0]) + fraction + String(repeating: "0", count: 6 - fraction.count))
    }

    /// Pico-US-dollars.
    ///
    /// - Parameter cached: How many of `prompt` came out of a cache.
    package func cost(prompt tokens: Int, cached: Int, completion: Int) -> Int128 {
        let fresh = max(0, tokens - cached)
        return Int128(fresh) * Int128(prompt) + Int128(min(cached, tokens)) * Int128(cachedPrompt) + Int128(completion) * Int128(self.completion)
    }
}

/// Prices that hold from an instant on, until the next version does. Once written it is never changed.
package struct PriceVersion: Sendable, Equatable {
    package var version: Int64
    /// Microseconds since 1970.
    package var effectiveFrom: Int64
    package var prices: TokenPrices

    package init(version: Int64, effectiveFrom: Int64, prices: TokenPrices) {
        self.version = version
        self.effectiveFrom = effectiveFrom
        self.prices = prices
    }
}

/// All versions for one model, tier and service class. Each holds in [its beginning, the beginning of the next).
package struct PriceSchedule: Sendable, Equatable {
    /// In the order of their beginnings.
    package private(set) var versions: [PriceVersion]

    /// Of two versions with one beginning the later one counts.
    package init(_ versions: [PriceVersion]) {
        self.versions = versions.sorted { ($0.effectiveFrom, $0.version) < ($1.effectiveFrom, $1.version) }
    }

    /// The version that holds at an instant, microseconds since 1970; nil before the first.
    package func version(at microseconds: Int64) -> PriceVersion? {
        versions.last { $0.effectiveFrom <= microseconds }
    }
}
