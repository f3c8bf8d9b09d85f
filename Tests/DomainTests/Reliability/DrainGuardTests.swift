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

    /// Its release is given nothing, since then.
    private func idle(
        _ id: String, _ provider: String, release: String, isReady: Bool = true, lostShareAt: Int64? = 1_000
    ) -> FleetView.Worker {
        var worker = worker(id, provider, release: release, serving: false)
        (worker.hasShare, worker.awaitsShare, worker.lostShareAt) = (false, isReady, lostShareAt)
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
        // What was only staged takes nothing over, and what was replaced earlier has nothing to come back for.
        let staged = FleetView(workers: [worker("a1", "a", release: "new"), idle("b1", "b", release: "staged", lostShareAt: nil)])
        #expect(!staged.survives([drain, back]) && staged.survives([back]) && staged.place(lostBy: back, beside: []) == nil)
        let ancient = idle("c1", "c", release: "ancient", lostShareAt: 400)
        #expect(FleetView(workers: asleep.workers + [ancient]).place(lostBy: back, beside: [])?.text == "m in eu")
        #expect(FleetView(workers: older.workers + [ancient]).survives([drain, back]))
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

    private func applied(_ fleet: FleetView, _ troubles: [Trouble], _ standing: [MitigationPolicy.Standing] = []) -> [MitigationTarget] {
        MitigationPolicy().decide(.init(now: 40, troubles: troubles, fleet: fleet, standing: standing)).compactMap {
            if case .apply(let target, _, _, _, _) = $0 { target } else { nil }
        }
    }

    @Test("a release is rolled back where another one that lives takes its requests, and goes on where there is no other")
    func rollsBackBesideOthers() {
        let worse = Trouble(id: "t", signal: .serverErrors, model: "m", region: "eu", release: "new", since: 0, lastSeen: 40)
        var fleet = FleetView(workers: [worker("a1", "a"), worker("b1", "b", release: "new"), worker("b2", "b", "us", release: "new")])
        #expect(applied(fleet, [worse]) == [back] && fleet.place(lostBy: back, beside: []) == nil)
        // Gateways of the other region leave it as it is, so that its workers there are somebody who is left, and the last ones.
        #expect(fleet.survives([back]) && !fleet.survives([back, MitigationTarget(.drainWorker, worker: "b2")]))
        fleet.workers[0].isServing = false
        #expect(!applied(fleet, [worse]).contains(back) && fleet.place(lostBy: back, beside: [])?.text == "m in eu")
        // Nobody waits for what an operator has taken out: gateways do not count it among those that could take over.
        fleet.workers[0].isOpen = false
        #expect(applied(fleet, [worse]) == [back])
        let asleep = FleetView(workers: [idle("a1", "a", release: "old", isReady: false), worker("b1", "b", release: "new")])
        #expect(!applied(asleep, [worse]).contains(back))
        #expect(applied(FleetView(workers: [idle("a1", "a", release: "old"), worker("b1", "b", release: "new")]), [worse]) == [back])
    }

    @Test("what a drill takes is nobody who is left, and its own drain is neither kept from coming nor taken back")
    func besideDrills() {
        func lost(_ provider: String) -> Trouble {
            Trouble(id: "t", signal: .providerHealth, region: "eu", provider: provider, since: 0, lastSeen: 40)
        }
        let other = MitigationTarget(.drainProvider, region: "eu", provider: "b")
        var fleet = FleetView(workers: [worker("a1", "a"), worker("b1", "b")])
        #expect(applied(fleet, [lost("a")]) == [drain])
        fleet.drilled = [other]
        #expect(applied(fleet, [lost("a")]).isEmpty && fleet.place(lostBy: drain, beside: [])?.text == "m in eu")
        #expect(applied(fleet, [lost("b")]) == [other])
        // Who is left besides both fails: the drain goes for whom there is somebody again.
        fleet.workers.append(worker("c1", "c"))
        #expect(applied(fleet, [lost("a")]) == [drain])
        fleet.workers[2].isServing = false
        let decisions = MitigationPolicy().decide(
            .init(now: 40, troubles: [lost("a"), lost("b")], fleet: fleet, standing: [standing("a", drain), standing("b", other, at: 5)]))
        let reverted = decisions.filter { if case .revert = $0 { true } else { false } }
        #expect(reverted == [.revert("a", .lastLeft)])
        // A release is not rolled back when only drilled workers could take its requests.
        var releases = FleetView(workers: [worker("b1", "b"), worker("a1", "a", release: "new")])
        #expect(releases.place(lostBy: back, beside: []) == nil)
        releases.drilled = [other]
        #expect(releases.place(lostBy: back, beside: [])?.text == "m in eu")
    }

    @Test("the restart of the only worker is over when it serves again, and of two the other one's drain goes for want of others")
    func restartOfTheLast() {
        let restart = MitigationTarget(.restartWorker, worker: "a1")
        func reverted(_ workers: [FleetView.Worker], _ all: [MitigationPolicy.Standing]) -> [MitigationPolicy.Decision] {
            MitigationPolicy().decide(.init(now: 40, troubles: [], fleet: FleetView(workers: workers), standing: all))
        }
        #expect(reverted([worker("a1", "a")], [standing("r", restart)]) == [.revert("r", .restarted)])
        var away = worker("a1", "a", serving: false)
        away.runtime.isRestarting = true
        #expect(reverted([away], [standing("r", restart)]).isEmpty)
        let drained = standing("d", MitigationTarget(.drainWorker, worker: "b1"), at: 10)
        #expect(reverted([worker("a1", "a"), worker("b1", "b")], [standing("r", restart), drained]) == [.revert("d", .lastLeft)])
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

    @Test("what is called in may be all that is left: a person may drain the last one beside it, which serves again when it is sent away")
    func drainsBesideWhatIsCalledIn() {
        let fleet = FleetView(workers: [worker("a1", "a"), worker("b1", "b", pool: "warm-eu", serving: false, standby: true)])
        let lost = Trouble(id: "t", signal: .providerHealth, region: "eu", provider: "a", since: 0, lastSeen: 40)
        let calls = [MitigationAction.warmPool, .reservedCapacity].map { MitigationTarget($0, pool: "warm-eu") }
        #expect(!applied(fleet, [lost]).contains(drain) && fleet.place(lostBy: drain, beside: [])?.text == "m in eu")
        for call in calls {
            #expect(fleet.place(lostBy: drain, beside: [call]) == nil)
            #expect(!applied(fleet, [lost], [standing("call", call)]).contains(drain), "the policy does not lean on it by itself")
            let warm = Trouble(id: "w", signal: .providerHealth, region: "eu", provider: "b", since: 0, lastSeen: 40)
            let both = [standing("call", call), standing("drain", drain)]
            #expect(applied(fleet, [warm], both).allSatisfy { $0.provider != "b" }, "nor takes what others lean on")
            #expect(fleet.place(lostBy: MitigationTarget(.drainWorker, worker: "b1"), beside: [call, drain])?.text == "m in eu")
            let kept = MitigationPolicy().decide(
                .init(now: 40, troubles: [lost], fleet: fleet, standing: [standing("call", call), standing("drain", drain)]))
            #expect(!kept.contains(.revert("drain", .lastLeft)), "\(kept)")
        }
        let gone = MitigationPolicy().decide(.init(now: 40, troubles: [lost], fleet: fleet, standing: [standing("drain", drain)]))
        #expect(gone.contains(.revert("drain", .lastLeft)))
        #expect(fleet.place(lostBy: drain, beside: [MitigationTarget(.warmPool, pool: "warm-us")])?.text == "m in eu", "another pool")
        // Who is called in takes the requests of a release that is rolled back.
        var newer = fleet
        newer.workers[0].release = "new"
        #expect(newer.place(lostBy: back, beside: [calls[0]]) == nil && newer.survives([calls[0], back, drain]) && !newer.survives([back, drain]))
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
