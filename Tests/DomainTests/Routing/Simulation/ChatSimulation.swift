@testable import Domain

/// Multi-turn chat before a fleet: tenants with system prompts of their own, conversations that begin at random, grow by every turn and pause
/// while a person reads and types. The same seed gives the same requests, whatever rule routes them.
struct ChatSimulation {
    struct Result {
        var name: String
        var requests = 0
        /// Of all prompt tokens those that were in a cache, thousandths.
        var hitPermille = 0
        /// Milliseconds.
        var medianFirstToken = 0
        var p95FirstToken = 0
        /// Work of the busiest worker against the mean, hundredths.
        var imbalance = 0
    }

    private enum Event {
        case turn(SimulatedTurn)
        case firstToken(worker: Int, promptTokens: Int)
        case end(worker: Int, outputTokens: Int)
    }

    let workers: [SimulatedWorker]
    let seed: UInt64
    /// Microseconds.
    var duration: Int64 = 600_000_000
    var tenants = 24
    /// New conversations in a thousand seconds.
    var conversationRate = 1_600
    /// First messages that a tenant's conversations share, as where people begin with a button; 0: each has its own.
    var openers = 0
    /// The busiest tenant calls all of its conversations the same.
    var hasOneSessionForATenant = false

    /// Eight equal workers, or with two that are twice as fast.
    static func fleet(isMixed: Bool) -> [SimulatedWorker] {
        (0..<8).map { index in
            let isFast = isMixed && index < 2
            return SimulatedWorker(prefillNanoseconds: isFast ? 100_000 : 200_000, interTokenMicroseconds: isFast ? 10_000 : 20_000)
        }
    }

    func run(_ given: some SimulatedRule) -> Result {
        var (rule, workers) = (given, workers)
        var generator = FixedGenerator(state: seed)
        var choices = FixedGenerator(state: seed &+ 1)
        var events = EventQueue<Event>()
        for (time, turn) in conversations(&generator) { events.add(.turn(turn), at: time) }
        var loads = [SimulatedLoad](repeating: SimulatedLoad(), count: workers.count)
        var (prompt, cached, times) = (0, 0, [Int64]())
        while let (now, event) = events.next() {
            switch event {
            case .firstToken(let worker, let tokens): loads[worker].promptTokens -= tokens
            case .end(let worker, let tokens):
                loads[worker].outputTokens -= tokens
                loads[worker].requests -= 1
            case .turn(let turn):
                let choice = rule.pick(turn, loads, now: now, using: &choices)
                let answer = workers[choice].serve(turn, at: now)
                let uncached = turn.promptTokens - answer.cachedTokens
                loads[choice].requests += 1
                loads[choice].promptTokens += uncached
                loads[choice].outputTokens += Self.usualAnswer
                events.add(.firstToken(worker: choice, promptTokens: uncached), at: answer.firstTokenAt)
                events.add(.end(worker: choice, outputTokens: Self.usualAnswer), at: answer.endsAt)
                prompt += turn.promptTokens
                cached += answer.cachedTokens
                times.append(answer.firstTokenAt - now)
                if let (pause, following) = next(turn) { events.add(.turn(following), at: answer.endsAt + pause) }
            }
        }
        times.sort()
        let busy = workers.map(\.busy)
        return Result(
            name: rule.name, requests: times.count, hitPermille: cached * 1000 / max(prompt, 1), medianFirstToken: Int(times[times.count / 2] / 1000),
            p95FirstToken: Int(times[times.count * 95 / 100] / 1000),
            imbalance: Int((busy.max() ?? 0) * 100 / max(busy.reduce(0, +) / Int64(busy.count), 1)))
    }

    /// Nobody knows how long an answer will be: all that routes is told the mean.
    private static let usualAnswer = 225

    private func conversations(_ generator: inout FixedGenerator) -> [(Int64, SimulatedTurn)] {
        var result: [(Int64, SimulatedTurn)] = []
        var now: Int64 = 0
        while now < duration {
            now += Self.exponential(1_000_000_000 / Int64(conversationRate), &generator)
            // A few tenants have most of the conversations.
            let tenant = Int.random(in: 0..<Int.random(in: 1...tenants, using: &generator), using: &generator)
            let system = 200 + tenant % 8 * 300
            let turn = SimulatedTurn(
                conversation: result.count + 1, opener: opener(result.count + 1, tenant), session: session(result.count + 1, tenant),
                systemPrompt: -1 - tenant, systemTokens: system,
                promptTokens: system + Int.random(in: 20...400, using: &generator), outputTokens: Int.random(in: 50...400, using: &generator), turn: 1
            )
            result.append((now, turn))
        }
        return result
    }

    private func opener(_ conversation: Int, _ tenant: Int) -> Int {
        openers == 0 ? conversation : 1_000_000 + tenant * openers + conversation % openers
    }

    private func session(_ conversation: Int, _ tenant: Int) -> Int {
        hasOneSessionForATenant && tenant == 0 ? 2_000_000 : conversation
    }

    /// Drawn from the turn itself, so that no rule changes what is asked.
    private func next(_ turn: SimulatedTurn) -> (pause: Int64, SimulatedTurn)? {
        var generator = FixedGenerator(state: seed &+ UInt64(turn.conversation * 64 + turn.turn))
        _ = generator.next()
        guard Int.random(in: 0..<7, using: &generator) > 0, turn.turn < 40 else { return nil }
        var following = turn
        following.turn += 1
        following.promptTokens += turn.outputTokens + Int.random(in: 20...400, using: &generator)
        following.outputTokens = Int.random(in: 50...400, using: &generator)
        return (2_000_000 + Self.exponential(8_000_000, &generator), following)
    }

    private static func exponential(_ mean: Int64, _ generator: inout FixedGenerator) -> Int64 {
        // Sum of uniform draws in place of a logarithm, which needs a library: the halves of a coin thrown until it shows its face.
        var total = Int64.random(in: 0...mean, using: &generator)
        while Bool.random(using: &generator) { total += Int64.random(in: 0...mean, using: &generator) }
        return total
    }
}

/// Events by time, and at the same time in the order in which they were added.
private struct EventQueue<Event> {
    private var heap: [(time: Int64, order: Int, event: Event)] = []
    private var added = 0

    mutating func add(_ event: Event, at time: Int64) {
        heap.append((time, added, event))
        added += 1
        var at = heap.count - 1
        while at > 0, isBefore(at, (at - 1) / 2) {
            heap.swapAt(at, (at - 1) / 2)
            at = (at - 1) / 2
        }
    }

    mutating func next() -> (Int64, Event)? {
        guard let first = heap.first else { return nil }
        let last = heap.removeLast()
        if !heap.isEmpty {
            heap[0] = last
            var at = 0
            while let child = [2 * at + 1, 2 * at + 2].filter({ $0 < heap.count }).min(by: { isBefore($0, $1) }), isBefore(child, at) {
                heap.swapAt(at, child)
                at = child
            }
        }
        return (first.time, first.event)
    }

    private func isBefore(_ one: Int, _ other: Int) -> Bool {
        (heap[one].time, heap[one].order) < (heap[other].time, heap[other].order)
    }
}
