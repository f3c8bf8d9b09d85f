import Testing

@testable import Domain

@Suite("Ejection")
struct FleetHealthTests {
    private var generator = FixedGenerator(state: 7)
    private var health = FleetHealth()
    private static let second: Int64 = 1_000_000

    private mutating func assign(_ workers: [(id: String, host: String, provider: String)], now: Int64 = 0) {
        let places = workers.map { ($0.id, FleetHealth.Place(model: "m", region: "eu", provider: $0.provider, host: $0.host)) }
        health.assign(Dictionary(uniqueKeysWithValues: places), now: now)
    }

    /// Workers at hosts and providers of their own.
    private mutating func assign(_ count: Int) {
        assign((0..<count).map { ("w\($0)", "h\($0)", "p\($0)") })
    }

    private mutating func fail(_ id: String, times: Int = 3, now: Int64 = 0) {
        for _ in 0..<times { health.failed(id, now: now, using: &generator) }
    }

    private func end(_ id: String) -> Int64 {
        if case .out(_, let until) = health.state(id) { until } else { 0 }
    }

    @Test("three failures in a row put a worker out, an answer in between does not")
    mutating func failures() {
        assign(4)
        fail("w0", times: 2)
        health.answered("w0")
        fail("w0", times: 2)
        #expect(!health.isAvoided("w0"))
        fail("w0", times: 1)
        #expect(health.isAvoided("w0") && (5...10).contains(end("w0") / Self.second))
    }

    private mutating func examine(_ id: String, _ results: Bool..., now: Int64 = 0) {
        for succeeded in results { health.examined(id, succeeded: succeeded, now: now, using: &generator) }
    }

    @Test("two failed probes in a row put a worker out, and one that succeeds brings it back slowly")
    mutating func examined() {
        assign(4)
        examine("w0", false, true, false)
        #expect(!health.isAvoided("w0"))
        examine("w0", false, now: 5)
        #expect(health.out == ["w0": .probes])
        examine("w0", true, now: 9)
        #expect(!health.isAvoided("w0") && health.since("w0") == 9)
    }

    @Test("probes may put out more than half of a pool, never the last that works")
    mutating func examinedPool() {
        assign(4)
        for id in ["w0", "w1", "w2", "w3"] { examine(id, false, false) }
        #expect(health.out.keys.sorted() == ["w0", "w1", "w2"])
        #expect(health.poolHealth("w3") == .failing && !health.isAvoided("w0"))
    }

    @Test(
        "half of a provider's workers in a region fail their probes: all of it goes out where others serve, and none of it where it is all there is")
    mutating func examinedProvider() {
        assign([("a", "h1", "alpha"), ("b", "h2", "alpha"), ("c", "h3", "alpha"), ("d", "h4", "alpha"), ("e", "h5", "beta")])
        examine("a", false, false)
        #expect(health.out == ["a": .probes])
        examine("b", false, false)
        #expect(health.out == ["a": .probes, "b": .probes, "c": .provider, "d": .provider])
        health = FleetHealth()
        assign([("a", "h1", "alpha"), ("b", "h2", "alpha"), ("c", "h3", "alpha"), ("d", "h4", "alpha")])
        examine("a", false, false)
        examine("b", false, false)
        #expect(health.out.count == 3 && !health.isAvoided("d"))
    }

    @Test("what others' probes found puts a worker out at once")
    mutating func condemned() {
        assign(3)
        health.condemn("w1", now: 0, using: &generator)
        health.condemn("gone", now: 0, using: &generator)
        #expect(health.out == ["w1": .probes])
    }

    @Test("a flapping worker is out for longer each time and comes back by a probe only")
    mutating func flapping() {
        assign(4)
        var now: Int64 = 0
        var times: [Int64] = []
        for _ in 0..<8 {
            fail("w0", now: now)
            times.append((end("w0") - now) / Self.second)
            now = end("w0")
            #expect(health.probesDue(now: now - 1, using: &generator).isEmpty)
            #expect(health.probesDue(now: now, using: &generator) == ["w0"] && health.isAvoided("w0"))
            #expect(health.probesDue(now: now, using: &generator).isEmpty)
            health.probed("w0", succeeded: true, now: now, using: &generator)
            #expect(!health.isAvoided("w0") && health.since("w0") == now)
        }
        #expect(times[3] > times[0] * 3 && times[7] >= 150 && times[7] <= 300)
    }

