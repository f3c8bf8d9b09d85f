import Testing

@testable import Domain

/// 64 slots held for 4 s each: 16 requests a second is what the pool can do.
@Suite("Queue simulations", .serialized)
struct QueueSimulationTests {
    private static let capacity = 16.0

    private func stream(_ tier: String, _ tenant: String, rate: Double, from: Double = 0, until: Double = 120) -> QueueSimulation.Stream {
        QueueSimulation.Stream(tenant: tenant, tier: tier, rules: .tier(tier), rate: rate, from: from, until: until)
    }

    private func tiers(_ factor: Double, from: Double = 0, until: Double = 120) -> [QueueSimulation.Stream] {
        [("hobby", 0.6), ("pro", 0.3), ("business", 0.1)].flatMap { tier, share in
            (0..<4).map { stream(tier, "\(tier)-\($0)", rate: Self.capacity * factor * share / 4, from: from, until: until) }
        }
    }

    @Test("at three times the capacity nine tenths of it is answered in time, and paid tiers keep their objective", arguments: [1, 2, 3])
    func overload(seed: UInt64) {
        let samples = QueueSimulation(streams: tiers(3), seed: seed).run()
        #expect(Double(samples.goodput(objective: 1.5, from: 20, until: 120)) >= 0.9 * Self.capacity * 100)
        let business = samples.of([8, 9, 10, 11], from: 20)
        #expect(business.answered > 0.99)
        #expect(business.p95 <= 1.5)
        #expect(samples.of([4, 5, 6, 7], from: 20).p95 <= 1.5)
    }

    @Test("paid tiers that fit are all served while the free one asks for three times everything", arguments: [4, 5])
    func paidFirst(seed: UInt64) {
        let paid = [stream("pro", "p", rate: 8), stream("business", "b", rate: 3)]
        let samples = QueueSimulation(streams: paid + [stream("hobby", "h", rate: 48)], seed: seed).run()
        #expect(samples.of([0, 1], from: 20).answered > 0.99)
        #expect(samples.of([0, 1], from: 20).p95 <= 1.5)
        #expect(samples.of([2], from: 20).answered > 0.05)
    }

