import Testing

@testable import Program

@Suite struct ReadinessTests {
    @Test func aProgramIsReadyWhenEverythingItWaitsForHasHappened() {
        let readiness = Readiness(waitingFor: ["table", "links"])
        #expect(readiness.reasons == ["links", "table"])
        readiness.clear("table")
        readiness.clear("links")
        #expect(readiness.isReady)
        readiness.block("links")
        #expect(!readiness.isReady)
    }

    @Test func thereIsNoWayBackFromDraining() {
        let readiness = Readiness()
        readiness.drain()
        readiness.clear("draining")
        #expect(!readiness.isReady && readiness.reasons == ["draining"])
    }
}
