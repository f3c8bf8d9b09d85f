import Domain
import Testing

/// What is done about a provider, beside its workers.
@Suite("A provider's trouble")
struct ProviderRemedyTests {
    private static let drain = MitigationTarget(.drainProvider, region: "eu", provider: "a")
    private static let review = MitigationTarget(.reviewProvider, provider: "a")

    private func fleet(failing: Set<String>, serving: Bool = true) -> FleetView {
        let workers = [("a1", "a"), ("a2", "a"), ("a3", "a"), ("b1", "b")].map { id, provider in
            FleetView.Worker(
                id: id, provider: provider, region: "eu", model: "m", isServing: !failing.contains(id) && (serving || provider == "b"),
                runtime: FleetView.Runtime(isFaulty: failing.contains(id), isRestartable: true))
        }
        return FleetView(workers: workers, tiers: [FleetView.Tier(name: "pro", rank: 50, isProtected: true)])
    }

    private func trouble(_ signal: IncidentSignal, lastSeen: Int64) -> Trouble {
        Trouble(id: "t", signal: signal, model: signal == .providerHealth ? nil : "m", region: "eu", provider: "a", since: 0, lastSeen: lastSeen)
    }

    /// - Parameter restarted: When restarts of workers were ordered that are under way.
    private func decided(_ fleet: FleetView, _ signal: IncidentSignal = .providerHealth, at now: Int64, restarted: [String: Int64] = [:])
        -> [MitigationPolicy.Decision]
    {
        var fleet = fleet
        for index in fleet.workers.indices { fleet.workers[index].runtime.isRestarting = restarted[fleet.workers[index].id] != nil }
        let standing = restarted.sorted { $0.key < $1.key }.map { worker, at in
            MitigationPolicy.Standing(id: worker, target: MitigationTarget(.restartWorker, worker: worker), appliedAt: at, expiresAt: 9_000)
        }
        return MitigationPolicy().decide(.init(now: now, troubles: [trouble(signal, lastSeen: now)], fleet: fleet, standing: standing))
    }

    private func applied(_ decisions: [MitigationPolicy.Decision]) -> [MitigationTarget] {
        decisions.compactMap { if case .apply(let target, _, _, _, _) = $0 { target } else { nil } }
    }

    @Test(
        "its failing workers are restarted first, and those that are well are drained with them only a step later",
        arguments: [
            IncidentSignal.providerHealth, .serverErrors,
        ])
    func waits(signal: IncidentSignal) {
        let fleet = fleet(failing: ["a1", "a2"])
        #expect(applied(decided(fleet, signal, at: 0)) == [MitigationTarget(.restartWorker, worker: "a1")])
        for now in [1, 29] as [Int64] { #expect(!applied(decided(fleet, signal, at: now, restarted: ["a1": 0])).contains(Self.drain)) }
        #expect(applied(decided(fleet, signal, at: 30, restarted: ["a1": 0])).contains(Self.drain))
        // A second one restarted meanwhile does not put it off for another step.
        #expect(applied(decided(fleet, signal, at: 30, restarted: ["a1": 0, "a2": 20])).contains(Self.drain))
    }

    @Test("one of whose workers none serves is drained at once")
    func allOfThem() {
        #expect(applied(decided(fleet(failing: ["a1", "a2", "a3"]), at: 1, restarted: ["a1": 0])) == [Self.drain])
        #expect(applied(decided(fleet(failing: [], serving: false), at: 0)) == [Self.drain])
    }

    @Test("who is drained is put up for review, though more of the runbook can be done")
    func review() {
        let fleet = fleet(failing: [])
        #expect(applied(decided(fleet, .serverErrors, at: 0)) == [Self.drain])
        #expect(!decided(fleet, .serverErrors, at: 0).contains(.propose(Self.review, trouble: "t")))
        let standing = MitigationPolicy.Standing(id: "1", target: Self.drain, appliedAt: 0, expiresAt: 9_000)
        let next = MitigationPolicy().decide(.init(now: 1, troubles: [trouble(.serverErrors, lastSeen: 1)], fleet: fleet, standing: [standing]))
        #expect(next.contains(.propose(Self.review, trouble: "t")))
    }

    @Test("the last one of a model is left alone")
    func last() {
        var fleet = fleet(failing: [])
        fleet.workers.removeAll { $0.provider == "b" }
        #expect(!applied(decided(fleet, .serverErrors, at: 0)).contains(Self.drain))
    }
}
