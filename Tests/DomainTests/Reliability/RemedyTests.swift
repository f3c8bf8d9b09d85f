import Domain
import FoundationEssentials
import Testing

/// What is tried against each sign, in which order and at whose cost.
@Suite("The runbook by sign")
struct RemedyTests {
    private static let fleet = FleetView(
        workers: [
            FleetView.Worker(
                id: "a1", provider: "a", region: "eu", model: "m", release: "new", runtime: FleetView.Runtime(isFaulty: true, isRestartable: true)),
            FleetView.Worker(id: "b1", provider: "b", region: "eu", model: "m", pool: "gold"),
            FleetView.Worker(id: "u1", provider: "b", region: "us", model: "m"),
            FleetView.Worker(id: "s1", provider: "b", region: "eu", model: "small"),
            FleetView.Worker(id: "w1", provider: "a", region: "eu", model: "m", pool: "warm", isServing: false, isStandby: true),
            FleetView.Worker(id: "z1", provider: "c", region: "eu", model: "m", pool: "spare", isServing: false, isStandby: true),
        ],
        pools: [
            FleetView.Pool(name: "warm", kind: .warm, region: "eu"), FleetView.Pool(name: "gold", kind: .reserved, region: "eu"),
            FleetView.Pool(name: "spare", kind: .reserved, region: "eu"),
        ],
        tiers: [
            FleetView.Tier(name: "hobby", rank: 10, isProtected: false), FleetView.Tier(name: "pro", rank: 50, isProtected: true),
            FleetView.Tier(name: "business", rank: 90, isProtected: true),
        ],
        terms: ["pro", "business"].map {
            FleetView.Terms(model: "m", tier: $0, region: "eu", backupRegion: "us", fallbackModel: $0 == "pro" ? "small" : nil)
        })

    private static let felt: [MitigationTarget] = [
        MitigationTarget(.restartWorker, worker: "a1"), MitigationTarget(.drainWorker, worker: "a1"), MitigationTarget(.warmPool, pool: "warm"),
        MitigationTarget(.backupRegion, tier: "business", model: "m", region: "eu", toRegion: "us"),
        MitigationTarget(.backupRegion, tier: "pro", model: "m", region: "eu", toRegion: "us"),
        MitigationTarget(.protectedPool, tier: "business", pool: "gold"), MitigationTarget(.reservedCapacity, pool: "spare"),
        MitigationTarget(.raiseWorkers, model: "m", region: "eu"), MitigationTarget(.rollBackImage, model: "m", release: "new"),
        MitigationTarget(.shortenBatchWindow, model: "m", region: "eu", value: 25),
        MitigationTarget(.capOutput, tier: "hobby", model: "m", region: "eu", value: 256),
        MitigationTarget(.pauseLongPrompts, tier: "hobby", model: "m", region: "eu", value: 2_000),
        MitigationTarget(.throttleTenant, region: "eu", tenant: "noisy", value: 250_000),
        MitigationTarget(.fallbackModel, tier: "pro", model: "m", region: "eu", toModel: "small"),
        MitigationTarget(.shedTier, tier: "hobby", model: "m", region: "eu"), MitigationTarget(.sellCapacity, tenant: "noisy"),
    ]

    /// Before anything is missed: reserved pools, the backup region, the smaller model that terms name.
    private static let forecast: Set<MitigationAction> = [
        .warmPool, .backupRegion, .protectedPool, .reservedCapacity, .raiseWorkers, .fallbackModel,
    ]

    private static func ladder(of signal: IncidentSignal) -> [MitigationTarget] {
        switch signal {
        case .breachedMinutes, .firstTokenLate, .burn, .queueTime, .probesFailing, .serverErrors, .disconnects: felt
        case .workerHealth: [MitigationTarget(.restartWorker, worker: "a1"), MitigationTarget(.drainWorker, worker: "a1")]
        case .providerHealth:
            [
                MitigationTarget(.restartWorker, worker: "a1"), MitigationTarget(.drainProvider, region: "eu", provider: "a"),
                MitigationTarget(.reviewProvider, provider: "a"),
            ]
        case .redundancy: [MitigationTarget(.raiseWorkers, model: "m", region: "eu")]
        case .budgetEnding: felt.filter { forecast.contains($0.action) }
        case .unmeasured, .outsideLost: []
        }
    }

    private func trouble(_ signal: IncidentSignal, release: String? = "new", suspect: String? = nil, worker: String? = "a1") -> Trouble {
        Trouble(
            id: "t", signal: signal, model: "m", region: "eu", provider: signal == .providerHealth ? "a" : nil,
            worker: signal == .providerHealth ? nil : worker, tenant: "noisy", tenantTier: "hobby", release: release, suspect: suspect, since: 0,
            lastSeen: 0)
    }

