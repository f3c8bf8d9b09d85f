/// What the public is told of a model in a region, from the minutes of all its tenants together (reference, section 2.2).
package enum PublicStatus {
    /// Share of failed requests above which a minute of the whole service is bad.
    package static let minuteRule = TrafficRule.ratio(above: Ratio(1, 20))
    /// Minutes that the present state is judged by, and that news may be old.
    package static let windowMinutes: Int64 = 5

    package enum State: String, Sendable {
        case operational
        case underMaintenance = "under_maintenance"
        case unmeasured
        case degradedPerformance = "degraded_performance"
        case partialOutage = "partial_outage"
        case majorOutage = "major_outage"
    }

    /// The state at the end of some complete minutes. What is bad in a few of them is told; that it is well only where most of them are known. Announced
    /// work stands in the place of what is well and of what nobody measured, and of nothing else: an outage stays one.
    ///
    /// - Parameters:
    ///   - minutes: The last `windowMinutes` without those that are left out, in any order; those of which nothing is known may be missing.
    ///   - latency: Time to the first token in them, against the tiers' objectives.
    ///   - isMaintained: Announced maintenance is under way.
    ///   - leftOut: Of the last `windowMinutes`, those of work as contracts accept it; 0 to `windowMinutes`.
    ///   - hasIncident: A published incident of it that has an impact is open, which the state may not contradict.
    package static func state(
        _ minutes: [MinuteEvidence], latency: LatencyCounter = LatencyCounter(), isMaintained: Bool = false, leftOut: Int64 = 0,
        hasIncident: Bool = false
    ) -> State {
        let counting = windowMinutes - leftOut
        guard counting > 0 else { return hasIncident ? .degradedPerformance : .underMaintenance }
        let known = minutes.filter { $0.budgetStatus(minuteRule) != .unmeasured }
        guard !known.isEmpty else { return isMaintained && !hasIncident ? .underMaintenance : .unmeasured }
        let bad = known.filter { [.bad, .badIdle].contains($0.budgetStatus(minuteRule)) }
        if bad.count == known.count, bad.count >= 2, isMajor(bad) { return .majorOutage }
        if bad.count * 2 > known.count, bad.count >= 2 { return .partialOutage }
        guard bad.isEmpty && latency.isBreach != true && !hasIncident else { return .degradedPerformance }
        guard !isMaintained else { return .underMaintenance }
        return Int64(known.count) * 2 > counting ? .operational : .unmeasured
    }

    /// At least half of what was asked failed, or nobody asked and every probe failed.
    private static func isMajor(_ minutes: [MinuteEvidence]) -> Bool {
        let (good, bad) = minutes.reduce((Int64(0), Int64(0))) { ($0.0 + $1.good, $0.1 + $1.bad) }
        return bad * 2 >= good + bad
    }

    /// The worst state of a day or an hour by its counts of minutes.
    ///
    /// - Parameter lost: Bad minutes in which at least half of what was asked failed.
    package static func worst(good: Int64, bad: Int64, lost: Int64, excluded: Int64, unmeasured: Int64) -> State? {
        if lost >= windowMinutes { return .majorOutage }
        if bad >= windowMinutes { return .partialOutage }
        if bad > 0 { return .degradedPerformance }
        if unmeasured > 0 { return .unmeasured }
        if good > 0 { return .operational }
        return excluded > 0 ? .underMaintenance : nil
    }

    /// Share of good minutes among those that count; time of which nothing is known counts and is not good. Nil without such a minute.
    package static func uptime(good: Int64, bad: Int64, unmeasured: Int64) -> Ratio? {
        let counting = good + bad + unmeasured
        return counting == 0 ? nil : Ratio(good, counting)
    }
}
