/// How far a provider of machines can be relied on, 0 to 100 (reference, section 2.13). For choices among providers, never for money: floating
/// point is good enough.
package struct ProviderScore: Sendable {
    /// One day of probes.
    package struct Day: Sendable {
        package var successes: Double
        package var probes: Double

        package init(successes: Double, probes: Double) {
            self.successes = successes
            self.probes = probes
        }
    }

    package static let halfLifeDays = 7.0
    package static let priorSuccess = 0.98
    package static let priorStrength = 200.0
    /// Share of failures that is worth no point.
    package static let worstFailure = 0.02
    package static let latencyMilliseconds = (good: 20.0, most: 250.0)
    /// Spread of the hourly price, to its median, that is worth no point.
    package static let worstSpread = 0.5
    package static let penaltyHalfLifeHours = 24.0

    /// Each 0 to 1.
    package var availability: Double
    package var latency: Double
    package var preemption: Double
    package var price: Double

    package init(availability: Double, latency: Double, preemption: Double, price: Double) {
        self.availability = availability
        self.latency = latency
        self.preemption = preemption
        self.price = price
    }

    package var points: Double { 45 * availability + 20 * latency + 20 * preemption + 15 * price }

    /// Share of probes that succeed: days weigh half after seven, and few probes say little against what is expected of anyone.
    ///
    /// - Parameters:
    ///   - days: The newest first.
    ///   - prior: Share that is expected of anyone.
    package static func success(_ days: [Day], halfLifeDays: Double = halfLifeDays, prior: Double = priorSuccess) -> Double {
        var (good, all) = (prior * priorStrength, priorStrength)
        for (age, day) in days.enumerated() {
            let weight = Logarithm.power2(-Double(age) / halfLifeDays)
            good += weight * day.successes
            all += weight * day.probes
        }
        return good / all
    }

    package static func availability(success: Double) -> Double { clamp(1 - (1 - success) / worstFailure) }

    package static func latency(milliseconds: Double, good: Double = latencyMilliseconds.good, most: Double = latencyMilliseconds.most) -> Double {
        clamp((most - milliseconds) / (most - good))
    }

    /// Of preemptions, the share that left time to drain; one half where there was none to judge by.
    package static func preemption(undrained: Int, total: Int) -> Double { total == 0 ? 0.5 : clamp(1 - Double(undrained) / Double(total)) }

    /// - Parameter hourly: Prices of the last seven days. Without any it is not known to be stable.
    package static func price(hourly: [Double]) -> Double {
        let sorted = hourly.sorted()
        guard let least = sorted.first, let most = sorted.last else { return 0 }
        let middle = sorted.count / 2
        let median = sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
        guard median > 0 else { return 0 }
        return clamp(1 - min(1, (most - least) / median / worstSpread))
    }

    /// After an incident the points are halved, and come back as time passes.
    package static func penalized(_ points: Double, hoursSinceIncident: Double) -> Double {
        points * (1 - 0.5 * Logarithm.power2(-hoursSinceIncident / penaltyHalfLifeHours))
    }

    private static func clamp(_ value: Double) -> Double { min(max(value, 0), 1) }
}

/// Whether a provider may serve tiers with a promise: out below one bound, back only above a higher one and after clean probes.
package enum PaidTierGate {
    package static let least = 70.0
    package static let readmission = 75.0
    package static let cleanProbes = 30
    /// About a day of one worker's.
    package static let measuredProbes: Int64 = 2_000
    /// Without a probe for so long there is no score.
    package static let staleHours = 24.0

    /// - Parameter points: Nil: no score.
    package static func admits(points: Double?, isAdmitted: Bool, cleanProbes clean: Int) -> Bool {
        guard let points else { return false }
        return isAdmitted ? points >= least : points >= readmission && clean >= cleanProbes
    }

    /// Whether it may not even where nobody else is left: what is measured of it is too bad, not what is assumed of anyone, and not for an incident that is
    /// over. It stays so while nobody probes.
    ///
    /// - Parameters:
    ///   - known: Points with all that is not known at its best, without what an incident takes; nil: no score.
    ///   - isLow: So far.
    ///   - isMeasured: It was admitted, or was asked `measuredProbes` times: few probes say little.
    package static func isLow(known: Double?, isLow: Bool, isMeasured: Bool, cleanProbes clean: Int) -> Bool {
        guard let known else { return isLow }
        return isLow ? known < readmission || clean < cleanProbes : isMeasured && known < least
    }

    package static func isStale(hoursSinceProbe: Double) -> Bool { hoursSinceProbe >= staleHours }
}
