import Domain
import Testing

@Suite("Signals that open incidents")
struct SignalRulesTests {
    private func minute(good: Int64 = 0, errors: Int64 = 0, late: Int64 = 0, broken: Int64 = 0, left: Int64 = 0, waited: Int64 = 0) -> ServiceMinute {
        var minute = ServiceMinute()
        minute.good = good
        minute.bad = errors + broken
        minute.serverErrors = errors
        minute.broken = broken
        minute.firstTokens = LatencyCounter(samples: good, over: late)
        minute.disconnects = left
        minute.waited = waited
        return minute
    }

    private static let shipped = [
        Objective(kind: .availability, targetPpm: 999_000, badAbovePpm: 50_000), Objective(kind: .errorRate, targetPpm: 2_000),
        Objective(kind: .firstToken, targetPpm: 950_000, thresholdMicroseconds: 1_500_000),
    ]

    private func objectives(_ more: [Objective] = [], without kinds: Set<ObjectiveKind> = []) -> BreachObjectives {
        BreachObjectives(
            Self.shipped.filter { !kinds.contains($0.kind) } + more, for: ServiceName(tier: "pro", model: "m", region: "eu"))
    }

    /// Minutes 100 and on; the question is asked so many seconds into the minute after the last.
    private func signals(_ minutes: [ServiceMinute?], after seconds: Int64 = 10, open: Set<IncidentSignal> = []) -> [IncidentSignal] {
        let numbered = minutes.enumerated().compactMap { index, minute in minute.map { (100 + Int64(index), $0) } }
        let now = (100 + Int64(minutes.count)) * 60 + seconds
        return SignalRules(Dictionary(uniqueKeysWithValues: numbered), objectives(), now: now).findings(open: open).map(\.signal)
    }

    @Test("five minutes in a row, when the last is complete; one that is clean or of which nothing is known begins anew")
    func breach() {
        let late = minute(good: 100, late: 6)
        #expect(signals([late, late, late, late, late]) == [.breachedMinutes])
        #expect(signals([late, late, late, late, late], after: 9).isEmpty)
        #expect(signals([late, late, minute(good: 100, late: 5), late, late]).isEmpty && signals([late, late, nil, late, late]).isEmpty)
        #expect(signals([late, late, late, late]).isEmpty && signals([late], open: [.breachedMinutes]) == [.breachedMinutes])
        #expect(ServiceMinute().isBreached(objectives()) == nil)
    }

    @Test("what a minute must reach is the most specific objective in force; without one of errors, the availability's rule")
    func objectivesInForce() {
        func isBreached(_ errors: Int64, late: Int64 = 0, _ objectives: BreachObjectives) -> Bool? {
            minute(good: 1_000 - errors, errors: errors, late: late).isBreached(objectives)
        }
        #expect(isBreached(1, objectives()) == false && isBreached(2, objectives()) == true)
        let loose = Objective(kind: .errorRate, scope: ObjectiveScope(tier: "pro"), targetPpm: 100_000)
        #expect(isBreached(99, objectives([loose])) == false && isBreached(100, objectives([loose])) == true)
        let other = Objective(kind: .errorRate, scope: ObjectiveScope(tier: "hobby"), targetPpm: 100_000)
        #expect(isBreached(99, objectives([other])) == true)
        #expect(isBreached(50, objectives(without: [.errorRate])) == false && isBreached(51, objectives(without: [.errorRate])) == true)
        #expect(isBreached(900, late: 90, objectives(without: [.errorRate, .availability])) == true)
        #expect(isBreached(900, late: 90, objectives(without: [.errorRate, .availability, .firstToken])) == false)
    }

    @Test(
        "each objective is missed by what its budget counts: refusals are no errors, and what customers did wrong is neither of ours nor makes it fewer"
    )
    func whatEachCounts() {
        func isBreached(good: Int64, errors: Int64 = 0, shed: Int64 = 0, broken: Int64 = 0, excluded: Int64 = 0, overQuota: Int64 = 0) -> Bool? {
            var minute = minute(good: good, errors: errors, broken: broken)
            (minute.shed, minute.bad) = (shed, minute.bad + shed)
            (minute.excluded, minute.overQuota) = (excluded, overQuota)
            let refusals = Objective(kind: .refusalRate, targetPpm: 10_000)
            let literal = Objective(kind: .availability, scope: ObjectiveScope(tier: "pro"), targetPpm: 999_000)
            return minute.isBreached(objectives([refusals, literal]))
        }
        #expect(isBreached(good: 997, shed: 3) == false && isBreached(good: 990, shed: 10) == true)
        #expect(isBreached(good: 970, shed: 10, excluded: 20, overQuota: 20) == true && isBreached(good: 980, shed: 10, excluded: 20) == false)
        #expect(isBreached(good: 998, errors: 2, excluded: 9_000) == true && isBreached(good: 999, errors: 1, excluded: 9_000) == false)
        #expect(isBreached(good: 998, broken: 2) == true && isBreached(good: 999, broken: 1) == false)
        #expect(isBreached(good: 500, excluded: 500, overQuota: 500) == false)
    }

