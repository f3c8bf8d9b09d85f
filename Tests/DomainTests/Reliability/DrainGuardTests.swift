import Domain
import Testing

/// Who must be left where something is drained, and where what stands by helps.
@Suite("Guards of drains and of what is called in")
struct DrainGuardTests {
    private func worker(
        _ id: String, _ provider: String, _ region: String = "eu", release: String = "old", pool: String = "p", serving: Bool = true,
        standby: Bool = false
    ) -> FleetView.Worker {
        FleetView.Worker(
            id: id, provider: provider, region: region, model: "m", release: release, pool: pool, isServing: serving, isStandby: standby)
    }

    /// Its release is given nothing.
    private func idle(_ id: String, _ provider: String, release: String, isReady: Bool = true) -> FleetView.Worker {
        var worker = worker(id, provider, release: release, serving: false)
        (worker.hasShare, worker.awaitsShare) = (false, isReady)
        return worker
    }

    private func standing(_ id: String, _ target: MitigationTarget, at appliedAt: Int64 = 0) -> MitigationPolicy.Standing {
        .init(id: id, target: target, appliedAt: appliedAt, expiresAt: 100_000)
    }

    private let drain = MitigationTarget(.drainProvider, region: "eu", provider: "a")
    private let back = MitigationTarget(.rollBackImage, model: "m", release: "new")
    private let move = MitigationTarget(.backupRegion, tier: "pro", model: "m", region: "eu", toRegion: "us")
    private let warm = MitigationTarget(.warmPool, pool: "warm-us")

    @Test("a worker in another region is nobody who is left, and the place that would be deserted is told")
    func regions() {
        let fleet = FleetView(workers: [worker("a1", "a"), worker("a2", "a", "us"), worker("b1", "b", "us")])
        #expect(fleet.deserted(by: [drain])?.text == "m in eu" && !fleet.survives([drain]))
        #expect(fleet.survives([MitigationTarget(.drainProvider, region: "us", provider: "a")]))
        #expect(!fleet.survives([MitigationTarget(.drainProvider, provider: "a")]))
        for target in [MitigationTarget(.drainWorker, worker: "a1"), MitigationTarget(.restartWorker, worker: "a1")] {
            #expect(!fleet.survives([target]))
        }
        let lost = Trouble(id: "t", signal: .providerHealth, region: "eu", provider: "a", since: 0, lastSeen: 0)
        let decisions = MitigationPolicy().decide(.init(now: 0, troubles: [lost], fleet: fleet))
        #expect(decisions.allSatisfy { if case .propose = $0 { true } else { false } }, "\(decisions)")
    }

    @Test("what nobody serves in a region and nobody else could is lost already; where others could it is not")
    func lostAlready() {
        let alone = FleetView(workers: [worker("a1", "a", serving: false), worker("b1", "b", "us")])
        #expect(alone.survives([drain]))
        let beside = FleetView(workers: [worker("a1", "a", serving: false), worker("b1", "b", serving: false), worker("b2", "b", "us")])
        #expect(!beside.survives([drain]))
    }

    @Test("a release without a share, or one that was rolled back, is nobody who is left; who takes its share is")
    func shares() {
        #expect(!FleetView(workers: [worker("a1", "a"), idle("b1", "b", release: "new")]).survives([drain]))
        let both = FleetView(workers: [worker("a1", "a"), worker("b1", "b", release: "new")])
        #expect(both.survives([drain]) && !both.survives([back, drain]) && !both.survives([drain, back]))
        let older = FleetView(workers: [worker("a1", "a", release: "new"), idle("b1", "b", release: "old")])
        #expect(!older.survives([drain]) && older.survives([drain, back]))
        let asleep = FleetView(workers: [worker("a1", "a", release: "new"), idle("b1", "b", release: "old", isReady: false)])
        #expect(!asleep.survives([drain, back]))
        // Another one has a share, though its worker is lost: the older one gets nothing.
        let third = FleetView(workers: older.workers + [worker("c1", "c", release: "third", serving: false)])
        #expect(!third.survives([drain, back]))
        // Gateways leave a model as it is that has no other release.
        let only = FleetView(workers: [worker("a1", "a", release: "new"), worker("b1", "b", release: "new")])
        #expect(only.survives([drain, back]))
    }

