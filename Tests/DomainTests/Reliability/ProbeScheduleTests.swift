import Testing

@testable import Domain

@Suite struct ProbeScheduleTests {
    private static let second: Int64 = 1_000_000

    @Test func `a worker is probed every 30 to 48 seconds, never twice in less, and not all at once`() {
        var generator = FixedGenerator(state: 3)
        var schedule = ProbeSchedule()
        let workers = Set((0..<200).map { "w\($0)" })
        schedule.assign(workers, now: 0, using: &generator)
        var times: [String: [Int64]] = [:]
        var most = 0
        for now in 0..<600 {
            // A table that says the same changes nothing.
            if now % 7 == 0 { schedule.assign(workers, now: Int64(now) * Self.second, using: &generator) }
            let due = schedule.take(now: Int64(now) * Self.second, using: &generator)
            most = max(most, due.count)
            for id in due { times[id, default: []].append(Int64(now)) }
        }
        #expect(times.count == 200 && times.values.allSatisfy { ($0.first ?? 99) <= 30 })
        let gaps = times.values.flatMap { zip($0, $0.dropFirst()).map { $1 - $0 } }
        #expect(gaps.allSatisfy { (30...49).contains($0) })
        #expect(Set(gaps).count > 14 && most < 30)
    }

    @Test func `whatever happens between two probes is confirmed within a minute`() {
        var generator = FixedGenerator(state: 3)
        for _ in 0..<200 {
            var schedule = ProbeSchedule()
            schedule.assign(["a"], now: 0, using: &generator)
            var (probes, now): ([Int64], Int64) = ([], 0)
            while probes.count < 3 {
                now += Self.second / 2
                guard schedule.take(now: now, using: &generator) == ["a"] else { continue }
                probes.append(now)
                // The first one was good, and what it asks goes wrong right after it.
                if probes.count == 2 { schedule.failed("a", now: now + 2 * Self.second) }
            }
            #expect(probes[2] + 2 * Self.second - probes[0] <= 60 * Self.second)
        }
    }

    @Test func `who is no longer assigned is not probed`() {
        var generator = FixedGenerator(state: 3)
        var schedule = ProbeSchedule()
        schedule.assign(["a", "b"], now: 0, using: &generator)
        schedule.assign(["b"], now: 0, using: &generator)
        #expect(schedule.take(now: 40 * Self.second, using: &generator) == ["b"])
    }

    @Test func `a failure is followed by the next probe within seconds, and a drill's workers are probed as often as it says until it is over`() {
        var generator = FixedGenerator(state: 3)
        var schedule = ProbeSchedule()
        schedule.assign(["a", "b"], now: 0, using: &generator)
        _ = schedule.take(now: 31 * Self.second, using: &generator)
        schedule.failed("a", now: 32 * Self.second)
        schedule.failed("gone", now: 32 * Self.second)
        #expect(schedule.take(now: 36 * Self.second, using: &generator) == [])
        #expect(schedule.take(now: 37 * Self.second, using: &generator) == ["a"])
        schedule.assign(["a", "b"], hasty: ["b": 2 * Self.second], now: 40 * Self.second, using: &generator)
        let hasty = (40...60).filter { schedule.take(now: $0 * Self.second, using: &generator).contains("b") }
        #expect(hasty == Array(stride(from: 42, through: 60, by: 2)))
        schedule.assign(["a", "b"], now: 60 * Self.second, using: &generator)
        let usual = (61...130).filter { schedule.take(now: $0 * Self.second, using: &generator).contains("b") }
        #expect(usual.count <= 3)
    }

    @Test func `each worker has one home, and a gateway that goes moves its own workers only`() {
        let gateways = (0..<5).map { "gateway-\($0)" }
        let workers = (0..<2_000).map { "worker-\($0)" }
        let homes = workers.map { ProbeHome.gateway(of: $0, among: gateways) }
        let shares = Dictionary(grouping: homes.compactMap(\.self), by: \.self).mapValues(\.count)
        #expect(shares.count == 5 && shares.values.allSatisfy { (300...500).contains($0) })
        for (worker, home) in zip(workers, homes) where home != "gateway-2" {
            #expect(ProbeHome.gateway(of: worker, among: gateways.filter { $0 != "gateway-2" }) == home)
        }
        #expect(ProbeHome.gateway(of: "w", among: []) == nil)
    }
}
