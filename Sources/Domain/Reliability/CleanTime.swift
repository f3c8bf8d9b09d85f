/// What an incident is about, as far as minutes tell of it.
package struct IncidentSubject: Sendable {
    /// Empty: all.
    package var tier: String
    /// Empty: all.
    package var models: [String]
    /// Empty: all.
    package var region: String
    /// Traffic that a drill makes tells of it too.
    package var isDrill: Bool

    package init(tier: String, models: [String], region: String, isDrill: Bool = false) {
        self.tier = tier
        self.models = models
        self.region = region
        self.isDrill = isDrill
    }

    func covers(_ service: ServiceName) -> Bool {
        (tier.isEmpty || tier == service.tier) && covers(CleanTime.Place(model: service.model, region: service.region))
            && (isDrill || !service.isDrill)
    }

    func covers(_ place: CleanTime.Place) -> Bool {
        (models.isEmpty || models.contains(place.model)) && (region.isEmpty || region == place.region)
    }
}

/// Time in which what an incident is about was measured, by traffic or by probes, and kept its objectives (reference, section 2.14). Minutes are numbered
/// since 1970.
package struct CleanTime: Sendable {
    package struct Place: Sendable, Hashable {
        package var model: String
        package var region: String

        package init(model: String, region: String) {
            self.model = model
            self.region = region
        }
    }

    private let services: [ServiceName: [Int64: ServiceMinute]]
    private let objectives: [Objective]
    private let probes: [Place: [Int64: Bool]]

    /// - Parameter probes: Minutes with a probe; true: one succeeded.
    package init(_ services: [ServiceName: [Int64: ServiceMinute]], _ objectives: [Objective], probes: [Place: [Int64: Bool]]) {
        self.services = services
        self.objectives = objectives
        self.probes = probes
    }

    /// Seconds after the last minute that was not as promised. A minute of which nothing is known is not clean, and does not make the others less so.
    ///
    /// - Parameters:
    ///   - since: The last sign, or when somebody began to look, if that was later; seconds since 1970, as `now`.
    ///   - isWhole: Of minutes that are complete and lie behind `since` only; else the part of begun ones that lies between the two counts, too.
    package func seconds(of subject: IncidentSubject, since: Double, now: Double, isWhole: Bool) -> Double {
        let first = (since / 60).rounded(isWhole ? .up : .down)
        let end = isWhole ? ((now - Double(SignalRules.settling)) / 60).rounded(.down) : (now / 60).rounded(.down) + 1
        guard first < end else { return 0 }
        let named = services.filter { subject.covers($0.key) }.map { name, minutes in
            (model: name.model, minutes: minutes, objectives: BreachObjectives(objectives, for: name))
        }
        var seconds = 0.0
        for minute in Int64(first)..<Int64(end) {
            let isBreached = isBreached(subject, minute) { model in
                named.compactMap { (model ?? $0.model) == $0.model ? $0.minutes[minute]?.isBreached($0.objectives) : nil }
            }
            switch isBreached {
            case true?: seconds = 0
            case false?: seconds += min(now, Double(minute + 1) * 60) - max(since, Double(minute) * 60)
            case nil: break
            }
        }
        return seconds
    }

    /// Nil: nothing is known of one of its models.
    private func isBreached(_ subject: IncidentSubject, _ minute: Int64, _ verdicts: (String?) -> [Bool]) -> Bool? {
        let parts = subject.models.isEmpty ? [nil] : subject.models.map(Optional.some)
        let known = parts.map { model in
            let asked = verdicts(model)
            return asked.isEmpty ? isDown(subject, model, minute) : asked.contains(true)
        }
        if known.contains(true) { return true }
        return known.contains(nil) ? nil : false
    }

    /// By the probes of a minute in which nobody asked; nil: there were none.
    private func isDown(_ subject: IncidentSubject, _ model: String?, _ minute: Int64) -> Bool? {
        let verdicts = probes.compactMap { place, minutes in
            subject.covers(place) && (model ?? place.model) == place.model ? minutes[minute] : nil
        }
        return verdicts.isEmpty ? nil : verdicts.contains(false)
    }
}
