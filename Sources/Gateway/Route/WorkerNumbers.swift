/// Workers by their numbers, which this process has given them one after the other: no hashing that withstands an attack is needed.
struct WorkerNumbers: Sendable {
    /// 0: nobody. A power of two, at least twice as many as there are workers.
    private let numbers: [UInt32]
    private let places: [UInt32]
    private let workers: [Worker]

    init(_ workers: [Worker]) {
        var size = 4
        while size < workers.count * 2 { size *= 2 }
        var (numbers, places) = ([UInt32](repeating: 0, count: size), [UInt32](repeating: 0, count: size))
        for (position, worker) in workers.enumerated() {
            var at = Int(worker.tally.number) & (size - 1)
            while numbers[at] != 0, numbers[at] != worker.tally.number { at = (at + 1) & (size - 1) }
            if numbers[at] == 0 { (numbers[at], places[at]) = (worker.tally.number, UInt32(position)) }
        }
        (self.numbers, self.places, self.workers) = (numbers, places, workers)
    }

    /// Of two with the same number the first.
    subscript(_ number: UInt32) -> Worker? {
        var at = Int(number) & (numbers.count - 1)
        while numbers[at] != number {
            guard numbers[at] != 0 else { return nil }
            at = (at + 1) & (numbers.count - 1)
        }
        return number == 0 ? nil : workers[Int(places[at])]
    }
}
