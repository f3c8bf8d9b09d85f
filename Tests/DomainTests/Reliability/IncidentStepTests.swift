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
}
