import Domain
import Testing

@Suite struct PublicStatusTests {
    private func minute(good: Int64 = 0, bad: Int64 = 0, probes: (Int64, Int64) = (0, 0)) -> MinuteEvidence {
        var evidence = MinuteEvidence()
        (evidence.good, evidence.bad) = (good, bad)
        (evidence.probeSuccesses, evidence.probeFailures) = probes
        return evidence
    }

    @Test func `nothing known is never operational`() {
        #expect(PublicStatus.state([]) == .unmeasured)
        #expect(PublicStatus.state([minute(), minute()]) == .unmeasured)
        #expect(PublicStatus.state([], hasIncident: true) == .unmeasured)
    }

    @Test func `it is well where most of the minutes are known, and trouble shows in a few`() {
        let good = minute(good: 100)
        #expect(PublicStatus.state([good, minute(), minute(), minute(), minute()]) == .unmeasured)
        #expect(PublicStatus.state([good, minute(probes: (1, 0))]) == .unmeasured && PublicStatus.state([good, good, good]) == .operational)
        #expect(PublicStatus.state([good], hasIncident: true) == .degradedPerformance && PublicStatus.state([minute(bad: 1)]) == .degradedPerformance)
        #expect(PublicStatus.state([good], latency: LatencyCounter(samples: 100, over: 6)) == .degradedPerformance)
    }

    @Test func `an idle service is judged by its probes`() {
        #expect(PublicStatus.state(Array(repeating: minute(probes: (1, 3)), count: 3)) == .operational)
        #expect(PublicStatus.state([minute(probes: (0, 1)), minute(probes: (0, 2))]) == .majorOutage)
    }

    @Test func `five per cent of failures are not a bad minute, and more are`() {
        #expect(PublicStatus.state(Array(repeating: minute(good: 95, bad: 5), count: 3)) == .operational)
        #expect(PublicStatus.state([minute(good: 94, bad: 6), minute(good: 100), minute(good: 100)]) == .degradedPerformance)
        #expect(PublicStatus.state([minute(good: 94, bad: 6), minute(good: 94, bad: 6), minute(good: 100)]) == .partialOutage)
        #expect(PublicStatus.state([minute(good: 94, bad: 6), minute(good: 94, bad: 6)]) == .partialOutage)
        #expect(PublicStatus.state([minute(good: 5, bad: 6), minute(bad: 6)]) == .majorOutage)
    }

    @Test func `slow answers and incidents show`() {
        let good = Array(repeating: minute(good: 100), count: 3)
        #expect(PublicStatus.state(good, latency: LatencyCounter(samples: 100, over: 6)) == .degradedPerformance)
        #expect(PublicStatus.state(good, latency: LatencyCounter(samples: 100, over: 5)) == .operational)
        #expect(PublicStatus.state(good, hasIncident: true) == .degradedPerformance)
    }

    @Test func `work stands in the place of what is well or unmeasured, and of no outage`() {
        let (good, bad) = (Array(repeating: minute(good: 100), count: 5), Array(repeating: minute(bad: 9), count: 5))
        #expect(PublicStatus.state(good, isMaintained: true) == .underMaintenance)
        #expect(
            PublicStatus.state(bad, isMaintained: true) == .majorOutage
                && PublicStatus.state([minute(bad: 9)], isMaintained: true) == .degradedPerformance)
        #expect(PublicStatus.state(good, latency: LatencyCounter(samples: 100, over: 6), isMaintained: true) == .degradedPerformance)
        #expect(PublicStatus.state(good, isMaintained: true, hasIncident: true) == .degradedPerformance)
        #expect(PublicStatus.state([], isMaintained: true) == .underMaintenance)
        #expect(PublicStatus.state([good[0], minute()], isMaintained: true) == .underMaintenance)
        #expect(PublicStatus.state([], isMaintained: true, hasIncident: true) == .unmeasured, "it is not told over an open incident")
    }

    @Test func `minutes of accepted work are left out, and those before and after it are judged by themselves`() {
        let (good, bad) = (minute(good: 100), minute(bad: 9))
        #expect(
            PublicStatus.state([], isMaintained: true, leftOut: 5) == .underMaintenance && PublicStatus.state([], leftOut: 5) == .underMaintenance)
        #expect(PublicStatus.state([], isMaintained: true, leftOut: 5, hasIncident: true) == .degradedPerformance, "it was there before")
        #expect(PublicStatus.state([bad, bad], isMaintained: true, leftOut: 3) == .majorOutage, "it began before the work")
        #expect(
            PublicStatus.state([good], isMaintained: true, leftOut: 4) == .underMaintenance && PublicStatus.state([good], leftOut: 4) == .operational)
        #expect(PublicStatus.state([], leftOut: 4) == .unmeasured && PublicStatus.state([good, minute(), minute()], leftOut: 2) == .unmeasured)
    }

    @Test func `the worst of a period, and unmeasured time is not uptime`() {
        #expect(PublicStatus.worst(good: 0, bad: 0, lost: 0, excluded: 0, unmeasured: 0) == nil)
        #expect(PublicStatus.worst(good: 1440, bad: 0, lost: 0, excluded: 0, unmeasured: 0) == .operational)
        #expect(PublicStatus.worst(good: 1439, bad: 0, lost: 0, excluded: 0, unmeasured: 1) == .unmeasured)
        #expect(PublicStatus.worst(good: 1439, bad: 1, lost: 1, excluded: 0, unmeasured: 0) == .degradedPerformance)
        #expect(PublicStatus.worst(good: 1400, bad: 40, lost: 4, excluded: 0, unmeasured: 0) == .partialOutage)
        #expect(PublicStatus.worst(good: 1400, bad: 40, lost: 5, excluded: 0, unmeasured: 0) == .majorOutage)
        #expect(PublicStatus.worst(good: 0, bad: 0, lost: 0, excluded: 60, unmeasured: 0) == .underMaintenance)
        #expect(PublicStatus.uptime(good: 9, bad: 0, unmeasured: 1).map { $0 == Ratio(9, 10) } == true)
        #expect(PublicStatus.uptime(good: 0, bad: 0, unmeasured: 0) == nil)
    }
}
