import Domain
import Testing

@Suite("Time that was clean")
struct CleanTimeTests {
    private static let eu = CleanTime.Place(model: "m", region: "eu")
    private static let objectives = [
        Objective(kind: .availability, targetPpm: 999_000), Objective(kind: .errorRate, targetPpm: 2_000),
        Objective(kind: .firstToken, targetPpm: 950_000, thresholdMicroseconds: 1_500_000),
    ]

    private func minute(good: Int64, errors: Int64 = 0, late: Int64 = 0) -> ServiceMinute {
        var minute = ServiceMinute()
        (minute.good, minute.bad, minute.serverErrors) = (good, errors, errors)
        minute.firstTokens = LatencyCounter(samples: good, over: late)
        return minute
    }

    /// Of minutes 100 and on, by default until the twelfth is complete.
    private func seconds(
        _ services: [(ServiceName, [Int64: ServiceMinute])] = [], probes: [CleanTime.Place: [Int64: Bool]] = [:], models: [String] = ["m"],
        tier: String = "pro", drill: Bool = false, since: Double = 5_999, now: Double = 6_730, isWhole: Bool = true
    ) -> Double {
        CleanTime(Dictionary(uniqueKeysWithValues: services), Self.objectives, probes: probes).seconds(
            of: IncidentSubject(tier: tier, models: models, region: "eu", isDrill: drill), since: since, now: now, isWhole: isWhole)
    }

    private let pro = ServiceName(tier: "pro", model: "m", region: "eu")

    private func all(_ value: ServiceMinute) -> [Int64: ServiceMinute] { Dictionary(uniqueKeysWithValues: (100..<112).map { ($0, value) }) }

    private var probed: [Int64: Bool] { Dictionary(uniqueKeysWithValues: (100..<112).map { ($0, true) }) }

    @Test("minutes count that traffic or probes measured, and none of which nothing is known")
    func measured() {
        #expect(seconds() == 0)
        #expect(seconds([(pro, all(minute(good: 10)))]) == 720 && seconds(probes: [Self.eu: probed]) == 720)
        var gaps = all(minute(good: 10))
        for minute: Int64 in [102, 105] { gaps[minute] = nil }
        #expect(seconds([(pro, gaps)]) == 600, "one of which nothing is known spoils no other")
        #expect(seconds([(pro, gaps)], probes: [Self.eu: [105: true]]) == 660)
    }

    @Test("whatever was not as promised begins the count anew")
    func spoiled() {
        for bad in [minute(good: 90, errors: 1), minute(good: 90, late: 5)] {
            var minutes = all(minute(good: 90))
            minutes[103] = bad
            #expect(seconds([(pro, minutes)]) == 8 * 60)
        }
        #expect(seconds([(pro, [101: minute(good: 5)])], probes: [Self.eu: probed.merging([104: false]) { $1 }]) == 7 * 60)
        #expect(seconds([(pro, all(minute(good: 90)))], probes: [Self.eu: [104: false]]) == 720, "customers were answered")
    }

    @Test("it is that of what the incident is about: its tier, each of its models, and a drill's own traffic only in a drill")
    func subject() {
        let clean = all(minute(good: 10))
        let hobby = ServiceName(tier: "hobby", model: "m", region: "eu")
        #expect(seconds([(hobby, clean)]) == 0 && seconds([(hobby, clean)], tier: "") == 720)
        #expect(seconds([(pro, clean)], models: ["m", "n"]) == 0, "of the other model nothing is known")
        let other = CleanTime.Place(model: "n", region: "eu")
        #expect(seconds([(pro, clean)], probes: [other: probed], models: ["m", "n"]) == 720 && seconds([(pro, clean)], models: []) == 720)
        #expect(seconds([(pro, clean)], probes: [other: probed.mapValues { _ in false }], models: ["m", "n"]) == 0)
        let drill = ServiceName(tier: "pro", model: "m", region: "eu", isDrill: true)
        #expect(seconds([(drill, clean)]) == 0 && seconds([(drill, clean)], drill: true) == 720)
        #expect(seconds([(pro, clean), (drill, all(minute(good: 1, errors: 9)))]) == 720)
    }

    @Test("whole minutes lie behind the last sign and are complete; of a compressed drill begun ones count in part")
    func spans() {
        let clean = [(pro, all(minute(good: 10)))]
        #expect(seconds(clean, since: 6_001) == 660 && seconds(clean, now: 6_729) == 660 && seconds(clean, since: 6_730) == 0)
        #expect(seconds(clean, since: 6_050, now: 6_075, isWhole: false) == 25 && seconds(clean, since: 6_000, now: 6_090, isWhole: false) == 90)
        #expect(seconds(since: 6_050, now: 6_075, isWhole: false) == 0)
    }

    @Test("of several incidents a person ended the whole, where one ended any of them, and what is not known is not told")
    func ends() {
        #expect(IncidentEnd.together([.cleanMinutes, .cleanMinutes]) == .cleanMinutes)
        #expect(IncidentEnd.together([.cleanMinutes, .person, nil]) == .person)
        #expect(IncidentEnd.together([.cleanMinutes, nil]) == nil && IncidentEnd.together([]) == nil)
    }
}