    @Test("errors, broken streams, clients that leave and waits are signals when they rise, and not when they are few or usual")
    func rises() {
        let calm = minute(good: 200)
        #expect(signals([calm, calm, minute(good: 60, errors: 5)], after: 0) == [.serverErrors])
        #expect(signals([calm, calm, minute(good: 60, errors: 4)], after: 0).isEmpty)
        #expect(signals([calm, calm, minute(good: 200, errors: 10)], after: 0).isEmpty)
        let usual = minute(good: 90, errors: 10)
        #expect(!signals(Array(repeating: usual, count: 4), after: 0).contains(.serverErrors))
        #expect(signals([calm, minute(good: 60, broken: 6)], after: 0) == [.disconnects])
        #expect(signals([calm, minute(good: 60, left: 40)], after: 0) == [.disconnects])
        #expect(signals([calm, minute(good: 60, waited: 10)], after: 0) == [.queueTime])
        #expect(signals([], after: 0).isEmpty)
    }

    @Test(
        "a trouble that stays as it is goes on: what it is compared with was before it, and it is over when few have it",
        arguments: [IncidentSignal.serverErrors, .disconnects, .queueTime])
    func staysAsItIs(signal: IncidentSignal) {
        let calm = minute(good: 200)
        let trouble =
            switch signal {
            case .serverErrors: minute(good: 140, errors: 60)
            case .disconnects: minute(good: 60, left: 60)
            default: minute(good: 200, waited: 60)
            }
        for length in 1...30 {
            let open: Set<IncidentSignal> = length == 1 ? [] : [signal]
            #expect(signals([calm, calm] + Array(repeating: trouble, count: length), after: 0, open: open).contains(signal), "\(length)")
        }
        #expect(!signals([calm] + Array(repeating: trouble, count: 20) + [calm, calm], after: 0, open: [signal]).contains(signal))
    }

    @Test("all of a provider's workers in a region are its trouble, or half of them and two; fewer are their own")
    func fleet() {
        func worker(_ id: String, _ provider: String, _ region: String = "eu", down: Bool) -> FleetRules.Condition {
            FleetRules.Condition(worker: id, provider: provider, region: region, model: "m", isDown: down)
        }
        let rules = FleetRules([
            worker("a1", "a", down: true), worker("a2", "a", down: false), worker("a3", "a", "us", down: false), worker("b1", "b", down: true),
            worker("b2", "b", down: false), worker("b3", "b", down: false), worker("c1", "c", down: false), worker("d1", "d", down: true),
            worker("e1", "e", down: true), worker("e2", "e", down: true), worker("e3", "e", down: false), worker("e4", "e", down: false),
            worker("f1", "f", down: true), worker("f2", "f", down: true), worker("f3", "f", down: false), worker("f4", "f", down: false),
            worker("f5", "f", down: false),
        ])
        #expect(rules.providers.map { "\($0.provider)/\($0.region)" } == ["d/eu", "e/eu"])
        #expect(rules.workers.map(\.worker) == ["a1", "b1", "f1", "f2"], "one of two is a worker's trouble")
        #expect(FleetRules([]).providers.isEmpty)
    }

    @Test("one key for the same trouble")
    func keys() {
        #expect(IncidentKey(.serverErrors, tier: "pro", model: "m", region: "eu").text == "pro/m/eu/server_errors")
        #expect(IncidentKey(.providerHealth, region: "eu", provider: "a").text == "*/*/eu/provider_health/a")
        #expect(IncidentKey(.burn, tier: "pro", model: "m", region: "eu", tenant: "t").text == "pro/m/eu/burn/tenant:t")
    }

    private let service = ServiceName(tier: "pro", model: "m", region: "eu")

    /// A request a second, of which those from a second on are late; counters are told every five seconds. Seconds at which it is a sign.
    private func late(from begin: Int64, until end: Int64, every pause: Int64 = 1, for seconds: Int64 = 180) -> [Int64] {
        let start: Int64 = 6_000
        var (recent, counter, found) = (RecentFirstTokens(), LatencyCounter(), [Int64]())
        for second in 0..<seconds {
            if second % pause == 0 {
                let isLate = (begin..<end).contains(second)
                counter.add(isLate ? 2_000_000 : 100_000, threshold: 1_500_000)
            }
            guard second % 5 == 4 else { continue }
            recent.note([service: counter], now: start + second)
            counter = LatencyCounter()
            let rules = SignalRules([:], objectives(), now: start + second, newest: recent.counts[service])
            if rules.findings(open: found.isEmpty ? [] : [.firstTokenLate]).contains(where: { $0.signal == .firstTokenLate }) { found.append(second) }
        }
        return found
    }

    @Test(
        "first tokens that are late are a sign within a minute, wherever in a minute they begin; it goes once and does not flap", arguments: 40..<100)
    func lateFirstTokens(begin: Int64) throws {
        let found = late(from: Int64(begin), until: Int64(begin) + 60)
        #expect(try #require(found.first) - begin <= 25 && found.last ?? 0 <= begin + 60 + 35)
        #expect(zip(found, found.dropFirst()).allSatisfy { $1 - $0 == 5 }, "\(found)")
    }

    @Test("some late ones are none, nor are few of all")
    func someLateFirstTokens() {
        #expect(late(from: 50, until: 59).isEmpty && late(from: 0, until: 180, every: 20).isEmpty && late(from: 200, until: 201).isEmpty)
        var recent = RecentFirstTokens()
        for (now, expected) in [(6_000, 90), (6_029, 180), (6_030, 180), (6_059, 180), (6_100, 90), (6_000, 90)] as [(Int64, Int64)] {
            recent.note([service: LatencyCounter(samples: 90, over: 9)], now: now)
            #expect(recent.counts == [service: LatencyCounter(samples: expected, over: expected / 10)], "\(now)")
        }
    }
}