    @Test("every sign has its steps of the runbook in the runbook's order", arguments: IncidentSignal.allCases)
    func steps(signal: IncidentSignal) {
        let targets = MitigationLadder(fleet: Self.fleet).targets(trouble(signal))
        #expect(targets == Self.ladder(of: signal))
        let order = targets.compactMap { MitigationAction.runbook.firstIndex(of: $0.action) }
        #expect(order == order.sorted() && order.count == targets.count)
        for target in targets where target.action.takesFromCustomers {
            let tier = target.action == .throttleTenant ? trouble(signal).tenantTier : target.tier
            #expect(tier == "hobby" || target.action == .fallbackModel, "nothing is taken from whom something is promised to")
        }
    }

    @Test("the document has what is done by itself in the runbook's order")
    func documented() throws {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let text = try String(contentsOf: root.appending(path: "docs/reliability.md"), encoding: .utf8)
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        let title = try #require(lines.firstIndex(of: "| action | reads | at the gateway |"))
        let rows = lines[(title + 2)...].prefix { $0.hasPrefix("| `") }
        let named = rows.compactMap { $0.split(separator: "`").dropFirst().first.map(String.init) }
        #expect(named == MitigationAction.runbook.filter(\.isAutomatic).map(\.rawValue))
    }

    /// Who gets the smaller model for the sake of a tier.
    private func fallbacks(_ signal: IncidentSignal, for tier: String?) -> [String?] {
        var (fleet, trouble) = (Self.fleet, trouble(signal))
        for index in fleet.terms.indices { fleet.terms[index].fallbackModel = "small" }
        fleet.terms.append(FleetView.Terms(model: "m", tier: "hobby", region: "eu", fallbackModel: "small"))
        trouble.tier = tier
        return MitigationLadder(fleet: fleet).targets(trouble).filter { $0.action == .fallbackModel }.map(\.tier)
    }

