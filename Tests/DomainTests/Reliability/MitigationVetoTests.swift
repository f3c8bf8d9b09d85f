import Domain
import Testing

@Suite("What a person does not want beforehand")
struct MitigationVetoTests {
    private static let fleet = FleetView(
        workers: [
            FleetView.Worker(id: "a1", provider: "a", region: "eu", model: "m", release: "r", pool: "p", isServing: false),
            FleetView.Worker(id: "a2", provider: "a", region: "eu", model: "m", release: "r", pool: "p", isServing: false),
            FleetView.Worker(id: "b1", provider: "b", region: "eu", model: "m", release: "r", pool: "q"),
        ], pools: [], tiers: [FleetView.Tier(name: "hobby", rank: 10, isProtected: false)], terms: [])
    private static let lost = Trouble(id: "t", signal: .providerHealth, region: "eu", provider: "a", since: 0, lastSeen: 0)
    private static let drain = MitigationTarget(.drainProvider, region: "eu", provider: "a")

    private func decided(
        _ trouble: Trouble = lost, vetoes: [MitigationTarget], standing: [MitigationPolicy.Standing] = []
    ) -> [MitigationPolicy.Decision] {
        let vetoes = vetoes.map { MitigationVeto(id: "v", target: $0) }
        return MitigationPolicy().decide(.init(now: 0, troubles: [trouble], fleet: Self.fleet, standing: standing, vetoes: vetoes))
    }

    private func isDrained(_ decisions: [MitigationPolicy.Decision]) -> Bool {
        decisions.contains { if case .apply(Self.drain, _, _, _, _) = $0 { true } else { false } }
    }

    @Test("what names an action and a part of its target holds it, and the decisions say so; another provider's or region's does not")
    func holds() {
        #expect(isDrained(decided(vetoes: [])))
        let meant = [
            MitigationTarget(.drainProvider), MitigationTarget(.drainProvider, provider: "a"), MitigationTarget(.drainProvider, region: "eu"),
            Self.drain,
        ]
        for veto in meant {
            let decisions = decided(vetoes: [veto])
            #expect(!isDrained(decisions) && decisions.contains(.withhold(Self.drain, trouble: "t", veto: "v")), "\(veto)")
        }
        let others = [
            MitigationTarget(.drainProvider, provider: "b"), MitigationTarget(.drainProvider, region: "us"), MitigationTarget(.drainWorker),
        ]
        #expect(isDrained(decided(vetoes: others)))
    }

    @Test("a veto of a part holds what would be done everywhere")
    func everywhere() {
        let shed = MitigationVeto(id: "v", target: MitigationTarget(.shedTier, model: "m"))
        #expect(shed.meets(MitigationTarget(.shedTier, tier: "hobby")) && !shed.meets(MitigationTarget(.shedTier, tier: "hobby", model: "n")))
    }

    @Test("a worker's provider, model or release is enough to keep it; the next step is taken instead")
    func workers() {
        let failing = Trouble(id: "t", signal: .workerHealth, model: "m", region: "eu", worker: "a1", since: 0, lastSeen: 0)
        let drained = MitigationPolicy.Decision.withhold(MitigationTarget(.drainWorker, worker: "a1"), trouble: "t", veto: "v")
        for veto in [MitigationTarget(.drainWorker, provider: "a"), MitigationTarget(.drainWorker, model: "m", release: "r")] {
            #expect(decided(failing, vetoes: [veto]).contains(drained), "\(veto)")
        }
        #expect(!decided(failing, vetoes: [MitigationTarget(.drainWorker, provider: "b")]).contains(drained))
    }

    @Test("what is in force is taken back, but for what a person ran or wants to stay; a proposal is not made")
    func inForce() {
        let veto = MitigationTarget(.drainProvider, provider: "a")
        func standing(pinned: Bool = false, manual: Bool = false) -> MitigationPolicy.Standing {
            .init(id: "1", target: Self.drain, appliedAt: 0, expiresAt: 3_600, isPinned: pinned, isManual: manual)
        }
        #expect(decided(vetoes: [veto], standing: [standing()]).contains(.revert("1", .vetoed)))
        for kept in [standing(pinned: true), standing(manual: true)] {
            #expect(!decided(vetoes: [veto], standing: [kept]).contains(.revert("1", .vetoed)))
        }
        let review = MitigationPolicy.Decision.propose(MitigationTarget(.reviewProvider, provider: "a"), trouble: "t")
        #expect(decided(vetoes: [veto]).contains(review), "the steps before it are done or may not be")
        #expect(!decided(vetoes: [veto, MitigationTarget(.reviewProvider)]).contains(review))
    }
}
