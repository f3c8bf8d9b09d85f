import Testing

@testable import Domain

@Suite("Routing rules")
struct RoutingTests {
    @Test("a tenant may retry a tenth of its requests, and at least twice, within ten seconds")
    func retryBudget() {
        var budget = RetryBudget(now: 0)
        #expect((0..<3).map { _ in budget.takeRetry(now: 0) } == [true, true, false])
        for _ in 0..<50 { budget.noteRequest(now: 1_000_000) }
        #expect((0..<4).map { _ in budget.takeRetry(now: 1_000_000) } == [true, true, true, false])
        let late = budget.takeRetry(now: 9_999_999)
        #expect(!late)
        #expect((0..<3).map { _ in budget.takeRetry(now: 30_000_000) } == [true, true, false])
    }

    @Test("of two candidates the less loaded one wins, whatever the draw")
    func powerOfTwo() {
        var generator = FixedGenerator(state: 3)
        for _ in 0..<100 {
            #expect(WorkerChoice.pick(count: 2, weight: { _ in 1 }, cost: { $0 == 0 ? 10 : 9 }, using: &generator) == 1)
        }
        #expect(WorkerChoice.pick(count: 0, weight: { _ in 1 }, cost: { _ in 0 }, using: &generator) == nil)
        #expect(WorkerChoice.pick(count: 1, weight: { _ in 1 }, cost: { _ in 0 }, using: &generator) == 0)
    }

    @Test("the worst of many candidates is never chosen, and idle ones share the work")
    func spread() {
        var generator = FixedGenerator(state: 4)
        var counts = [Int](repeating: 0, count: 8)
        for _ in 0..<8000 {
            let cost: (Int) -> Int64 = { $0 == 7 ? 1000 : 0 }
            if let pick = WorkerChoice.pick(count: 8, weight: { _ in 1 }, cost: cost, using: &generator) { counts[pick] += 1 }
        }
        #expect(counts[7] == 0)
        #expect(counts.prefix(7).allSatisfy { (800...1500).contains($0) })
    }

    @Test("releases get traffic by weight, and none without weight")
    func releases() {
        var generator = FixedGenerator(state: 5)
        var counts = [0, 0, 0]
        for _ in 0..<10_000 {
            if let pick = ReleaseChoice.pick([900_000, 0, 100_000], using: &generator) { counts[pick] += 1 }
        }
        #expect(counts[1] == 0 && (800...1200).contains(counts[2]))
        #expect(ReleaseChoice.pick([0, -3], using: &generator) == nil)
    }

    @Test("backoff doubles to its cap and is never shorter than half")
    func backoff() {
        var generator = FixedGenerator(state: 6)
        let backoff = Backoff(first: .seconds(1), cap: .seconds(30))
        for (failures, whole) in [(1, 1), (2, 2), (5, 16), (6, 30), (1000, 30)] {
            let delay = backoff.delay(afterFailures: failures, using: &generator)
            #expect(delay >= .seconds(whole) / 2 && delay <= .seconds(whole))
        }
    }

    @Test("a full cache, waiting requests and few slots make a worker dearer")
    func cost() {
        let idle = RoutingLoad(outstandingTokens: 100, waiting: 0, slots: 4)
        #expect(RoutingLoad(outstandingTokens: 100, waiting: 0, slots: 2).cost > idle.cost)
        #expect(RoutingLoad(outstandingTokens: 100, waiting: 1, slots: 4).cost > idle.cost)
        #expect(RoutingLoad(outstandingTokens: 100, waiting: 0, slots: 4, kvUsedPermille: 950).cost > idle.cost)
        #expect(RoutingLoad(outstandingTokens: 100, waiting: 0, slots: 4, kvUsedPermille: 500).cost == idle.cost)
    }
}
