import Testing

@testable import Domain

@Suite struct IncidentStepTests {
    @Test func anOutageIsAsFarAsTheIncidentThatIsLeastFarAndWrittenUpWithTheFirstWriteUp() {
        #expect(IncidentStep.together([]) == nil)
        #expect(IncidentStep.together([.resolved, .diagnosed, .mitigated]) == .diagnosed)
        #expect(IncidentStep.together([.reported, .stabilizing]) == .stabilizing)
        #expect(IncidentStep.together([.resolved, .reported]) == .reported)
        #expect(IncidentStep.together([.resolved, .resolved]) == .resolved)
    }

    @Test func `the page tells a step once, and nothing that is behind a person's words`() {
        #expect(IncidentStep.detected.isNews(after: nil, said: nil) && !IncidentStep.stabilizing.isNews(after: .investigating, said: nil))
        #expect(IncidentStep.detected.isNews(after: .monitoring, said: nil), "it came back")
        #expect(
            !IncidentStep.detected.isNews(after: nil, said: .identified) && !IncidentStep.mitigated.isNews(after: .investigating, said: .monitoring))
        #expect(IncidentStep.mitigated.isNews(after: .investigating, said: .identified))
        #expect(!IncidentStep.resolved.isNews(after: .resolved, said: .monitoring))
        #expect(
            IncidentStep.reported.isNews(after: .resolved, said: .postmortem) && !IncidentStep.reported.isNews(after: .postmortem, said: .resolved))
    }
}
