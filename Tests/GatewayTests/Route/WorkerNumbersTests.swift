import Domain
import PlimsollWire
import Testing

@testable import Gateway

@Suite("Workers by their numbers")
struct WorkerNumbersTests {
    private func worker(_ number: UInt32, _ id: String = "w") -> Worker {
        let entry = WorkerEntry(
            id: id, host: "h", provider: "p", pool: "p", region: "eu", model: "m", release: "r", dialect: .vllm, link: .direct,
            url: "http://127.0.0.1:1", draining: false, slots: 4, contextTokens: 4096, weight: 1_000_000)
        return Worker(entry, tally: WorkerTally(number: number, id: id), load: nil, gate: nil)
    }

    @Test("each is found, also where numbers meet in one place, and nobody else is", arguments: [0, 1, 2, 3, 40, 1_000])
    func found(_ count: Int) {
        var random = LoopRandom(seed: UInt64(count))
        // Some in a row, as they are given, and some that meet in few places.
        let numbers = Set((0..<count).map { $0 % 2 == 0 ? UInt32($0 + 1) : UInt32(truncatingIfNeeded: random.next()) & ~7 | 1 })
        let byNumber = WorkerNumbers(numbers.map { worker($0) })
        for number in numbers { #expect(byNumber[number]?.tally.number == number) }
        for _ in 0..<100 {
            let other = UInt32(truncatingIfNeeded: random.next())
            #expect(byNumber[other]?.tally.number == (numbers.contains(other) ? other : nil))
        }
        #expect(byNumber[0] == nil)
    }

    @Test("of two with one number the first is taken")
    func twice() {
        let byNumber = WorkerNumbers([worker(5, "a"), worker(5, "b"), worker(9, "c")])
        #expect(byNumber[5]?.entry.id == "a" && byNumber[9]?.entry.id == "c" && byNumber[13] == nil)
    }
}
