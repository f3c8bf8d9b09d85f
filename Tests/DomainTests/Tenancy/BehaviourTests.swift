import Testing

@testable import Domain

@Suite struct BehaviourTests {
    /// A tenant that works by day, rests by night, and bursts now and then.
    private struct Tenant {
        var random: SeededRandom
        let level: Double
        let spread: Double

        mutating func tokens(_ minute: Int) -> Double {
            let hour = minute / 60 % 24
            let day = hour < 6 ? 0.05 : hour < 9 || hour > 18 ? 0.4 : 1
            if Double.random(in: 0..<1, using: &random) > 0.2 + 0.8 * day { return 0 }
            // A sum of twelve uniforms is normal enough.
            let normal = (0..<12).reduce(0.0) { sum, _ in sum + Double.random(in: 0..<1, using: &random) } - 6
            let burst = Double.random(in: 0..<1, using: &random) < 0.01 ? 4.0 : 1
            return level * day * burst * Logarithm.power2(normal * spread)
        }
    }

    private func tenants() -> [Tenant] {
        (0..<20).map {
            Tenant(random: SeededRandom(seed: UInt64($0)), level: 2_000 * Logarithm.power2(Double($0) / 2), spread: 0.5 + Double($0 % 4) / 3)
        }
    }

    @Test func tenantsThatBehaveAsAlwaysGiveFewFalseAlarms() {
        var alarms = 0
        let minutes = 14 * 1440
        for var tenant in tenants() {
            var behaviour = Behaviour()
            for minute in 0..<minutes where behaviour.observe(tenant.tokens(minute), floor: BehaviourSignal.tokens.floor) == .alarmed { alarms += 1 }
        }
        // 20 tenants over two weeks: 280 days.
        #expect(alarms <= 3, "\(alarms) false alarms")
    }

    @Test func aKeyThatIsUsedByAStrangerIsNoticedWithinMinutes() {
        var noticed: [Int] = []
        for var tenant in tenants() {
            var behaviour = Behaviour()
            let start = 5 * 1440 + 12 * 60
            for minute in 0..<start { _ = behaviour.observe(tenant.tokens(minute), floor: BehaviourSignal.tokens.floor) }
            // The stranger takes a hundred times what the tenant takes at its best.
            let delay = (0..<60).first { minute in
                behaviour.observe(tenant.tokens(start + minute) + tenant.level * 100, floor: BehaviourSignal.tokens.floor) == .alarmed
            }
            noticed.append(delay ?? .max)
        }
        #expect(noticed.allSatisfy { $0 < 5 }, "\(noticed)")
    }

    @Test func anAlarmEndsByItselfWhenTheTenantIsItselfAgain() {
        var behaviour = Behaviour()
        for _ in 0..<200 { _ = behaviour.observe(1000, floor: 0) }
        let during = (0..<30).map { _ in behaviour.observe(1_000_000, floor: 0) }
        #expect(during.prefix(4) == [.remarkable, .remarkable, .alarmed, .alarming] && during.last == .alarming)
        let after = (0..<Behaviour.calmness).map { _ in behaviour.observe(1000, floor: 0) }
        #expect(after.dropLast().allSatisfy { $0 == .alarming } && after.last == .released && !behaviour.isAlarmed)
    }

    @Test func silenceEndsAnAlarmAndTeachesNothing() {
        var behaviour = Behaviour()
        for _ in 0..<200 { _ = behaviour.observe(1000, floor: 0) }
        for _ in 0..<5 { _ = behaviour.observe(1_000_000, floor: 0) }
        let mean = behaviour.mean
        let verdicts = (0..<Behaviour.calmness).map { _ in behaviour.observe(0, floor: 0) }
        #expect(verdicts.last == .released && behaviour.mean == mean)
    }

    @Test func nothingIsJudgedBeforeItIsKnownNorBelowTheFloor() {
        var young = Behaviour()
        for _ in 0..<Behaviour.learning - 10 { _ = young.observe(1, floor: 0) }
        #expect((0..<5).allSatisfy { _ in young.observe(1_000_000, floor: 0) == .usual })
        var small = Behaviour()
        for _ in 0..<200 { _ = small.observe(1, floor: 30) }
        #expect((0..<20).allSatisfy { _ in small.observe(29, floor: 30) == .usual })
    }

    /// Steady growth is business.
    @Test func growthByATenthEachDayIsUsual() {
        var behaviour = Behaviour()
        var level = 10_000.0
        var alarms = 0
        for day in 0..<60 {
            for _ in 0..<1440 where behaviour.observe(level, floor: 0) == .alarmed { alarms += 1 }
            level *= day < 5 ? 1 : 1.1
        }
        #expect(alarms == 0)
    }

    @Test(arguments: [(1.0, 0.0), (2, 1), (1024, 10), (1_000_000, 19.931568569324174), (0.5, -1)])
    func logarithmsAndPowersAreEachOthersInverse(value: Double, logarithm: Double) {
        #expect(abs(Logarithm.base2(value) - logarithm) < 1e-9)
        #expect(abs(Logarithm.power2(logarithm) / value - 1) < 1e-9)
    }
}
