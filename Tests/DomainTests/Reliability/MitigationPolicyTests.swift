import Domain
import Testing

@Suite("What is done about trouble")
struct MitigationPolicyTests {
    private static let tiers = [
        FleetView.Tier(name: "hobby", rank: 10, isProtected: false), FleetView.Tier(name: "pro", rank: 50, isProtected: true),
        FleetView.Tier(name: "business", rank: 90, isProtected: true),
    ]
    private static let terms = ["pro", "business"].map {
        FleetView.Terms(model: "m", tier: $0, region: "eu", backupRegion: "us", fallbackModel: $0 == "pro" ? "small" : nil)
    }

    private func worker(
        _ id: String, _ provider: String, region: String = "eu", model: String = "m", pool: String = "p", serving: Bool = true, standby: Bool = false
    )
        -> FleetView.Worker
    {
        FleetView.Worker(
            id: id, provider: provider, region: region, model: model, pool: pool, isServing: serving, isStandby: standby)
    }

    private var fleet: FleetView {
        FleetView(
            workers: [
                worker("a1", "a"), worker("a2", "a"), worker("b1", "b"), worker("u1", "b", region: "us"), worker("s1", "a", model: "small"),
                worker("w1", "a", pool: "warm", serving: false, standby: true), worker("w2", "a", pool: "warm", serving: false, standby: true),
                worker("g1", "b", pool: "gold"), worker("z1", "c", pool: "spare", serving: false, standby: true),
            ],
            pools: [
                FleetView.Pool(name: "p", kind: .shared, region: "eu"),
                FleetView.Pool(name: "warm", kind: .warm, region: "eu", hourPriceMicroUsd: 500_000),
                FleetView.Pool(name: "gold", kind: .reserved, region: "eu"), FleetView.Pool(name: "spare", kind: .reserved, region: "eu"),
            ],
            tiers: Self.tiers, terms: Self.terms)
    }

    private func slow(
        _ tier: String? = "pro", by tenant: (name: String, tier: String) = ("noisy", "hobby"), since: Int64 = 0, lastSeen: Int64
    ) -> Trouble {
        Trouble(
            id: "slow-\(tier ?? "all")", signal: .breachedMinutes, tier: tier, model: "m", region: "eu", tenant: tenant.name,
            tenantTier: tenant.tier, since: since, lastSeen: lastSeen)
    }

    private func lost(_ provider: String, lastSeen: Int64 = 0) -> Trouble {
        Trouble(id: "lost-\(provider)", signal: .providerHealth, region: "eu", provider: provider, since: 0, lastSeen: lastSeen)
    }

    private func applied(_ decisions: [MitigationPolicy.Decision]) -> [MitigationTarget] {
        decisions.compactMap { if case .apply(let target, _, _, _, _) = $0 { target } else { nil } }
    }

    @Test("a lost provider is drained at once, and a person is asked to review it; never the last one of a model")
    func lostProvider() {
        var fleet = fleet
        for index in fleet.workers.indices where fleet.workers[index].provider == "a" { fleet.workers[index].isServing = false }
        let decisions = MitigationPolicy().decide(.init(now: 0, troubles: [lost("a")], fleet: fleet))
        #expect(applied(decisions) == [MitigationTarget(.drainProvider, region: "eu", provider: "a")])
        for index in fleet.workers.indices { fleet.workers[index].isServing = fleet.workers[index].provider == "a" }
        let last = MitigationPolicy().decide(.init(now: 0, troubles: [lost("a"), lost("b")], fleet: fleet))
        #expect(applied(last) == [MitigationTarget(.drainProvider, region: "eu", provider: "b")])
        #expect(last.contains(.propose(MitigationTarget(.reviewProvider, provider: "a"), trouble: "lost-a")))
        for index in fleet.workers.indices { fleet.workers[index].isServing = false }
        #expect(applied(MitigationPolicy().decide(.init(now: 0, troubles: [lost("a"), lost("b")], fleet: fleet))).isEmpty)
    }