    @Test("no request of the free tier begins while paid deadlines are missed and one of them waits", arguments: [6, 7])
    func floorIsSuspended(seed: UInt64) {
        let samples = QueueSimulation(streams: [stream("pro", "p", rate: 30), stream("hobby", "h", rate: 30)], seed: seed).run()
        let paid = samples.of([0], from: 20)
        #expect(
            samples.of([1], from: 20).allSatisfy { hobby in
                guard let start = hobby.started else { return true }
                return !paid.contains { $0.arrived < start && $0.left > start }
            })
        #expect(samples.of([1], from: 20, until: 110).answered < 0.01)
        #expect(samples.goodput(objective: 1.5, from: 20, until: 120) >= 1440)
    }

    @Test("a floor is kept while paid tiers take everything inside their objective", arguments: [8, 9])
    func floorIsKept(seed: UInt64) {
        var patient = stream("pro", "p", rate: Self.capacity * 0.99)
        patient.objective = 20
        var hobby = stream("hobby", "h", rate: 8)
        hobby.objective = 20
        let samples = QueueSimulation(streams: [patient, hobby], seed: seed).run()
        let share = Double(samples.of([1], from: 40).count { $0.started != nil }) / Double(samples.of([0, 1], from: 40).count { $0.started != nil })
        #expect(share > 0.03)
        #expect(samples.of([0], from: 40).answered > 0.95)
    }

    /// A pool of a hundred workers: the next free slot is never far, so that what a neighbour can move is who gets it.
    @Test("one noisy tenant moves the others' p95 by less than a fifth", arguments: [10, 11])
    func noisyTenant(seed: UInt64) {
        func others(noise: Double) -> Double {
            let quiet = (0..<5).map { stream("pro", "quiet-\($0)", rate: 16, until: 60) }
            var simulation = QueueSimulation(streams: quiet + [stream("pro", "noisy", rate: noise, until: 60)], seed: seed)
            simulation.slots = 640
            return simulation.run().of(Set(0..<5), from: 20).p95
        }
        #expect(others(noise: 800) <= others(noise: 16) * 1.2)
    }

    /// Of 32 or 128 slots quiet tenants use a sixth, or more than a half; one or three noisy ones ask for ten times what there is.
    @Test(
        "where tenants leave each other places free it moves them by less than a tenth in a small pool, too, and four fifths are used",
        arguments: [(128, 5, 1.0, 1), (128, 5, 3.5, 1), (128, 5, 3.5, 3), (32, 3, 0.7, 1), (32, 3, 1.4, 1), (32, 3, 1.0, 3)])
    func headroom(slots: Int, tenants: Int, rate: Double, noisy: Int) {
        func run(noise: Double, keepsHeadroom: Bool = true) -> [QueueSimulation.Sample] {
            let quiet = (0..<tenants).map { stream("pro", "quiet-\($0)", rate: rate, until: 100) }
            let loud = (0..<noisy).map { stream("pro", "noisy-\($0)", rate: noise, until: 100) }
            var simulation = QueueSimulation(streams: quiet + loud, seed: 22)
            (simulation.slots, simulation.keepsHeadroom) = (slots, keepsHeadroom)
            return simulation.run()
        }
        func p95(_ samples: [QueueSimulation.Sample]) -> Double { samples.of(Set(0..<tenants), from: 20).p95 }
        let (alone, beside) = (run(noise: 0.01), run(noise: Double(slots) * 2.5))
        #expect(p95(beside) <= p95(alone) * 1.1)
        #expect(Double(beside.goodput(objective: 1.5, from: 20, until: 100)) >= 0.8 * Double(slots) / 4 * 80)
        #expect(p95(run(noise: Double(slots) * 2.5, keepsHeadroom: false)) > 1.05 * p95(alone))
    }

    @Test("eight tenants of a tier that all ask for everything use all but a hundredth", arguments: [24, 25])
    func headroomOfMany(seed: UInt64) {
        let streams = (0..<8).map { stream("pro", "t\($0)", rate: 6, until: 60) }
        var simulation = QueueSimulation(streams: streams, seed: seed)
        let free = simulation.run().goodput(objective: 1.5, from: 20, until: 60)
        simulation.keepsHeadroom = true
        #expect(Double(simulation.run().goodput(objective: 1.5, from: 20, until: 60)) >= 0.95 * Double(free))
    }

    @Test("two tenants are told from one for five minutes at least, and forgotten after ten; a neighbour of before that is none")
    func mix() {
        let mix = TenantMix()
        let minute: Int64 = 60_000_000
        func isMixed(after minutes: Int64) -> Bool { mix.isMixed(now: minutes * minute) }
        mix.note(1, now: 0)
        mix.note(1, now: minute)
        let alone = isMixed(after: 1)
        mix.note(2, now: 2 * minute)
        #expect(!alone && [2, 7, 11].allSatisfy(isMixed))
        for time in 3..<20 { mix.note(1, now: Int64(time) * minute) }
        let forgotten = isMixed(after: 13)
        for time in 20..<40 { mix.note(UInt64(time % 2 + 1), now: Int64(time) * minute) }
        #expect(!forgotten && [40, 44].allSatisfy(isMixed))
        mix.note(1, now: 300 * minute)
        let another = isMixed(after: 300)
        mix.note(2, now: 304 * minute)
        let both = isMixed(after: 304)
        #expect(!another && both)
    }

    @Test("of those that always have a request that waits, whoever holds the most leaves places free")
    func heaviest() {
        var tenants = QueueTenants(ranks: 2)
        let holds: (UInt64) -> Int = { [1: 14, 2: 6, 3: 12, 4: 20][$0] ?? 0 }
        func see(from: Int64, until: Int64, holds: (UInt64) -> Int) {
            for time in stride(from: from, to: until, by: 100) { tenants.see(now: time * 1000, holds: holds) }
        }
        func heavy() -> [UInt64] { [1, 2, 3, 4].filter { tenants.neighbours(of: $0, rank: 1) != nil } }
        // Of whom nothing is known.
        #expect(tenants.neighbours(of: 1, rank: 1) == .init(tenants: 1, steady: 0))
        for tenant in [UInt64(1), 2, 3] { tenants.add(tenant, rank: 1, now: 0) { holds(tenant) } }
        #expect(heavy() == [1, 3, 4])
        see(from: 0, until: 5000, holds: holds)
        #expect(tenants.neighbours(of: 1, rank: 1) == .init(tenants: 3, steady: 18))
        // What was served at once makes no backlog, however much its tenant holds; what waits makes one soon, what is not let in as well.
        tenants.add(4, rank: 1, now: 5_000_000) { 20 }
        tenants.remove(4, rank: 1, now: 5_000_000)
        see(from: 5000, until: 6000, holds: holds)
        #expect(heavy() == [1, 3])
        #expect(tenants.neighbours(of: 1, rank: 1) == .init(tenants: 4, steady: 18))
        for _ in 0..<3 { tenants.refuse(4, rank: 1, hold: 4_000_000, now: 6_000_000) { 20 } }
        see(from: 6000, until: 6200, holds: holds)
        #expect(heavy() == [4])
        #expect(tenants.neighbours(of: 4, rank: 1) == .init(tenants: 4, steady: 32))
        // A moment's peak makes nobody heavy, a quarter of a minute of it does.
        for _ in 0..<3 { tenants.add(2, rank: 1, now: 6_200_000) { 6 } }
        see(from: 6200, until: 6300) { $0 == 2 ? 40 : holds($0) }
        #expect(heavy() == [4])
        see(from: 6300, until: 21_000) { $0 == 2 ? 40 : holds($0) }
        #expect(heavy() == [2])
        for _ in 0..<4 { tenants.remove(2, rank: 1, now: 21_000_000) }
        // Who holds nothing and does not wait is forgotten.
        see(from: 21_000, until: 200_000) { $0 == 2 ? 0 : holds($0) }
        #expect(heavy() == [1, 2, 3] && tenants.neighbours(of: 1, rank: 1)?.tenants == 3)
        #expect(tenants.neighbours(of: 1, rank: 0) == .init(tenants: 1, steady: 0))
    }

    @Test("tenants that ask for more than there is are served the same number of tokens", arguments: [13, 14])
    func equalTokens(seed: UInt64) {
        var long = stream("pro", "long", rate: 24)
        (long.prompt, long.output) = (2000, 400)
        let samples = QueueSimulation(streams: [long, stream("pro", "short", rate: 24)], seed: seed).run()
        let served = [0, 1].map { Double(samples.of([$0], from: 20).count { $0.started != nil }) }
        // 2000 + 2 * 400 against 500 + 2 * 200.
        let tokens = (served[0] * 2800, served[1] * 900)
        #expect(tokens.0 / tokens.1 > 0.8 && tokens.0 / tokens.1 < 1.25)
    }

    @Test("after a step of load the goodput is back within seconds", arguments: [15, 16])
    func metastable(seed: UInt64) {
        let steady = tiers(0.8, until: 150)
        let normal = Set(steady.indices)
        let calm = QueueSimulation(streams: steady, seed: seed).run()
        let stepped = QueueSimulation(streams: steady + tiers(3, from: 30, until: 90), seed: seed).run()
        for (from, until) in [(95.0, 120.0), (120, 150)] {
            #expect(stepped.of(normal, from: from, until: until).answered > calm.of(normal, from: from, until: until).answered - 0.02)
        }
    }

    @Test("when half of the fleet vanishes the free tier gives way", arguments: [17, 18])
    func halfOfTheFleet(seed: UInt64) {
        var simulation = QueueSimulation(streams: tiers(0.9), seed: seed)
        simulation.changes = [(at: 60, slots: 32)]
        let samples = simulation.run()
        let after = 75.0
        #expect(samples.of([8, 9, 10, 11], from: after).answered > 0.98)
        #expect(samples.of([4, 5, 6, 7], from: after).answered > 0.93)
        #expect(samples.of(Set(4...11), from: after).p95 <= 1.5)
        #expect(samples.of([0, 1, 2, 3], from: after).answered < 0.8)
    }

    @Test("batch waits behind everything and is delivered in its time", arguments: [19, 20])
    func batch(seed: UInt64) {
        var batch = stream("pro", "b", rate: 2)
        (batch.service, batch.objective) = (.batch, 100)
        let samples = QueueSimulation(streams: [stream("pro", "p", rate: Self.capacity * 0.75), batch], seed: seed).run()
        #expect(samples.of([0], from: 20).p95 <= 1.5)
        #expect(samples.of([0], from: 20).answered > 0.95)
        #expect(samples.of([1], until: 60).answered > 0.5)
    }

    @Test("the same seed tells the same story")
    func determinism() {
        let simulation = QueueSimulation(streams: tiers(2, until: 20), seed: 21)
        #expect(simulation.run().map(\.firstToken) == simulation.run().map(\.firstToken))
    }
}
