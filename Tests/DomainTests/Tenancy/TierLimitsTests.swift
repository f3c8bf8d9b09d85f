import Testing

@testable import Domain

@Suite("Tier limits")
struct TierLimitsTests {
    @Test("a quota of the minute below the longest answer is refused, unless so much may come at once")
    func longestAnswer() {
        var limits = TierLimits(maxOutputTokens: 1024, tokensPerMinute: 1024)
        #expect(limits.validate().isEmpty)
        limits.tokensPerMinute = 1023
        #expect(limits.validate().map(\.field) == ["tokens_per_minute"])
        limits.burstTokens = 1024
        #expect(limits.validate().isEmpty)
        (limits.tokensPerMinute, limits.burstTokens) = (5000, 1023)
        #expect(limits.validate().map(\.field) == ["burst_tokens"])
    }

    @Test("a key has what is its own, and a burst of the tier's only with the tier's minute")
    func narrowed() {
        let tier = TierLimits(maxOutputTokens: 1000, tokensPerMinute: 500, burstTokens: 2000)
        #expect(tier.narrowed(tokensPerMinute: nil, burstTokens: nil) == tier)
        #expect(tier.narrowed(tokensPerMinute: 400, burstTokens: nil).validate().map(\.field) == ["tokens_per_minute"])
        #expect(tier.narrowed(tokensPerMinute: 400, burstTokens: 1000).validate().isEmpty)
        #expect(tier.narrowed(tokensPerMinute: nil, burstTokens: 999).validate().map(\.field) == ["burst_tokens"])
    }
}
