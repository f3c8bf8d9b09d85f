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
