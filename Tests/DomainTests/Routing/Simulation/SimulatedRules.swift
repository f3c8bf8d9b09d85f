@testable import Domain

/// What a rule is shown of the fleet: what this gateway has in flight at each worker.
struct SimulatedLoad {
    var requests = 0
    var promptTokens = 0
    var outputTokens = 0
}

/// A rule that routes.
protocol SimulatedRule {
    var name: String { get }
    mutating func pick(_ turn: SimulatedTurn, _ loads: [SimulatedLoad], now: Int64, using generator: inout FixedGenerator) -> Int
}

struct RoundRobin: SimulatedRule {
    let name = "round robin"
    private var next = 0

    mutating func pick(_ turn: SimulatedTurn, _ loads: [SimulatedLoad], now: Int64, using generator: inout FixedGenerator) -> Int {
        next = (next + 1) % loads.count
        return next
    }
}

/// The worker with the fewest requests.
struct LeastRequest: SimulatedRule {
    let name = "least request"

    func pick(_ turn: SimulatedTurn, _ loads: [SimulatedLoad], now: Int64, using generator: inout FixedGenerator) -> Int {
        let least = loads.map(\.requests).min() ?? 0
        let idle = loads.indices.filter { loads[$0].requests == least }
        return idle[Int.random(in: 0..<idle.count, using: &generator)]
    }
}

/// The cache-aware rule of the SGLang router with its defaults: cache threshold 0.3, balance thresholds 64 and 1.5. Out of balance: the
/// shortest queue. Else the worker whose tree matches most, if that is above the threshold, else the one with the smallest tree.
struct CacheAware: SimulatedRule {
    let name = "cache-aware (0.3/64/1.5)"
    private var trees: [[Int: Int]]
    private var sizes: [Int]

    init(workers: Int) {
        trees = Array(repeating: [:], count: workers)
        sizes = Array(repeating: 0, count: workers)
    }

    mutating func pick(_ turn: SimulatedTurn, _ loads: [SimulatedLoad], now: Int64, using generator: inout FixedGenerator) -> Int {
        let most = loads.map(\.requests).max() ?? 0
        let least = loads.map(\.requests).min() ?? 0
        let choice: Int
        if most - least > 64, Double(most) > 1.5 * Double(least) {
            choice = loads.indices.min { loads[$0].requests < loads[$1].requests } ?? 0
        } else {
            let matches = trees.map { max(min($0[turn.conversation] ?? 0, turn.promptTokens), min($0[turn.systemPrompt] ?? 0, turn.systemTokens)) }
            let best = matches.indices.max { matches[$0] < matches[$1] } ?? 0
            let isMatch = Double(matches[best]) > 0.3 * Double(turn.promptTokens)
            choice = isMatch ? best : sizes.indices.min { sizes[$0] < sizes[$1] } ?? 0
        }
        for (key, tokens) in [(turn.conversation, turn.promptTokens), (turn.systemPrompt, turn.systemTokens)] {
            sizes[choice] += max(0, tokens - (trees[choice][key] ?? 0))
            trees[choice][key] = max(tokens, trees[choice][key] ?? 0)
        }
        return choice
    }
}

/// Our rule, with the parts that a gateway's router is made of.
struct TokenCost: SimulatedRule {
    let name: String
    private let knowsSessions: Bool
    private let workers: [SimulatedWorker]
    private let placements: PlacementTable
    private var affinity = AffinityTable()

    /// - Parameter knowsSessions: Customers name their conversations; else they are known by how their prompts begin.
    init(_ workers: [SimulatedWorker], knowsSessions: Bool = false) {
        name = knowsSessions ? "tokens and sessions (ours)" : "tokens and affinity (ours)"
        self.knowsSessions = knowsSessions
        self.workers = workers
        placements = PlacementTable(workers.indices.map { "worker-\($0)" })
    }

    mutating func pick(_ turn: SimulatedTurn, _ loads: [SimulatedLoad], now: Int64, using generator: inout FixedGenerator) -> Int {
        let seconds = UInt32(now / 1_000_000)
        let keys = [(Self.key(knowsSessions ? turn.session : turn.opener), turn.promptTokens), (Self.key(turn.systemPrompt), turn.systemTokens)]
        var choice = RoutingChoice()
        for (key, _) in keys where choice.count == 0 {
            guard let entry = affinity.entry(key, now: seconds) else { continue }
            let (first, second, third, fourth) = entry.owners
            for owner in [first, second, third, fourth] where owner != 0 {
                consider(Int(owner) - 1, .owner, turn, loads, cached: Int(entry.tokens), &choice)
            }
        }
        if choice.count == 0, let placed = placements.member(keys[0].0) { consider(placed, .placed, turn, loads, cached: 0, &choice) }
        for _ in 0..<2 { consider(Int.random(in: 0..<workers.count, using: &generator), .drawn, turn, loads, cached: 0, &choice) }
        let chosen = Int(choice.chosen ?? 1) - 1
        affinity.note(keys[0].0, owner: UInt32(chosen + 1), tokens: turn.promptTokens + turn.outputTokens, now: seconds)
        affinity.note(keys[1].0, owner: UInt32(chosen + 1), tokens: turn.systemTokens, now: seconds)
        return chosen
    }

    private func consider(
        _ index: Int, _ role: RoutingChoice.Role, _ turn: SimulatedTurn, _ loads: [SimulatedLoad], cached: Int, _ choice: inout RoutingChoice
    ) {
        let (worker, load) = (workers[index], loads[index])
        let pace = WorkerPace(prefillNanoseconds: worker.prefillNanoseconds, interTokenMicroseconds: worker.interTokenMicroseconds)
        let backlog = WorkerBacklog(promptTokens: load.promptTokens, outputTokens: load.outputTokens, slots: worker.slots)
        let cost = LoadCost.microseconds(backlog, pace, uncachedTokens: turn.promptTokens - min(cached, turn.promptTokens))
        choice.consider(
            RoutingChoice.Candidate(worker: UInt32(index + 1), role: role, cost: LoadCost.weighted(cost, weight: 1_000_000)))
    }

    private static func key(_ number: Int) -> UInt64 {
        var hash = UInt64(bitPattern: Int64(number)) &* 0xFF51_AFD7_ED55_8CCD
        hash = (hash ^ hash >> 33) &* 0xC4CE_B9FE_1A85_EC53
        return hash ^ hash >> 33 | 1
    }
}
