import Testing

@testable import Domain

@Suite("Routing of multi-turn chat, simulated")
struct ChatSimulationTests {
    private func results(isMixed: Bool, seed: UInt64) -> [ChatSimulation.Result] {
        let simulation = ChatSimulation(workers: ChatSimulation.fleet(isMixed: isMixed), seed: seed)
        return [
            simulation.run(RoundRobin()), simulation.run(LeastRequest()), simulation.run(CacheAware(workers: simulation.workers.count)),
            simulation.run(TokenCost(simulation.workers)),
        ]
    }

    /// As it stands in docs/routing.md.
    private func show(_ results: [ChatSimulation.Result], _ title: String) {
        print("\n| \(title) | requests | cached | TTFT p50 | TTFT p95 | imbalance |\n|---|---|---|---|---|---|")
        for result in results {
            let imbalance = "\(result.imbalance / 100).\(result.imbalance % 100 / 10)\(result.imbalance % 10)"
            print(
                "| \(result.name) | \(result.requests) | \(result.hitPermille / 10).\(result.hitPermille % 10) % | "
                    + "\(result.medianFirstToken) ms | \(result.p95FirstToken) ms | \(imbalance) |")
        }
    }

    @Test("the same seed gives the same figures")
    func deterministic() {
        let simulation = ChatSimulation(workers: ChatSimulation.fleet(isMixed: true), seed: 11)
        let (one, other) = (simulation.run(TokenCost(simulation.workers)), simulation.run(TokenCost(simulation.workers)))
        #expect(one.hitPermille == other.hitPermille && one.p95FirstToken == other.p95FirstToken && one.imbalance == other.imbalance)
    }

    @Test("our rule beats round robin and least request on cache hits and first tokens, without hot spots", arguments: [1, 2, 3] as [UInt64])
    func equalWorkers(seed: UInt64) {
        let all = results(isMixed: false, seed: seed)
        show(all, "8 equal workers, seed \(seed)")
        let ours = all[3]
        #expect(ours.hitPermille > all[0].hitPermille + 150 && ours.hitPermille > all[1].hitPermille + 150)
        #expect(all[..<3].allSatisfy { ours.p95FirstToken < $0.p95FirstToken })
        #expect(ours.imbalance <= 125 && ours.imbalance < all[2].imbalance)
    }

    @Test("where many conversations begin alike, their names find the cache that has each", arguments: [1, 2, 3] as [UInt64])
    func sessions(seed: UInt64) {
        var simulation = ChatSimulation(workers: ChatSimulation.fleet(isMixed: false), seed: seed)
        simulation.openers = 3
        let workers = simulation.workers
        let all = [
            simulation.run(RoundRobin()), simulation.run(TokenCost(workers)), simulation.run(TokenCost(workers, knowsSessions: true)),
        ]
        show(all, "3 first messages a tenant, seed \(seed)")
        #expect(all[2].hitPermille > all[1].hitPermille + 50 && all[2].p95FirstToken < all[1].p95FirstToken)
        #expect(all[2].imbalance <= 125)
    }

    @Test("a tenant that calls all of its conversations the same makes no hot spot", arguments: [1, 2, 3] as [UInt64])
    func oneSession(seed: UInt64) {
        var simulation = ChatSimulation(workers: ChatSimulation.fleet(isMixed: false), seed: seed)
        let usual = simulation.run(TokenCost(simulation.workers, knowsSessions: true))
        simulation.hasOneSessionForATenant = true
        let shared = simulation.run(TokenCost(simulation.workers, knowsSessions: true))
        show([usual, shared], "one session for the busiest tenant, seed \(seed)")
        #expect(shared.imbalance <= 130 && shared.p95FirstToken < usual.p95FirstToken * 3)
    }

    @Test("before workers of two speeds ours beats the cache-aware rule's first tokens too", arguments: [1, 2, 3] as [UInt64])
    func mixedWorkers(seed: UInt64) {
        let all = results(isMixed: true, seed: seed)
        show(all, "2 fast and 6 slow workers, seed \(seed)")
        let ours = all[3]
        #expect(ours.hitPermille > all[0].hitPermille + 150)
        #expect(all[..<3].allSatisfy { ours.p95FirstToken < $0.p95FirstToken })
    }
}
