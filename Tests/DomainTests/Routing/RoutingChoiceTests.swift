import Testing

@testable import Domain

@Suite("Choice of a worker")
struct RoutingChoiceTests {
    private func candidate(_ worker: UInt32, _ role: RoutingChoice.Role, _ milliseconds: Int64, price: UInt32 = 0) -> RoutingChoice.Candidate {
        RoutingChoice.Candidate(worker: worker, role: role, price: price, cost: milliseconds * 1000)
    }

    private func chosen(_ candidates: RoutingChoice.Candidate...) -> UInt32? {
        var choice = RoutingChoice()
        for candidate in candidates { choice.consider(candidate) }
        return choice.chosen
    }

    @Test("prompts wait for one another, answers share slots, and a full cache makes dearer")
    func cost() {
        let pace = WorkerPace(prefillNanoseconds: 200_000, interTokenMicroseconds: 20_000)
        func cost(_ prompt: Int, _ output: Int, slots: Int = 4, kv: Int? = nil, uncached: Int = 0) -> Int64 {
            let backlog = WorkerBacklog(promptTokens: prompt, outputTokens: output, slots: slots, kvUsedPermille: kv)
            return LoadCost.microseconds(backlog, pace, uncachedTokens: uncached)
        }
        #expect(cost(1000, 0) == 200_000 && cost(0, 100) == 500_000 && cost(1000, 100, uncached: 500) == 800_000)
        #expect(cost(0, 100, slots: 2) == 1_000_000)
        #expect(cost(0, 100, kv: 800) == cost(0, 100) && cost(0, 100, kv: 1000) == 2 * cost(0, 100) + 1000)
        #expect(cost(-5, -5) == 0)
        #expect(LoadCost.weighted(1000, weight: 500_000) == 2 * LoadCost.weighted(1000, weight: 1_000_000))
    }

    @Test("whatever hosts claim and do, there is a cost")
    func claims() {
        let backlog = WorkerBacklog(promptTokens: 1 << 40, outputTokens: 1 << 50, slots: 1, kvUsedPermille: 1000)
        let pace = WorkerPace(prefillNanoseconds: .max, interTokenMicroseconds: 1 << 40)
        let cost = LoadCost.microseconds(backlog, pace, uncachedTokens: 1 << 40)
        #expect(cost > 1 << 54 && LoadCost.weighted(cost, weight: 1) == .max)
    }

    @Test("the owner of a prefix is kept unless it is dearer by half and 50 ms")
    func owner() {
        #expect(chosen(candidate(1, .owner, 200), candidate(2, .drawn, 100)) == 1)
        #expect(chosen(candidate(1, .owner, 201), candidate(2, .drawn, 100)) == 2)
        #expect(chosen(candidate(1, .owner, 50), candidate(2, .drawn, 0)) == 1)
        #expect(chosen(candidate(1, .owner, 500), candidate(3, .owner, 100), candidate(2, .drawn, 100)) == 3)
    }

    @Test("a prefix that nobody has goes where it is placed unless that is dearer by a quarter")
    func placement() {
        #expect(chosen(candidate(1, .placed, 125), candidate(2, .drawn, 100)) == 1)
        #expect(chosen(candidate(1, .placed, 135), candidate(2, .drawn, 100)) == 2)
        #expect(chosen() == nil)
    }

    @Test("of workers that cost about the same the one with the lower price is chosen")
    func price() {
        #expect(chosen(candidate(1, .drawn, 100, price: 9), candidate(2, .drawn, 104, price: 3)) == 2)
        #expect(chosen(candidate(1, .drawn, 100, price: 9), candidate(2, .drawn, 110, price: 3)) == 1)
        #expect(chosen(candidate(1, .placed, 100, price: 9), candidate(2, .drawn, 100, price: 3)) == 2)
        #expect(chosen(candidate(1, .drawn, 100), candidate(2, .drawn, 104, price: 3)) == 1)
    }

    @Test("a worker stands once among the candidates, in its first role")
    func once() {
        var choice = RoutingChoice()
        choice.consider(candidate(1, .owner, 10))
        choice.consider(candidate(1, .drawn, 10))
        for number in 2...20 { choice.consider(candidate(UInt32(number), .drawn, 1000)) }
        #expect(choice.count == RoutingChoice.most && choice.candidates.count { $0.worker == 1 } == 1 && choice.chosen == 1)
    }

    @Test("a worker that is fresh or back has a tenth of its weight, and all of it after a minute")
    func slowStart() {
        #expect(SlowStart.weight(1_000_000, since: 0, now: 5) == 1_000_000)
        #expect(SlowStart.weight(1_000_000, since: 1, now: 2) == 100_000)
        #expect(SlowStart.weight(1_000_000, since: 1, now: 30_000_001) == 500_000)
        #expect(SlowStart.weight(1_000_000, since: 1, now: 60_000_001) == 1_000_000)
    }
}

