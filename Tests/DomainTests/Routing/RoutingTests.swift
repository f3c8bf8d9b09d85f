import Testing

@testable import Domain

@Suite("Routing rules")
struct RoutingTests {
    @Test("a tenant may retry a tenth of its requests, and at least twice, within ten seconds")
    func retryBudget() {
        let budget = RetryBudget()
        #expect((0..<3).map { _ in budget.takeRetry(now: 0) } == [true, true, false])
        for _ in 0..<50 { budget.noteRequest(now: 1_000_000) }
        #expect((0..<4).map { _ in budget.takeRetry(now: 1_000_000) } == [true, true, true, false])
        let late = budget.takeRetry(now: 9_999_999)
        #expect(!late)
        #expect((0..<3).map { _ in budget.takeRetry(now: 30_000_000) } == [true, true, false])
    }

    @Test("a retry that is given back, seconds later too, may be taken again")
    func retryGivenBack() {
        let budget = RetryBudget()
        #expect((0..<3).map { _ in budget.takeRetry(now: 0) } == [true, true, false])
        budget.giveBack(now: 4_000_000)
        #expect((0..<2).map { _ in budget.takeRetry(now: 4_000_000) } == [true, false])
        for _ in 0..<5 { budget.giveBack(now: 5_000_000) }
        #expect((0..<3).map { _ in budget.takeRetry(now: 5_000_000) } == [true, true, false])
        budget.giveBack(now: 60_000_000)
        #expect((0..<3).map { _ in budget.takeRetry(now: 60_000_000) } == [true, true, false])
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
}
