import Domain
import Testing

@Suite("Raising the worker count")
struct RaiseWorkersTests {
    private let target = MitigationTarget(.raiseWorkers, model: "m", region: "eu")

    private func fleet(lost: Int, scalers: [Scaler]) -> FleetView {
        func worker(_ id: String, _ region: String = "eu", serving: Bool = true, standby: Bool = false) -> FleetView.Worker {
            FleetView.Worker(id: id, provider: "a", region: region, model: "m", pool: "p", isServing: serving, isStandby: standby)
        }
        return FleetView(
            workers: [worker("w"), worker("away", "us", serving: false), worker("spare", serving: false, standby: true)]
                + (0..<lost).map { worker("lost-\($0)", serving: false) },
            pools: [FleetView.Pool(name: "p", kind: .shared, region: "eu", hourPriceMicroUsd: 500_000)],
            tiers: [FleetView.Tier(name: "pro", rank: 50, isProtected: true)], scalers: scalers)
    }

    private func scaler(_ id: String, model: String? = nil, region: String? = nil, most: Int = 4) -> Scaler {
        Scaler(id: id, name: id, model: model, region: region, mostWorkers: most)
    }

    private func trouble(_ signal: IncidentSignal = .budgetEnding, lastSeen: Int64 = 0, drill: Bool = false) -> Trouble {
        Trouble(id: "t", signal: signal, tier: "pro", model: "m", region: "eu", since: 0, lastSeen: lastSeen, isDrill: drill)
    }

    private func decide(
        _ fleet: FleetView, _ trouble: Trouble? = nil, now: Int64 = 0, standing: [MitigationPolicy.Standing] = [], refusedBy: Set<String> = [],
        ended: [MitigationTarget: Int64] = [:], policy: MitigationPolicy = MitigationPolicy()
    ) -> [MitigationPolicy.Decision] {
        policy.decide(
            .init(
                now: now, troubles: [trouble ?? self.trouble(lastSeen: now)], fleet: fleet, standing: standing, ended: ended,
                refused: [target: refusedBy]))
    }

    private func orders(_ decisions: [MitigationPolicy.Decision]) -> [WorkerOrder] {
        decisions.compactMap { if case .apply(target, _, _, _, let order) = $0 { order } else { nil } }
    }

    private func isProposed(_ decisions: [MitigationPolicy.Decision]) -> Bool {
        decisions.contains { if case .propose(target, _, _) = $0 { true } else { false } }
    }

    private func standing(at appliedAt: Int64, expiresAt: Int64 = 9_000, failed: Bool = false) -> [MitigationPolicy.Standing] {
        [.init(id: "1", target: target, appliedAt: appliedAt, expiresAt: expiresAt, hasFailed: failed)]
    }

    @Test("with a scaler as many workers are ordered as do not serve, at least one and at most what it takes; without one a person is asked")
    func count() {
        let any = scaler("any", most: 3)
        for (lost, ordered) in [(0, 1), (1, 1), (2, 2), (3, 3), (5, 3)] {
            let decisions = decide(fleet(lost: lost, scalers: [any]))
            #expect(orders(decisions) == [WorkerOrder(scaler: any, workers: ordered)] && !isProposed(decisions))
            let cost = MitigationCost(microUsd: 500_000 * Int64(ordered))
            #expect(decisions.first == .apply(target, trouble: "t", cost: cost, expiresAt: 3_600, order: WorkerOrder(scaler: any, workers: ordered)))
        }
        let none = decide(fleet(lost: 2, scalers: [scaler("other", model: "x"), scaler("far", region: "us")]))
        #expect(orders(none).isEmpty && none.contains(.propose(target, trouble: "t", cost: MitigationCost(microUsd: 500_000))))
    }

    @Test("the scaler that names model and region is asked before one that names the model, the region, or nothing")
    func nearest() {
        let all = [
            scaler("a"), scaler("z"), scaler("region", region: "eu"), scaler("model", model: "m"), scaler("both", model: "m", region: "eu"),
        ]
        var left = all.shuffled()
        for expected in ["both", "model", "region", "a", "z"] {
            #expect(orders(decide(fleet(lost: 0, scalers: left))).map(\.scaler.id) == [expected])
            left.removeAll { $0.id == expected }
        }
        // An order is for one model in one region.
        #expect(fleet(lost: 0, scalers: all).order(MitigationTarget(.raiseWorkers, model: "m")) == nil)
        #expect(fleet(lost: 0, scalers: all).order(MitigationTarget(.raiseWorkers, region: "eu")) == nil)
    }

    @Test("what a scaler would not take is taken back at once, and a person is asked, or another scaler after the rest")
    func refused() {
        let (near, any) = (scaler("near", model: "m"), scaler("any"))
        let alone = decide(fleet(lost: 1, scalers: [near]), now: 10, standing: standing(at: 0, failed: true), refusedBy: ["near"])
        #expect(alone.first == .revert("1", .noHelp) && isProposed(alone) && orders(alone).isEmpty)
        let two = decide(fleet(lost: 1, scalers: [near, any]), now: 10, standing: standing(at: 0, failed: true), refusedBy: ["near"])
        #expect(two == [.revert("1", .noHelp)])
        let later = decide(fleet(lost: 1, scalers: [near, any]), now: 310, refusedBy: ["near"], ended: [target: 10])
        #expect(orders(later).map(\.scaler.id) == ["any"])
        var pinned = standing(at: 0, failed: true)
        pinned[0].isPinned = true
        #expect(decide(fleet(lost: 1, scalers: [near]), now: 10, standing: pinned, refusedBy: ["near"]).isEmpty)
    }

    @Test("no drill orders workers, nor does lost redundancy, which may lack something else; neither keeps them")
    func whatOrdersNothing() {
        for other in [trouble(lastSeen: 300, drill: true), trouble(.redundancy, lastSeen: 300)] {
            let decisions = decide(fleet(lost: 2, scalers: [scaler("any")]), other, now: 300)
            #expect(orders(decisions).isEmpty && isProposed(decisions))
            let kept = decide(fleet(lost: 2, scalers: [scaler("any")]), other, now: 300, standing: standing(at: 0))
            #expect(kept.contains(.revert("1", .clean)))
        }
    }

    @Test("workers are kept while the trouble is there and for a while after, and not ordered again at once; no more than the bound is done")
    func holds() {
        let fleet = fleet(lost: 1, scalers: [scaler("any")])
        #expect(decide(fleet, now: 20, standing: standing(at: 0)).isEmpty)
        #expect(decide(fleet, now: 7_300, standing: standing(at: 0)) == [.extend("1", until: 10_900)])
        #expect(decide(fleet, trouble(lastSeen: 100), now: 399, standing: standing(at: 0)).isEmpty)
        #expect(decide(fleet, trouble(lastSeen: 100), now: 400, standing: standing(at: 0)) == [.revert("1", .clean)])
        #expect(orders(decide(fleet, now: 699, ended: [target: 400])).isEmpty && orders(decide(fleet, now: 700, ended: [target: 400])).count == 1)
        var policy = MitigationPolicy()
        policy.most = 0
        #expect(decide(fleet, policy: policy).isEmpty)
    }

    @Test("a scaler that is gone while its workers serve asks nobody to do what is done")
    func gone() {
        #expect(!isProposed(decide(fleet(lost: 1, scalers: []), now: 60, standing: standing(at: 0))))
    }
}