@Suite("Affinity")
struct AffinityTests {
    @Test("the last four workers that a prefix was sent to are known, newest first")
    func owners() throws {
        var table = AffinityTable(capacity: 256)
        for owner: UInt32 in [1, 2, 3, 4, 5, 3] { table.note(77, owner: owner, tokens: Int(owner) * 10, now: 1) }
        let entry = try #require(table.entry(77, now: 2))
        #expect(entry.owners == (3, 5, 4, 2) && entry.tokens == 30)
        #expect(table.entry(78, now: 2) == nil)
    }

    @Test("what nobody asked for in ten minutes is forgotten")
    func expiry() {
        var table = AffinityTable(capacity: 256)
        table.note(77, owner: 1, tokens: 10, now: 100)
        #expect(table.entry(77, now: 700) != nil && table.entry(77, now: 701) == nil)
        table.note(77, owner: 2, tokens: 10, now: 701)
        #expect(table.entry(77, now: 702)?.owners.1 == 0)
    }

    @Test("a time that lies back, as that of who waited, forgets nobody and makes nobody older")
    func backward() throws {
        var table = AffinityTable(capacity: 4)
        for key: UInt64 in 1...300 { table.note(key, owner: 1, tokens: 10, now: 1000) }
        let key = try #require((1...300).first { table.entry($0, now: 1000) != nil })
        #expect(table.entry(key, now: 990) != nil)
        table.note(key, owner: 2, tokens: 10, now: 990)
        let owners = try #require(table.entry(key, now: 1600)?.owners)
        #expect(owners.0 == 2 && owners.1 == 1)
    }

    @Test("memory is bounded, and under pressure what was used longest ago makes way")
    func bounded() {
        var table = AffinityTable(capacity: 4096)
        for key: UInt64 in 1...100_000 { table.note(key &* 0x9E37_79B9_7F4A_7C15, owner: 1, tokens: 10, now: UInt32(key / 1000)) }
        #expect(table.room == 4096)
        let known = (99_001...100_000).count { table.entry(UInt64($0) &* 0x9E37_79B9_7F4A_7C15, now: 100) != nil }
        #expect(known > 950)
    }

    @Test("placements are even, the same everywhere, and few move when a worker goes")
    func placement() {
        let names = (0..<10).map { "worker-\($0)" }
        let (all, fewer) = (PlacementTable(names), PlacementTable(Array(names.dropLast())))
        var counts = [Int](repeating: 0, count: 10)
        var moved = 0
        for key in 0..<UInt64(100_000) {
            let hash = key &* 0x9E37_79B9_7F4A_7C15
            guard let member = all.member(hash) else { continue }
            counts[member] += 1
            if member < 9, fewer.member(hash) != member { moved += 1 }
        }
        #expect(counts.allSatisfy { (9_000...11_000).contains($0) })
        #expect(moved < 10_000)
        #expect(PlacementTable([]).member(1) == nil && PlacementTable(["a"]).member(99) == 0)
    }
}

@Suite("Hedging rules")
struct HedgeTests {
    @Test("hedges are at most the share of requests and of prompt tokens")
    func budget() {
        var budget = HedgeBudget(now: 0)
        for _ in 0..<100 { budget.noteRequest(promptTokens: 100, now: 0) }
        #expect((0..<3).map { _ in budget.take(promptTokens: 100, share: 20_000, now: 1) } == [true, true, false])
        budget.giveBack(promptTokens: 100)
        #expect((0..<2).map { _ in budget.take(promptTokens: 100, share: 20_000, now: 1) } == [true, false])
        var dear = HedgeBudget(now: 0)
        for _ in 0..<100 { dear.noteRequest(promptTokens: 100, now: 0) }
        #expect((0..<2).map { _ in dear.take(promptTokens: 150, share: 20_000, now: 1) } == [true, false])
    }

    @Test("old requests and hedges fade alike")
    func fading() {
        var budget = HedgeBudget(now: 0)
        for _ in 0..<100 { budget.noteRequest(promptTokens: 1, now: 0) }
        _ = budget.take(promptTokens: 1, share: 20_000, now: 0)
        _ = budget.take(promptTokens: 1, share: 20_000, now: 0)
        let early = budget.take(promptTokens: 1, share: 20_000, now: 600_000_000)
        #expect(!early)
    }

    @Test("a first token is late after the 95th percentile of its prompt's length")
    func late() throws {
        var times = FirstTokenTimes()
        #expect(times.late(promptTokens: 100) == nil)
        for sample in 1...200 { times.note(promptTokens: 100, after: Int64(sample) * 1000) }
        for _ in 1...200 { times.note(promptTokens: 8000, after: 2_000_000) }
        let short = try #require(times.late(promptTokens: 120))
        #expect((190_000...256_000).contains(short))
        #expect((2_000_000...2_500_000).contains(times.late(promptTokens: 8000) ?? 0))
    }
}
