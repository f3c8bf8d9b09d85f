import Testing

@testable import Domain

@Suite("Tier limits")
struct TierLimitsTests {
    @Test("a tier without caps and quotas is refused with every fault at once")
    func missing() {
        let (limits, faults) = TierLimits.validate(TierLimits.Draft())
        #expect(limits == nil)
        #expect(faults.count == 6)
    }

    @Test("whole limits are taken, a quota below the longest answer is not")
    func whole() {
        var draft = TierLimits.Draft()
        (draft.maxPromptTokens, draft.maxOutputTokens, draft.maxBodyBytes) = (4096, 1024, 1 << 20)
        (draft.requestsPerMinute, draft.tokensPerMinute, draft.concurrentRequests) = (60, 100_000, 10)
        #expect(TierLimits.validate(draft).limits?.tokensPerMinute == 100_000)
        draft.tokensPerMinute = 1000
        #expect(TierLimits.validate(draft).faults.map(\.field) == ["tokens_per_minute"])
        draft.requestsPerMinute = 0
        #expect(TierLimits.validate(draft).faults.map(\.field) == ["requests_per_minute"])
    }
}