    @Test("a drain goes when the release of those who are left is rolled back")
    func rescues() {
        let fleet = FleetView(workers: [worker("a1", "a"), worker("b1", "b", release: "new")])
        let decisions = MitigationPolicy().decide(
            .init(now: 10, troubles: [], fleet: fleet, standing: [standing("drain", drain), standing("back", back, at: 5)]))
        #expect(decisions.first == .revert("drain", .lastLeft) && !decisions.contains { if case .revert("back", _) = $0 { true } else { false } })
    }

    /// A warm pool in the region that the SKU names for trouble, one in another, and workers that serve in all.
    private var regional: FleetView {
        FleetView(
            workers: [
                worker("a1", "a"), worker("b1", "b", "us"), worker("c1", "c", "ap"),
                worker("w1", "b", "us", pool: "warm-us", serving: false, standby: true),
                worker("w2", "c", "ap", pool: "warm-ap", serving: false, standby: true),
            ],
            pools: ["us", "ap"].map { FleetView.Pool(name: "warm-" + $0, kind: .warm, region: $0, hourPriceMicroUsd: 1) },
            tiers: [FleetView.Tier(name: "pro", rank: 50, isProtected: true), FleetView.Tier(name: "team", rank: 40, isProtected: true)],
            terms: [FleetView.Terms(model: "m", tier: "pro", region: "eu", backupRegion: "us")])
    }

    private func late(_ tier: String = "pro", lastSeen: Int64 = 0) -> Trouble {
        Trouble(id: "t", signal: .queueTime, tier: tier, model: "m", region: "eu", since: 0, lastSeen: lastSeen)
    }

    @Test("what stands by elsewhere is called in only where requests are moved to, and for those whose are")
    func standsByElsewhere() {
        func pools(_ trouble: Trouble, _ standing: [MitigationTarget] = []) -> [String] {
            MitigationLadder(fleet: regional, standing: standing).targets(trouble).filter { $0.action == .warmPool }.compactMap(\.pool)
        }
        #expect(pools(late()).isEmpty && pools(late(), [move]) == ["warm-us"])
        #expect(pools(late("team"), [move]).isEmpty)
        var (everybody, away) = (move, move)
        everybody.tier = nil
        away.region = "ap"
        #expect(pools(late("team"), [everybody]) == ["warm-us"] && pools(late(), [away]).isEmpty)
        var everywhere = late()
        everywhere.region = nil
        #expect(pools(everywhere) == ["warm-ap", "warm-us"])
    }

    @Test("it is called in after the move, and goes when that is gone")
    func afterTheMove() {
        func decided(at now: Int64, _ standing: [MitigationPolicy.Standing]) -> [MitigationPolicy.Decision] {
            MitigationPolicy().decide(.init(now: now, troubles: [late(lastSeen: now)], fleet: regional, standing: standing))
        }
        func applied(_ decisions: [MitigationPolicy.Decision]) -> [MitigationTarget] {
            decisions.compactMap { if case .apply(let target, _, _, _, _) = $0 { target } else { nil } }
        }
        #expect(applied(decided(at: 0, [])) == [move])
        #expect(applied(decided(at: 30, [standing("move", move)])) == [warm])
        #expect(decided(at: 400, [standing("move", move), standing("warm", warm)]).allSatisfy { $0 != .revert("warm", .clean) })
        #expect(decided(at: 400, [standing("warm", warm)]).contains(.revert("warm", .clean)))
    }

    @Test("who starts, and whose release has no share, is not missing when workers are ordered")
    func notMissing() {
        var starting = worker("b1", "b", serving: false)
        starting.runtime.isStarting = true
        let fleet = FleetView(
            workers: [
                worker("a1", "a"), starting, idle("b2", "b", release: "new"), worker("b3", "b", serving: false), worker("b4", "b", serving: false),
            ],
            scalers: [Scaler(id: "s", name: "s")])
        #expect(fleet.order(MitigationTarget(.raiseWorkers, model: "m", region: "eu"))?.workers == 2)
    }
}
