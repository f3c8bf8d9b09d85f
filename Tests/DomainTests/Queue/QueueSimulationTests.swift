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

    /// Of 128 slots five quiet tenants use a sixth, or more than a half.
    @Test(
        "where tenants leave each other places free it moves them by less than a tenth in a small pool, too, and nearly nine tenths are used",
        arguments: [22, 23], [1.0, 3.5])
    func headroom(seed: UInt64, rate: Double) {
        func run(noise: Double, keepsHeadroom: Bool = true) -> [QueueSimulation.Sample] {
            let quiet = (0..<5).map { stream("pro", "quiet-\($0)", rate: rate, until: 60) }
            var simulation = QueueSimulation(streams: quiet + [stream("pro", "noisy", rate: noise, until: 60)], seed: seed)
            simulation.slots = 128
            simulation.keepsHeadroom = keepsHeadroom
            return simulation.run()
        }
        let (alone, beside) = (run(noise: 0.01), run(noise: 320))
        #expect(beside.of(Set(0..<5), from: 20).p95 <= alone.of(Set(0..<5), from: 20).p95 * 1.1)
        #expect(Double(beside.goodput(objective: 1.5, from: 20, until: 60)) >= 0.86 * 32 * 40)
        #expect(run(noise: 320, keepsHeadroom: false).of(Set(0..<5), from: 20).p95 > 1.05 * alone.of(Set(0..<5), from: 20).p95)
    }

    @Test("eight tenants of a tier that all ask for everything use all but a hundredth", arguments: [24, 25])
    func headroomOfMany(seed: UInt64) {
        let streams = (0..<8).map { stream("pro", "t\($0)", rate: 6, until: 60) }
        var simulation = QueueSimulation(streams: streams, seed: seed)
        let free = simulation.run().goodput(objective: 1.5, from: 20, until: 60)
        simulation.keepsHeadroom = true
        #expect(Double(simulation.run().goodput(objective: 1.5, from: 20, until: 60)) >= 0.95 * Double(free))
    }

    @Test("two tenants are told from one for five minutes at least, and forgotten after ten")
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
    }

    @Test("whoever holds the most on average leaves places free, and who comes back after a pause is known anew")
    func heaviest() {
        var tenants = QueueTenants(ranks: 2)
        let holds: (UInt64) -> Int = { [1: 14, 2: 6, 3: 12][$0] ?? 0 }
        for tenant in [UInt64(1), 2, 3] { tenants.add(tenant, rank: 1, now: 0) { holds(tenant) } }
        #expect([UInt64(1), 2, 3].map { tenants.isHeavy($0, rank: 1) } == [true, false, true])
        tenants.add(2, rank: 1, now: 0) { 0 }
        #expect(tenants.waiting(1) == 3 && tenants.waiting(0) == 0)
        tenants.remove(2, rank: 1)
        tenants.remove(3, rank: 1)
        #expect(tenants.waiting(1) == 2)
        // A moment's peak makes nobody heavy, a quarter of a minute of it does.
        tenants.see(now: 100_000) { $0 == 2 ? 40 : holds($0) }
        #expect(!tenants.isHeavy(2, rank: 1))
        for tick in 1...600 { tenants.see(now: 100_000 + Int64(tick) * 25_000) { $0 == 2 ? 40 : holds($0) } }
        #expect([UInt64(1), 2, 3].map { tenants.isHeavy($0, rank: 1) } == [false, true, false])
        for tick in 1...4000 { tenants.see(now: 16_000_000 + Int64(tick) * 25_000) { $0 == 3 ? 0 : holds($0) } }
        tenants.add(3, rank: 1, now: 200_000_000) { 20 }
        #expect(tenants.isHeavy(3, rank: 1) && !tenants.isHeavy(1, rank: 1))
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
