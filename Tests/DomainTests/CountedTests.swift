import Testing

@testable import Domain

@Suite struct CountedTests {
    @Test func oneThingIsSingularAndAnyOtherNumberOfThemIsNot() {
        #expect(Counted.text(1, "minute") == "1 minute" && Counted.text(0, "minute") == "0 minutes" && Counted.text(2, "minute") == "2 minutes")
        #expect(Counted.noun(1, "hour") == "hour" && Counted.noun(21, "hour") == "hours")
        #expect(Counted.possessive(1, "day") == "1 day's" && Counted.possessive(30, "day") == "30 days'")
    }
}