    /// Workers of one model, those named failing while their hosts are well.
    private func faulty(_ failing: Set<String>, _ change: (inout FleetView.Runtime) -> Void = { _ in }) -> FleetView {
        var fleet = fleet
        for index in fleet.workers.indices where failing.contains(fleet.workers[index].id) {
            fleet.workers[index].isServing = false
            fleet.workers[index].runtime = FleetView.Runtime(isFaulty: true, isRestartable: true)
            change(&fleet.workers[index].runtime)
        }
        return fleet
    }

    private func failing(_ worker: String, lastSeen: Int64 = 0) -> Trouble {
        Trouble(id: "failing-\(worker)", signal: .workerHealth, model: "m", region: "eu", worker: worker, since: 0, lastSeen: lastSeen)
    }

    @Test("a worker whose runtime fails is restarted first; one of a model at a time, three times an hour, the last one too")
    func restarts() {
        let policy = MitigationPolicy()
        let restart = MitigationTarget(.restartWorker, worker: "a1")
        func decided(_ fleet: FleetView, _ troubles: [Trouble], _ standing: [MitigationPolicy.Standing] = []) -> [MitigationTarget] {
            applied(policy.decide(.init(now: 0, troubles: troubles, fleet: fleet, standing: standing)))
        }
        #expect(decided(faulty(["a1"]), [failing("a1")]) == [restart])
        // What is restarted is drained already.
        #expect(decided(faulty(["a1"]), [failing("a1")], [.init(id: "1", target: restart, appliedAt: 0, expiresAt: 9_000)]).isEmpty)
        #expect(decided(faulty(["a1"]) { $0.restartsLately = 3 }, [failing("a1")]) == [MitigationTarget(.drainWorker, worker: "a1")])
        #expect(decided(faulty(["a1"]) { $0.isFaulty = false }, [failing("a1")]) == [MitigationTarget(.drainWorker, worker: "a1")])
        #expect(
            decided(faulty(["a1", "a2"]), [failing("a1"), failing("a2")]) == [restart, MitigationTarget(.drainWorker, worker: "a2")])
        #expect(decided(faulty(["a1", "a2"]) { $0.isRestarting = true }, [failing("a1")]) == [MitigationTarget(.drainWorker, worker: "a1")])
        // Nobody serves: a restart can only help, a drain only harm.
        #expect(decided(faulty(["a1", "a2", "b1", "u1", "g1"]), [failing("a1"), failing("a2")]) == [restart])
        // One worker is all of a provider's.
        #expect(decided(faulty(["a1"]), [lost("a")]).first == restart)
        let foreign = policy.decide(.init(now: 0, troubles: [failing("a1")], fleet: faulty(["a1"]) { $0.isRestartable = false }))
        #expect(foreign.first == .propose(restart, trouble: "failing-a1"))
        #expect(applied(foreign) == [MitigationTarget(.drainWorker, worker: "a1")])
    }

    @Test("a restart that failed, or after which the worker fails as before, gives way to a drain at once")
    func restartsInVain() {
        let restart = MitigationTarget(.restartWorker, worker: "a1")
        func decided(_ fleet: FleetView, at now: Int64, failed: Bool = false) -> [MitigationPolicy.Decision] {
            let standing = MitigationPolicy.Standing(id: "1", target: restart, appliedAt: 0, expiresAt: 3_600, hasFailed: failed)
            return MitigationPolicy().decide(
                .init(now: now, troubles: [failing("a1", lastSeen: now)], fleet: fleet, standing: [standing]))
        }
        let drain = MitigationTarget(.drainWorker, worker: "a1")
        #expect(decided(faulty(["a1"]), at: 20).isEmpty)
        #expect(decided(faulty(["a1"]) { $0.isRestarting = true }, at: 400).isEmpty)
        for decisions in [decided(faulty(["a1"]), at: 20, failed: true), decided(faulty(["a1"]), at: 300)] {
            #expect(decisions.first == .revert("1", .noHelp) && applied(decisions) == [drain])
        }
    }

    @Test("the runbook is walked in its order, a step at a time, and what is lost to customers comes last and from those nothing is promised to")
    func runbook() {
        var policy = MitigationPolicy()
        policy.most = 100
        var world = MitigationWorld(policy: policy, fleet: fleet)
        for _ in 0..<100 {
            world.turn([slow(lastSeen: world.now)])
            world.now += 5
        }
        #expect(
            world.standing.map(\.target) == [
                MitigationTarget(.warmPool, pool: "warm"),
                MitigationTarget(.backupRegion, tier: "pro", model: "m", region: "eu", toRegion: "us"),
                MitigationTarget(.protectedPool, tier: "business", pool: "gold"),
                MitigationTarget(.reservedCapacity, pool: "spare"),
                MitigationTarget(.shortenBatchWindow, model: "m", region: "eu", value: 25),
                MitigationTarget(.capOutput, tier: "hobby", model: "m", region: "eu", value: 256),
                MitigationTarget(.pauseLongPrompts, tier: "hobby", model: "m", region: "eu", value: 2_000),
                MitigationTarget(.throttleTenant, region: "eu", tenant: "noisy", value: 250_000),
                MitigationTarget(.fallbackModel, tier: "pro", model: "m", region: "eu", toModel: "small"),
                MitigationTarget(.shedTier, tier: "hobby", model: "m", region: "eu"),
            ])
        #expect(world.costs[MitigationTarget(.warmPool, pool: "warm")] == MitigationCost(microUsd: 1_000_000))
        #expect(world.proposed.map(\.action).contains(.raiseWorkers) && world.proposed.map(\.action).contains(.sellCapacity))
        let times = world.standing.map(\.appliedAt)
        let shortest = zip(times, times.dropFirst()).map { $1 - $0 }.min() ?? 0
        #expect(shortest >= policy.stepSeconds)
    }

    @Test("a smaller model does not answer while a contract in force does not name it")
    func fallbackOutsideTheTerms() {
        let refused = Self.terms.map { terms in
            var terms = terms
            terms.isFallbackAgreed = false
            return terms
        }
        var policy = MitigationPolicy()
        policy.most = 100
        for terms in [Self.terms, refused] {
            var fleet = fleet
            fleet.terms = terms
            var world = MitigationWorld(policy: policy, fleet: fleet)
            for _ in 0..<100 {
                world.turn([slow(lastSeen: world.now)])
                world.now += 5
            }
            let actions = world.standing.map(\.target.action)
            #expect(actions.contains(.fallbackModel) == (terms == Self.terms))
        }
    }

    @Test("each action says what it costs: money for capacity, requests and tokens for what is taken, nothing for the rest")
    func costs() {
        var fleet = fleet
        fleet.demand = Demand(
            services: [
                Demand.Service(tier: "hobby", model: "m", region: "eu", requests: 100, batchRequests: 5, longPrompts: 7, tokensAboveCap: 9_000),
                Demand.Service(tier: "pro", model: "m", region: "eu", requests: 40),
                Demand.Service(tier: "hobby", model: "m", region: "us", requests: 3),
            ],
            tenants: ["noisy": Demand.Tenant(requests: 1_000, tokens: 900_000, allowedRequests: 3_600, allowedTokens: 1_200_000)])
        let ladder = MitigationLadder(fleet: fleet)
        let costs = ladder.targets(slow(lastSeen: 0)).reduce(into: [MitigationAction: MitigationCost]()) { $0[$1.action] = ladder.cost($1) }
        let expected: [MitigationAction: MitigationCost] = [
            .warmPool: MitigationCost(microUsd: 1_000_000), .reservedCapacity: MitigationCost(microUsd: nil),
            // Of the pools with workers of the model only one has a price.
            .raiseWorkers: MitigationCost(microUsd: 500_000),
            .shortenBatchWindow: MitigationCost(lessenedRequests: 5), .capOutput: MitigationCost(shortenedTokens: 9_000),
            .pauseLongPrompts: MitigationCost(refusedRequests: 7), .fallbackModel: MitigationCost(lessenedRequests: 40),
            .shedTier: MitigationCost(refusedRequests: 100),
            // A quarter of its tokens is a third of what it sends: the tokens are reached first.
            .throttleTenant: MitigationCost(refusedRequests: 667),
        ]
        for action in MitigationAction.allCases { #expect(costs[action] ?? .nothing == expected[action] ?? .nothing, "\(action)") }
        #expect(MitigationCost.nothing.text == "costs nothing")
        #expect(MitigationCost(microUsd: 5, refusedRequests: 2).text == "costs 5 micro-US-dollars, 2 requests refused an hour")
        #expect(MitigationCost(microUsd: nil).text == "costs capacity of unknown price an hour")
    }

    @Test("what helped is taken back when the trouble has been away, the harshest first, and pinned or manual ones stay")
    func takesBack() {
        var policy = MitigationPolicy()
        policy.most = 5
        var world = MitigationWorld(policy: policy, fleet: fleet)
        for _ in 0..<30 {
            world.turn([slow(lastSeen: world.now)])
            world.now += 5
        }
        let (seen, before) = (world.now, world.standing.map(\.target))
        #expect(before.count == 5)
        world.standing[1].isPinned = true
        world.standing.append(
            .init(id: "by hand", target: MitigationTarget(.shedTier, tier: "hobby"), appliedAt: 0, expiresAt: 1_000_000, isManual: true))
        for _ in 0..<200 {
            world.turn([slow(lastSeen: seen)])
            world.now += 5
        }
        #expect(world.standing.map(\.target) == [before[1], MitigationTarget(.shedTier, tier: "hobby")])
        #expect(world.reverted == [before[4], before[3], before[2], before[0]])
    }

    @Test("a pin keeps something from being taken back, and makes nothing live longer than it was pinned for", arguments: [false, true])
    func pinsEnd(isManual: Bool) {
        let pinned = MitigationPolicy.Standing(
            id: "pinned", target: MitigationTarget(.raiseWorkers, model: "m", region: "eu"), appliedAt: 0, expiresAt: 3_600, isPinned: true,
            isManual: isManual)
        for now in stride(from: Int64(0), to: 3_600, by: 300) {
            #expect(MitigationPolicy().decide(.init(now: now, troubles: [], fleet: fleet, standing: [pinned])).isEmpty, "\(now)")
        }
    }

    @Test("what is refused for others is no reason to go on refusing it")
    func refusalsOfItsOwn() {
        var policy = MitigationPolicy()
        policy.most = 100
        var world = MitigationWorld(policy: policy, fleet: fleet)
        for second in stride(from: Int64(0), to: 2_400, by: 5) {
            world.now = second
            let refuses = world.standing.contains { [.pauseLongPrompts, .shedTier].contains($0.target.action) }
            // Whoever is asked to come later was failed.
            world.turn([slow("pro", lastSeen: min(second, 600))] + (refuses ? [slow("hobby", since: 300, lastSeen: second)] : []))
        }
        #expect(world.history.keys.contains { $0.action == .shedTier } && world.history.keys.contains { $0.action == .pauseLongPrompts })
        #expect(!world.standing.contains { [.pauseLongPrompts, .shedTier].contains($0.target.action) }, "\(world.standing.map(\.target))")
    }

    @Test("a veto and a full list hold; the tier that is protected first is served first")
    func bounds() {
        var policy = MitigationPolicy()
        policy.most = 1
        let troubles = [slow("hobby", since: -100, lastSeen: 0), slow("business", lastSeen: 0), slow("pro", since: -50, lastSeen: 0)]
        let decisions = policy.decide(.init(now: 0, troubles: troubles, fleet: fleet))
        let served = decisions.compactMap { if case .apply(_, let trouble, _, _, _) = $0 { trouble } else { nil } }
        #expect(served == ["slow-business"])
        let vetoed: Set = [MitigationTarget(.warmPool, pool: "warm")]
        let other = policy.decide(.init(now: 0, troubles: troubles, fleet: fleet, vetoed: vetoed))
        #expect(applied(other).map(\.action) == [.backupRegion])
    }

    @Test("what is in force for lesser tiers, by a person's hand or as a roll-back keeps nobody waiting, and nothing keeps a drain waiting")
    func fullLists() throws {
        var policy = MitigationPolicy()
        policy.most = 1
        func decided(_ trouble: Trouble, beside others: [Trouble] = [], _ standing: [MitigationPolicy.Standing]) -> [MitigationTarget] {
            applied(policy.decide(.init(now: 0, troubles: [trouble] + others, fleet: fleet, standing: standing)))
        }
        func standing(_ target: MitigationTarget, manual: Bool = false) -> MitigationPolicy.Standing {
            .init(id: "s", target: target, appliedAt: -100, expiresAt: 3_000, isManual: manual)
        }
        let warm = MitigationTarget(.warmPool, pool: "warm")
        var hobby = slow("hobby", lastSeen: 0)
        hobby.model = "small"
        let ofHobby = MitigationLadder(fleet: fleet).targets(hobby).filter { $0.model == "small" && !$0.action.isUrgent }
        #expect(decided(slow("pro", lastSeen: 0), [standing(warm)]).isEmpty)
        #expect(decided(slow("pro", lastSeen: 0), [standing(warm, manual: true)]).map(\.action) == [.backupRegion])
        #expect(decided(slow("pro", lastSeen: 0), [standing(MitigationTarget(.rollBackImage, release: "m-2"))]) == [warm])
        let own = try #require(ofHobby.first)
        #expect(decided(slow("business", lastSeen: 0), beside: [hobby], [standing(own)]).contains(warm))
        var broken = fleet
        for index in broken.workers.indices where broken.workers[index].provider == "a" { broken.workers[index].isServing = false }
        let drains = applied(policy.decide(.init(now: 0, troubles: [lost("a")], fleet: broken, standing: [standing(warm)])))
        #expect(drains == [MitigationTarget(.drainProvider, region: "eu", provider: "a")])
    }

    @Test("what was taken back is not done again at once; for the trouble of a drill that rest is as much shorter as it says")
    func rest() {
        var fleet = fleet
        for index in fleet.workers.indices where fleet.workers[index].provider == "a" { fleet.workers[index].isServing = false }
        let drain = MitigationTarget(.drainProvider, region: "eu", provider: "a")
        func decided(after seconds: Int64, haste: Int64) -> [MitigationTarget] {
            var trouble = lost("a", lastSeen: seconds)
            trouble.haste = haste
            return applied(MitigationPolicy().decide(.init(now: seconds, troubles: [trouble], fleet: fleet, ended: [drain: 0])))
        }
        #expect(decided(after: 299, haste: 1).isEmpty && decided(after: 300, haste: 1) == [drain])
        #expect(decided(after: 24, haste: 12).isEmpty && decided(after: 25, haste: 12) == [drain])
    }

    @Test("whatever happens, nothing flaps, nobody is drained last, promises are kept and the list has its bound", arguments: 0..<40)
    func properties(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        var policy = MitigationPolicy()
        policy.most = Int.random(in: 1...6, using: &random)
        policy.holdSeconds = 120
        policy.cleanSeconds = 60
        var world = MitigationWorld(policy: policy, fleet: fleet)
        world.fleet.demand.aboveLimits = ["greedy"]
        let tenants = [("noisy", "hobby"), ("greedy", "pro"), ("ramp", "pro"), ("monday", "business"), ("stranger", "gone")]
        let (first, second, third) = (
            tenants.randomElement(using: &random) ?? tenants[0], tenants.randomElement(using: &random) ?? tenants[0],
            tenants.randomElement(using: &random) ?? tenants[0]
        )
        var seen: [String: Trouble] = [:]
        for _ in 0..<1_000 {
            for index in world.fleet.workers.indices where Int.random(in: 0..<30, using: &random) == 0 && !world.fleet.workers[index].isStandby {
                world.fleet.workers[index].isServing.toggle()
            }
            for index in world.fleet.workers.indices where world.fleet.workers[index].provider == "a" {
                let isFaulty = Int.random(in: 0..<3, using: &random) == 0
                world.fleet.workers[index].runtime = FleetView.Runtime(
                    isFaulty: isFaulty && !world.fleet.workers[index].isServing, isRestartable: true)
            }
            for trouble in [
                failing("a1", lastSeen: world.now), failing("a2", lastSeen: world.now), slow("pro", by: first, lastSeen: world.now),
                slow("business", by: second, lastSeen: world.now), slow("hobby", by: third, lastSeen: world.now),
                lost("a", lastSeen: world.now), lost("b", lastSeen: world.now),
            ]
            where Int.random(in: 0..<8, using: &random) == 0 {
                seen[trouble.id] = trouble
            }
            world.turn(Array(seen.values))
            world.check()
            world.now += Int64.random(in: 1...20, using: &random)
        }
        #expect(!world.history.isEmpty)
    }
}