    @Test("a smaller model answers for those who suffer and who rank below them, never for their betters; for a forecast its own tier alone")
    func fallbackTiers() {
        #expect(fallbacks(.serverErrors, for: "hobby") == ["hobby"])
        #expect(fallbacks(.queueTime, for: "pro") == ["hobby", "pro"])
        for tier in [nil, "business"] { #expect(fallbacks(.firstTokenLate, for: tier) == ["hobby", "pro", "business"]) }
        #expect(fallbacks(.budgetEnding, for: "business") == ["business"] && fallbacks(.budgetEnding, for: "pro") == ["pro"])
        #expect(fallbacks(.serverErrors, for: "gone").isEmpty)
    }

    /// What is done, until nothing more is, about what a tier feels while a tenant of a tier sends more than usual.
    private func throttles(_ tenant: String?, for sufferer: String?, above: Bool) -> (applied: Bool, proposed: Bool) {
        let target = MitigationTarget(.throttleTenant, region: "eu", tenant: "noisy", value: 250_000)
        var (policy, fleet, felt) = (MitigationPolicy(), Self.fleet, trouble(.firstTokenLate, worker: nil))
        policy.most = 100
        fleet.demand.aboveLimits = above ? ["noisy"] : []
        (felt.tier, felt.tenantTier) = (sufferer, tenant)
        var (standing, proposed) = ([MitigationPolicy.Standing](), Set<MitigationTarget>())
        for second in stride(from: Int64(0), to: 600, by: 30) {
            felt.lastSeen = second
            for decision in policy.decide(.init(now: second, troubles: [felt], fleet: fleet, standing: standing, proposed: proposed)) {
                switch decision {
                case .apply(let target, _, _, let end, _):
                    standing.append(.init(id: "\(standing.count)", target: target, appliedAt: second, expiresAt: end))
                case .propose(let target, _, _): proposed.insert(target)
                default: break
                }
            }
        }
        return (standing.contains { $0.target == target }, proposed.contains(target))
    }

    @Test("a tenant is throttled for its equals and betters only, and inside what was promised to it for nobody; else a person is asked")
    func throttled() {
        for (tenant, sufferer, above, isDone) in [
            ("hobby", "hobby", false, true), ("hobby", "business", false, true), ("hobby", nil, false, true),
            ("business", "hobby", false, false), ("business", "hobby", true, false), ("business", "business", false, false),
            ("business", "business", true, true), ("pro", "hobby", true, false), ("pro", "business", true, true), ("pro", nil, false, false),
            (nil, "business", true, false),
        ] as [(String?, String?, Bool, Bool)] {
            let found = throttles(tenant, for: sufferer, above: above)
            let words = "\(tenant ?? "unknown") for \(sufferer ?? "all"), above its limits: \(above)"
            #expect(found.applied == isDone && found.proposed == !isDone, "\(words)")
        }
    }

    @Test("a throttle goes when its tenant asks for no more than was agreed, though the trouble stays")
    func throttleEnds() {
        var (fleet, felt) = (Self.fleet, trouble(.firstTokenLate, worker: nil))
        (felt.tier, felt.tenantTier, felt.lastSeen) = ("business", "business", 1_000)
        let target = MitigationTarget(.throttleTenant, region: "eu", tenant: "noisy", value: 250_000)
        let standing = MitigationPolicy.Standing(id: "1", target: target, appliedAt: 0, expiresAt: 10_000)
        func isTakenBack() -> Bool {
            MitigationPolicy().decide(.init(now: 1_000, troubles: [felt], fleet: fleet, standing: [standing])).contains(.revert("1", .clean))
        }
        #expect(isTakenBack())
        fleet.demand.aboveLimits = ["noisy"]
        #expect(!isTakenBack())
    }

    @Test("what customers feel has a provider drained on evidence, after its failing workers and before what moves requests", arguments: felts)
    func provider(signal: IncidentSignal) {
        var trouble = trouble(signal, release: nil, worker: nil)
        #expect(!MitigationLadder(fleet: Self.fleet).targets(trouble).contains { [.drainProvider, .reviewProvider].contains($0.action) })
        trouble.provider = "a"
        let targets = MitigationLadder(fleet: Self.fleet).targets(trouble)
        let drain = MitigationTarget(.drainProvider, region: "eu", provider: "a")
        #expect(targets.prefix(2) == [MitigationTarget(.restartWorker, worker: "a1"), drain])
        #expect(targets.last == MitigationTarget(.reviewProvider, provider: "a"))
    }

    private static let felts = IncidentSignal.allCases.filter(\.isFelt)

    @Test("Hobby is shed and paused for others, never for itself", arguments: IncidentSignal.allCases.filter(\.isFelt))
    func sheds(signal: IncidentSignal) {
        func refusals(for tier: String?) -> [MitigationAction] {
            var trouble = trouble(signal)
            trouble.tier = tier
            return MitigationLadder(fleet: Self.fleet).targets(trouble).map(\.action).filter { [.pauseLongPrompts, .shedTier].contains($0) }
        }
        for tier in [nil, "business", "pro"] { #expect(refusals(for: tier) == [.pauseLongPrompts, .shedTier]) }
        #expect(refusals(for: "hobby").isEmpty)
    }

    private func decisions(_ trouble: Trouble, standing: [MitigationPolicy.Standing] = [], now: Int64 = 0) -> [MitigationPolicy.Decision] {
        var policy = MitigationPolicy()
        policy.most = 100
        return policy.decide(.init(now: now, troubles: [trouble], fleet: Self.fleet, standing: standing))
    }

    @Test("a release is rolled back on evidence, proposed on suspicion, and stays away when the trouble is over")
    func rollBack() {
        let target = MitigationTarget(.rollBackImage, model: "m", release: "new")
        var proven: [MitigationTarget] = []
        var suspected: [MitigationTarget] = []
        for second in stride(from: Int64(0), to: 600, by: 30) {
            func step(_ trouble: Trouble, _ applied: inout [MitigationTarget]) -> Bool {
                let standing = applied.enumerated().map {
                    MitigationPolicy.Standing(id: "\($0)", target: $1, appliedAt: Int64($0) * 30, expiresAt: 100_000)
                }
                var trouble = trouble
                trouble.lastSeen = second
                let decided = decisions(trouble, standing: standing, now: second)
                for decision in decided { if case .apply(let target, _, _, _, _) = decision { applied.append(target) } }
                return decided.contains(.propose(target, trouble: "t"))
            }
            #expect(!step(trouble(.serverErrors, worker: nil), &proven))
            _ = step(trouble(.serverErrors, release: nil, suspect: "new", worker: nil), &suspected)
        }
        #expect(proven.contains(target) && !suspected.contains(target))
        let standing = MitigationPolicy.Standing(id: "1", target: target, appliedAt: 0, expiresAt: 10_100)
        #expect(decisions(trouble(.serverErrors), standing: [standing], now: 10_000) == [.extend("1", until: 10_000 + 7 * 86_400)])
    }

    @Test("a budget that is spent slowly has what does harm taken out, and nothing done that anybody feels or pays for")
    func slowBurn() {
        var trouble = trouble(.burn)
        (trouble.isSlowBurn, trouble.provider) = (true, "a")
        #expect(
            MitigationLadder(fleet: Self.fleet).targets(trouble) == [
                MitigationTarget(.restartWorker, worker: "a1"), MitigationTarget(.drainWorker, worker: "a1"),
                MitigationTarget(.drainProvider, region: "eu", provider: "a"), MitigationTarget(.rollBackImage, model: "m", release: "new"),
                MitigationTarget(.reviewProvider, provider: "a"),
            ])
    }
}