    @Test("a failed probe, or one that never ends, keeps a worker out for longer")
    mutating func failedProbe() {
        assign(4)
        fail("w0")
        let first = end("w0")
        _ = health.probesDue(now: first, using: &generator)
        health.probed("w0", succeeded: false, now: first, using: &generator)
        #expect(end("w0") - first >= 10 * Self.second)
        let second = end("w0")
        #expect(health.probesDue(now: second, using: &generator) == ["w0"])
        #expect(health.probesDue(now: second + 30 * Self.second, using: &generator).isEmpty)
        #expect(end("w0") - second >= 50 * Self.second - 1)
    }

    @Test("never more than half of a pool is out, nor the last one", arguments: [(1, 0), (2, 1), (3, 1), (4, 2), (9, 4)])
    mutating func half(workers: Int, most: Int) {
        assign(workers)
        for index in 0..<workers { fail("w\(index)", times: 2) }
        for index in 0..<workers - 1 { fail("w\(index)", times: 1) }
        let out = (0..<workers).count { health.state("w\($0)") != .inRotation }
        #expect(out == most)
    }

    @Test("when everybody fails it is not believed: the load is spread over all until somebody answers")
    mutating func panic() {
        assign(4)
        for index in 0..<4 { fail("w\(index)") }
        #expect((0..<4).allSatisfy { !health.isAvoided("w\($0)") && health.poolHealth("w\($0)") == .failing })
        health.answered("w3")
        #expect(health.isAvoided("w0") && health.isAvoided("w1") && !health.isAvoided("w3"))
    }

    @Test("a pool of which nobody is well goes out whole while another region is well, and is asked again when none is")
    mutating func regions() {
        let places = ["eu": ["eu0"], "us": ["us0", "us1", "us2"]].flatMap { region, ids in
            ids.map { ($0, FleetHealth.Place(model: "m", region: region, provider: $0, host: $0)) }
        }
        health.assign(Dictionary(uniqueKeysWithValues: places), now: 0)
        fail("eu0", times: 2)
        #expect(!health.isAvoided("eu0"))
        fail("eu0", times: 1)
        #expect(health.isAvoided("eu0") && health.poolHealth("eu0") == .failing && health.poolHealth("us0") == .well)
        _ = health.takeStandings()
        for id in ["us0", "us1", "us2"] { fail(id) }
        #expect(health.out.keys.sorted() == ["eu0", "us0"])
        let standings = health.takeStandings()
        #expect(standings.count == 4 && standings.allSatisfy { !$0.isAvoided && $0.pool == .failing })
        health.answered("us2")
        #expect(health.isAvoided("eu0") && health.isAvoided("us0") && !health.isAvoided("us2"))
        #expect(health.takeStandings().count { $0.isAvoided } == 2)
    }

    @Test("by probes too")
    mutating func probedRegions() {
        let places = ["eu0": "eu", "us0": "us"].map { ($0, FleetHealth.Place(model: "m", region: $1, provider: $0, host: $0)) }
        health.assign(Dictionary(uniqueKeysWithValues: places), now: 0)
        examine("eu0", false, false)
        examine("us0", false, false)
        #expect(health.out == ["eu0": .probes] && !health.isAvoided("eu0"))
        examine("us0", true)
        #expect(health.isAvoided("eu0"))
    }

