import Domain
import Testing

@Suite struct ObjectiveTests {
    @Test func theMostSpecificObjectiveHolds() {
        let scopes = [
            ObjectiveScope(), ObjectiveScope(tier: "pro"), ObjectiveScope(tier: "pro", region: "eu"), ObjectiveScope(model: "tiny"),
            ObjectiveScope(tenant: "acme"), ObjectiveScope(tenant: "other", model: "tiny"),
        ]
        let objectives = scopes.map { Objective(kind: .availability, scope: $0, targetPpm: 999_000) }
        let held = { (scope: ObjectiveScope) in Objective.holding(objectives, { $0 }, kind: .availability, for: scope)?.scope }
        #expect(held(ObjectiveScope(tier: "hobby", model: "large", region: "us")) == scopes[0])
        #expect(held(ObjectiveScope(tier: "pro", model: "large", region: "us")) == scopes[1])
        #expect(held(ObjectiveScope(tier: "pro", model: "large", region: "eu")) == scopes[2])
        #expect(held(ObjectiveScope(tier: "pro", model: "tiny", region: "eu")) == scopes[3])
        #expect(held(ObjectiveScope(tenant: "acme", tier: "pro", model: "tiny", region: "eu")) == scopes[4])
        #expect(Objective.holding(objectives, { $0 }, kind: .errorRate, for: ObjectiveScope()) == nil)
    }

    @Test func sharesAreStrictAndNothingIsNoVerdict() {
        let errors = Objective(kind: .errorRate, targetPpm: 2_000)
        #expect(errors.verdict(bad: 1, of: 1_000) == .met && errors.verdict(bad: 2, of: 1_000) == .missed)
        #expect(errors.verdict(bad: 0, of: 0) == .noData && errors.consumed(bad: 1, of: 1_000) == Ratio(1, 2))
        let available = Objective(kind: .availability, targetPpm: 999_000)
        #expect(available.verdict(bad: 43, of: 43_200) == .met && available.verdict(bad: 44, of: 43_200) == .missed)
        let latency = Objective(kind: .firstToken, targetPpm: 950_000, thresholdMicroseconds: 1_500_000)
        #expect(latency.verdict(bad: 1, of: 20) == .met && latency.verdict(bad: 2, of: 20) == .missed)
    }
}

@Suite struct LatencyHoursTests {
    /// Every alignment against hours that are added up one by one.
    @Test func hoursAreThoseThatAddingTheirMinutesGives() {
        let counters = (0..<400).map { (minute: Int) -> LatencyCounter in
            let samples = Int64(minute * 7 % 3)
            return LatencyCounter(samples: samples, over: minute % 90 < 20 ? samples : 0)
        }
        let pairs: [(minute: Int, counter: LatencyCounter)] = counters.enumerated().map { (minute: $0.offset, counter: $0.element) }
        let hours = LatencyHours(minutes: 400, requests: pairs, probes: [])
        for offset in 0..<60 {
            let expected = stride(from: offset, through: 340, by: 60).map { start in
                LatencyEpisodes.verdict(requests: counters[start..<start + 60].reduce(LatencyCounter(), +), probes: LatencyCounter())
            }
            #expect(hours.verdicts(offset: offset) == expected)
        }
    }

    @Test func threeHoursAtAnyMinutePayOnceAndProbesStandInForFewRequests() {
        let late = (17..<17 + 180).map { (minute: Int) -> (minute: Int, counter: LatencyCounter) in
            (minute: minute, counter: LatencyCounter(samples: 1, over: (50..<54).contains((minute - 17) % 60) ? 1 : 0))
        }
        let hours = LatencyHours(minutes: 1_440, requests: late, probes: [])
        #expect(hours.longestRun == 3 && hours.creditPercent(eachEpisode: false, percent: 5) == 5)
        #expect(hours.verdicts(offset: 0).count { $0 == true } == 2, "the hours of the clock see two")
        #expect(LatencyHours(minutes: 1_440, requests: late.filter { $0.minute < 187 }, probes: []).longestRun == 2)
        let probed = LatencyHours(minutes: 1_440, requests: late.prefix(15), probes: late)
        #expect(probed.longestRun == 3)
        let twice = late + late.map { (minute: $0.minute + 600, counter: $0.counter) }
        let both = LatencyHours(minutes: 1_440, requests: twice, probes: [])
        #expect(both.creditPercent(eachEpisode: true, percent: 5) == 10 && both.creditPercent(eachEpisode: false, percent: 5) == 5)
        #expect(LatencyHours(minutes: 30, requests: [], probes: []).longestRun == 0)
    }
}