/// Carries out what the policy decides, and remembers.
private struct MitigationWorld {
    let policy: MitigationPolicy
    var fleet: FleetView
    var now: Int64 = 0
    var standing: [MitigationPolicy.Standing] = []
    var ended: [MitigationTarget: Int64] = [:]
    var proposed: Set<MitigationTarget> = []
    var costs: [MitigationTarget: MitigationCost] = [:]
    var reverted: [MitigationTarget] = []
    var history: [MitigationTarget: [Int64]] = [:]
    private var number = 0

    init(policy: MitigationPolicy, fleet: FleetView) {
        self.policy = policy
        self.fleet = fleet
    }

    mutating func turn(_ troubles: [Trouble]) {
        for one in standing where one.expiresAt <= now {
            standing.removeAll { $0.id == one.id }
            ended[one.target] = now
        }
        let decisions = policy.decide(
            .init(now: now, troubles: troubles, fleet: fleet, standing: standing, ended: ended, proposed: proposed))
        for decision in decisions { carryOut(decision) }
    }

    private mutating func carryOut(_ decision: MitigationPolicy.Decision) {
        switch decision {
        case .apply(let target, let trouble, let cost, let expiresAt, _):
            number += 1
            #expect(target.tenant != "greedy" || trouble != "slow-hobby", "nobody is throttled for those who rank below")
            let rest = ended[target].map { now - $0 } ?? .max
            #expect(rest >= policy.holdSeconds, "done again too soon: \(target)")
            standing.append(.init(id: "\(number)", target: target, appliedAt: now, expiresAt: expiresAt))
            costs[target] = cost
            history[target, default: []].append(now)
        case .propose(let target, _, _):
            let isNew = proposed.insert(target).inserted
            #expect(isNew)
        case .extend(let id, let until):
            if let index = standing.firstIndex(where: { $0.id == id }) { standing[index].expiresAt = until }
        case .revert(let id, let reason):
            guard let one = standing.first(where: { $0.id == id }) else { return }
            #expect(reason != .clean || now - one.appliedAt >= policy.holdSeconds, "taken back too soon: \(one.target)")
            standing.removeAll { $0.id == id }
            ended[one.target] = now
            reverted.append(one.target)
        case .withhold: break
        }
    }

    func check() {
        // For each rank.
        #expect(standing.count { !$0.target.action.isUrgent && $0.target.action != .rollBackImage } <= policy.most * fleet.tiers.count)
        #expect(Set(standing.map(\.target)).count == standing.count)
        #expect(fleet.survives(standing.map(\.target)))
        for one in standing where one.target.action.takesFromCustomers {
            switch one.target.action {
            case .throttleTenant: #expect(["noisy", "greedy"].contains(one.target.tenant))
            case .fallbackModel: #expect(one.target.tier == "hobby" || one.target.tier == "pro")
            default: #expect(one.target.tier == "hobby")
            }
        }
    }
}
