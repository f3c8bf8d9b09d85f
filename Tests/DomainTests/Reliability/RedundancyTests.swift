import Testing

@testable import Domain

@Suite struct RedundancyTests {
    private let terms = FleetView.Terms(model: "m", tier: "pro", region: "eu", backupRegion: "us")

    private func worker(_ provider: String, _ region: String, serving: Bool = true, standby: Bool = false, model: String = "m") -> FleetView.Worker {
        FleetView.Worker(
            id: "\(provider)-\(region)", provider: provider, region: region, model: model, isServing: serving, isStandby: standby)
    }

    @Test func twoProvidersMustServeAndTheBackupRegionMustHaveSomebodyWhoCould() {
        func given(_ workers: [FleetView.Worker]) -> Set<Redundancy.Aspect> { Redundancy.given(terms, FleetView(workers: workers)) }
        #expect(given([worker("a", "eu"), worker("b", "eu")]) == [.providers, .scores])
        #expect(given([worker("a", "eu"), worker("a", "us")]) == [.backup])
        #expect(given([worker("a", "eu"), worker("b", "us")]) == [.backup], "where it is sold there is one")
        #expect(given([worker("a", "eu"), worker("b", "eu"), worker("b", "us")]) == [.providers, .scores, .backup])
        #expect(given([worker("a", "eu"), worker("b", "us", serving: false)]) == [])
        #expect(given([worker("a", "eu"), worker("b", "us", serving: false, standby: true)]) == [.backup])
        #expect(given([worker("a", "eu"), worker("b", "us", model: "other")]) == [])
        var barred = worker("b", "eu")
        barred.isAdmitted = false
        #expect(given([worker("a", "eu"), barred]) == [.providers], "its score is too low")
        var fallen = FleetView.Terms(model: "m", tier: "pro", region: "eu", fallbackModel: "small", isDrilled: true)
        #expect(Redundancy.given(fallen, FleetView(workers: [worker("a", "eu", model: "small")])) == [.fallback, .drill])
        fallen.isDrilled = false
        #expect(Redundancy.given(fallen, FleetView(workers: [worker("a", "eu", serving: false, model: "small")])) == [])
        let unnamed = FleetView.Terms(model: "m", tier: "pro", region: "eu")
        #expect(Redundancy.given(unnamed, FleetView(workers: [worker("a", "eu"), worker("b", "eu"), worker("b", "us")])) == [.providers, .scores])
    }

    @Test func whatIsSoldWarmNeedsWorkersThatServeInBothRegions() {
        var warm = terms
        warm.isWarm = true
        let given = { (workers: [FleetView.Worker]) in Redundancy.given(warm, FleetView(workers: workers)).contains(.warm) }
        #expect(given([worker("a", "eu"), worker("b", "us")]))
        #expect(!given([worker("a", "eu"), worker("b", "us", serving: false, standby: true)]), "one that stands by is not warm")
        #expect(!given([worker("b", "us")]))
        #expect(Redundancy.lost([], of: Redundancy.asked(warm), stood: [], isOverridden: false).contains(.warm))
        #expect(!Redundancy.lost([], of: Redundancy.asked(terms), stood: [], isOverridden: false).contains(.warm), "nobody promised it")
    }

    @Test func anOverrideExcusesOnlyWhatWasNeverThere() {
        let sets: [Set<Redundancy.Aspect>] = [[], [.providers], [.backup], [.providers, .backup]]
        for given in sets {
            for stood in sets {
                let proven = Set(Redundancy.lost(given, stood: stood, isOverridden: false))
                #expect(proven == Set(Redundancy.Aspect.allCases).subtracting(given), "whatever stood before")
                #expect(Set(Redundancy.lost(given, stood: stood, isOverridden: true)) == stood.subtracting(given))
            }
        }
    }
}
