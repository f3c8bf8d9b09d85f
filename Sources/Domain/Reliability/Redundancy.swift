/// What stands behind something that is sold with a promise, and whether its loss is an incident (reference, section 2.13).
package enum Redundancy {
    package enum Aspect: String, Sendable, CaseIterable {
        /// Two of them serve the model in its primary region.
        case providers
        /// Two of those that do may serve tiers with a promise.
        case scores
        /// Workers of the model live in the backup region.
        case backup
        /// Workers of the model serve in both regions, of what is sold so.
        case warm
        /// The SKU that stands in for it is there, and workers of its model live.
        case fallback
        /// That was tried under a failure, and held, within the time that a drill is worth something.
        case drill
    }

    /// What the fleet gives now. A backup region that is only a name gives nothing, nor do providers with a low score, which serve nothing of it.
    package static func given(_ terms: FleetView.Terms, _ fleet: FleetView) -> Set<Aspect> {
        let workers = fleet.workers.filter { $0.model == terms.model && !$0.hasLowScore }
        var given: Set<Aspect> = []
        let serving = workers.filter(\.isServing)
        // Where it is sold: nobody else helps there.
        let here = serving.filter { $0.region == terms.region }
        if Set(here.map(\.provider)).count >= 2 { given.insert(.providers) }
        if Set(here.lazy.filter(\.isAdmitted).map(\.provider)).count >= 2 { given.insert(.scores) }
        if let backup = terms.backupRegion, workers.contains(where: { $0.region == backup && ($0.isServing || $0.isStandby) }) {
            given.insert(.backup)
        }
        let regions = [terms.region, terms.backupRegion]
        if terms.isWarm, regions.allSatisfy({ region in serving.contains { $0.region == region } }) { given.insert(.warm) }
        let others = fleet.workers.lazy.filter { $0.model == terms.fallbackModel && !$0.hasLowScore }
        if others.contains(where: { $0.isServing || $0.isStandby }) { given.insert(.fallback) }
        if terms.isDrilled { given.insert(.drill) }
        return given
    }

    /// What is promised of it.
    package static func asked(_ terms: FleetView.Terms) -> [Aspect] { Aspect.allCases.filter { $0 != .warm || terms.isWarm } }

    /// What is lost. What was sold on proof must have all of it. An override excuses that something was missing when it was sold, and not that what
    /// was there since is gone.
    package static func lost(
        _ given: Set<Aspect>, of asked: [Aspect] = Aspect.allCases, stood: Set<Aspect>, isOverridden: Bool
    ) -> [Aspect] {
        asked.filter { !given.contains($0) && (!isOverridden || stood.contains($0)) }
    }
}
