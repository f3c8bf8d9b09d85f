import Testing

@testable import SimulatedRuntime

@Suite struct StoryTests {
    @Test func sameStoryForSamePromptAndSeed() {
        #expect(Story(prompt: "a", seed: 1).text(tokens: 20) == Story(prompt: "a", seed: 1).text(tokens: 20))
        #expect(Story(prompt: "a", seed: 1).text(tokens: 20) != Story(prompt: "a", seed: 2).text(tokens: 20))
        #expect(Story(prompt: "a", seed: 1).text(tokens: 20) != Story(prompt: "b", seed: 1).text(tokens: 20))
    }

    @Test func ordersInThePromptAreObeyed() {
        let story = Story(prompt: "say [[echo marker 7]] in [[tokens 5]]", seed: 1)
        #expect(story.token(at: 0) == "marker 7")
        #expect(story.length == 5)
    }

    @Test func faultsHitTheOrderedNumberOfRequests() {
        var plan = FaultPlan()
        plan.order(.storm503, after: 0, count: 2)
        #expect(plan.dose()?.fault == .storm503)
        #expect(plan.dose()?.fault == .storm503)
        #expect(plan.dose() == nil)
        plan.order(.storm503, after: 0, count: 1)
        #expect(plan.dose(prompt: FaultPlan.probePrompt) == nil, "a gateway's own question uses nothing up")
        #expect(plan.dose(prompt: "hi")?.fault == .storm503)
    }

    @Test func quotesAndControlCharactersAreEscaped() {
        #expect("a\"b\\\n\u{1}é".json == "\"a\\\"b\\\\\\n\\u0001é\"")
    }
}
