import Testing

@testable import Domain

@Suite("Fleet rules")
struct FleetTests {
    @Test("heartbeats slow down with the fleet, between five and thirty seconds")
    func interval() {
        let expected: [(Int, Duration)] = [(0, .seconds(5)), (1000, .seconds(5)), (2000, .seconds(10)), (6000, .seconds(30)), (50_000, .seconds(30))]
        var generator = FixedGenerator(state: 8)
        for (agents, steady) in expected {
            #expect(HeartbeatInterval.steady(agents: agents) == steady)
            let next = HeartbeatInterval.next(agents: agents, using: &generator)
            #expect(next >= steady * 0.8 && next <= steady * 1.2)
        }
    }

    @Test("an operation has one end, and late or repeated reports change nothing")
    func operations() {
        #expect(OperationPhase.queued.applying(.sent) == .sent)
        #expect(OperationPhase.queued.applying(.running) == .running, "a report may overtake the note that it was sent")
        #expect(OperationPhase.running.applying(.sent) == .running)
        #expect(OperationPhase.running.applying(.superseded) == .running)
        for end in OperationPhase.allCases where end.isFinal {
            for report in OperationPhase.allCases { #expect(end.applying(report) == end) }
        }
    }
}
