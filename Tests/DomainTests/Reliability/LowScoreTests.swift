import Domain
import Testing

/// A provider with a low score serves nobody to whom something is promised.
@Suite struct LowScoreTests {
    private let terms = FleetView.Terms(model: "m", tier: "pro", region: "eu", backupRegion: "us", fallbackModel: "small")

    private func worker(
        _ provider: String, _ region: String = "eu", model: String = "m", pool: String = "p", low: Bool = false, standby: Bool = false
    ) -> FleetView.Worker {
        var worker = FleetView.Worker(
            id: "\(provider)-\(region)-\(model)-\(pool)", provider: provider, region: region, model: model, pool: pool, isServing: !standby,
            isStandby: standby)
        (worker.hasLowScore, worker.isAdmitted) = (low, !low)
        return worker
    }

    private func fleet(_ workers: [FleetView.Worker], pools: [FleetView.Pool] = []) -> FleetView {
        FleetView(
            workers: workers, pools: pools,
            tiers: [
                FleetView.Tier(name: "hobby", rank: 10, isProtected: false), FleetView.Tier(name: "pro", rank: 50, isProtected: true),
            ], terms: [terms])
    }

    private func slow(_ tier: String) -> Trouble {
        Trouble(id: "slow", signal: .breachedMinutes, tier: tier, model: "m", region: "eu", since: 0, lastSeen: 0)
    }

    /// All that may be done about it, one after the other.
    private func steps(_ fleet: FleetView, for tier: String) -> Set<MitigationTarget> {
        var (taken, standing): (Set<MitigationTarget>, [MitigationPolicy.Standing]) = ([], [])
        var policy = MitigationPolicy()
        policy.most = 50
        for turn in 0..<20 {
            var trouble = slow(tier)
            trouble.lastSeen = Int64(turn) * 600
            let decisions = policy.decide(.init(now: trouble.lastSeen, troubles: [trouble], fleet: fleet, standing: standing))
            for decision in decisions {
                guard case .apply(let target, _, _, _, _) = decision else { continue }
                taken.insert(target)
                standing.append(.init(id: "\(turn)-\(standing.count)", target: target, appliedAt: trouble.lastSeen, expiresAt: 1_000_000))
            }
        }
        return taken
    }

    @Test func `who is known to be bad has a low score, and who is hardly known has none`() {
        func isLow(_ known: Double?, low: Bool = false, measured: Bool = true, clean: Int = 30) -> Bool {
            PaidTierGate.isLow(known: known, isLow: low, isMeasured: measured, cleanProbes: clean)
        }
        #expect(isLow(69.9) && !isLow(70) && !isLow(45, measured: false) && !isLow(nil))
        #expect(isLow(74.9, low: true) && isLow(80, low: true, clean: 29) && isLow(nil, low: true) && !isLow(75, low: true, measured: false))
    }

    @Test func `whoever may serve tiers that pay has no low score, whatever came before`() {
        for step in stride(from: 0.0, through: 100, by: 2.5) {
            for (clean, before) in [(0, true), (30, true), (0, false), (30, false)] {
                let admitted = PaidTierGate.admits(points: step, isAdmitted: before, cleanProbes: clean)
                let low = PaidTierGate.isLow(known: step + 1, isLow: !before, isMeasured: true, cleanProbes: clean)
                #expect(!(admitted && low))
            }
        }
    }

    @Test func `it is none of two providers, and stands behind nothing`() {
        func given(low: Bool) -> Set<Redundancy.Aspect> {
            Redundancy.given(
                terms,
                fleet([worker("a"), worker("b", low: low), worker("b", "us", low: low), worker("b", "us", model: "small", low: low)]))
        }
        #expect(given(low: false) == [.providers, .scores, .backup, .fallback])
        #expect(given(low: true) == [])
    }

    @Test func `who would be left with it alone is left with nobody, where something is promised`() {
        let drain = MitigationTarget(.drainProvider, region: "eu", provider: "a")
        #expect(fleet([worker("a"), worker("b")]).survives([drain]))
        #expect(!fleet([worker("a"), worker("b", low: true)]).survives([drain]))
        #expect(fleet([worker("a"), worker("b", low: true)]).survives([MitigationTarget(.drainProvider, region: "eu", provider: "b")]))
        var unsold = fleet([worker("a"), worker("b", low: true)])
        unsold.tiers.removeAll(where: \.isProtected)
        #expect(unsold.survives([drain]))
    }

    @Test func `no step moves customers with a promise to it`() {
        let pools = [
            FleetView.Pool(name: "warm", kind: .warm, region: "eu"), FleetView.Pool(name: "gold", kind: .reserved, region: "eu"),
        ]
        func actions(low: Bool, for tier: String = "pro") -> Set<MitigationAction> {
            let others = [
                worker("b", "us", low: low), worker("b", "eu", model: "small", low: low), worker("b", pool: "gold", low: low),
                worker("b", pool: "warm", low: low, standby: true),
            ]
            return Set(steps(fleet([worker("a")] + others, pools: pools), for: tier).map(\.action))
        }
        let asked: Set<MitigationAction> = [.warmPool, .backupRegion, .protectedPool, .fallbackModel]
        #expect(actions(low: false).isSuperset(of: asked))
        #expect(actions(low: true).isDisjoint(with: asked))
        #expect(actions(low: true, for: "hobby").contains(.warmPool), "who has no promise is served by it")
    }
}