    @Test("the rest of a host, and of a provider in a region, goes out when most of it has failed")
    mutating func breakers() {
        assign(
            [("a1", "a", "p"), ("a2", "a", "p"), ("a3", "a", "p"), ("b1", "b", "p")] + (0..<8).map { ("q\($0)", "q\($0)", "q\($0)") })
        fail("a1")
        #expect(health.state("a3") == .inRotation)
        fail("a2")
        guard case .out(.host, _) = health.state("a3") else { return #expect(Bool(false), "a3 is in rotation") }
        guard case .out(.provider, _) = health.state("b1") else { return #expect(Bool(false), "b1 is in rotation") }
        #expect((0..<8).allSatisfy { health.state("q\($0)") == .inRotation })
    }

    @Test("a worker three times as slow as the median of its pool is out, in a pool of three or more")
    mutating func slow() {
        assign(4)
        health.judge(firstTokens: ["w0": 100, "w1": 900], now: 0, using: &generator)
        #expect(!health.isAvoided("w1"))
        health.judge(firstTokens: ["w0": 100, "w1": 310, "w2": 100, "w3": 290], now: 0, using: &generator)
        #expect(health.isAvoided("w1") && !health.isAvoided("w3"))
    }

    @Test("a worker whose streams stand still is out at once, as stalled, though nothing of it failed, and comes back by a probe only")
    mutating func stalled() {
        assign(4)
        _ = health.takeStandings()
        health.stalled("w1", now: 5, using: &generator)
        health.stalled("gone", now: 5, using: &generator)
        #expect(health.out == ["w1": .stalled] && health.outByReason == [.stalled: 1])
        #expect(health.takeStandings().filter(\.isAvoided).map(\.worker) == ["w1"] && health.poolHealth("w1") == .well)
        let until = end("w1")
        health.answered("w1")
        health.stalled("w1", now: 6, using: &generator)
        #expect(health.isAvoided("w1") && end("w1") == until, "it is out already")
        #expect(health.probesDue(now: until, using: &generator) == ["w1"])
        health.probed("w1", succeeded: true, now: until, using: &generator)
        #expect(health.out.isEmpty && health.since("w1") == until)
    }

    @Test("workers that stand still count for their host and for the half of a pool as those that fail")
    mutating func stalledHost() {
        assign([("a1", "a", "p1"), ("a2", "a", "p2"), ("a3", "a", "p3")] + (0..<6).map { ("q\($0)", "q\($0)", "q\($0)") })
        health.stalled("a1", now: 0, using: &generator)
        #expect(health.out == ["a1": .stalled])
        health.stalled("a2", now: 0, using: &generator)
        #expect(health.out == ["a1": .stalled, "a2": .stalled, "a3": .host])
        for index in 0..<6 { health.stalled("q\(index)", now: 0, using: &generator) }
        #expect(health.outByReason == [.stalled: 3, .host: 1], "four of nine")
    }

    @Test("workers for long prompts are judged among themselves, and others cannot stand in for them")
    mutating func longPrompts() {
        let places = (0..<6).map { ("w\($0)", FleetHealth.Place(model: "m", region: "eu", provider: "p\($0)", host: "h\($0)", isLong: $0 > 3)) }
        health.assign(Dictionary(uniqueKeysWithValues: places), now: 0)
        let times: [String: Int64] = ["w0": 100, "w1": 100, "w2": 100, "w3": 100, "w4": 2000, "w5": 2000]
        health.judge(firstTokens: times, now: 0, using: &generator)
        #expect(health.out.isEmpty)
        fail("w4")
        fail("w5")
        #expect(health.poolHealth("w4") == .failing && health.poolHealth("w0") == .well && !health.isAvoided("w4"))
    }

    @Test("news of a pool is told once, for all of it")
    mutating func standings() {
        assign(3)
        _ = health.takeStandings()
        #expect(health.takeStandings().isEmpty)
        fail("w1")
        let news = health.takeStandings().sorted { $0.worker < $1.worker }
        #expect(news.map(\.isAvoided) == [false, true, false] && news.allSatisfy { $0.pool == .well })
        #expect(health.outByReason == [.failures: 1] && health.takeStandings().isEmpty)
    }

    @Test("workers of the first table are whole at once, later ones start slowly, and those that are gone are forgotten")
    mutating func tables() {
        assign(2)
        fail("w0")
        assign([("w1", "h1", "p1"), ("w2", "h2", "p2")], now: 5)
        #expect(health.since("w1") == 0 && health.since("w2") == 5 && health.state("w0") == .inRotation)
    }
}
