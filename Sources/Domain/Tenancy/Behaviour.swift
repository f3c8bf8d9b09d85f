/// What of a tenant's behaviour is watched, minute by minute.
package enum BehaviourSignal: String, Sendable, CaseIterable {
    /// Tokens of prompts and answers together.
    case tokens
    /// Requests that failed by the customer's own fault or were refused by a limit or a rule.
    case errors

    /// Values below are never remarkable, whatever the tenant did before.
    package var floor: Double {
        switch self {
        case .tokens: 20_000
        case .errors: 30
        }
    }
}

/// How a tenant usually behaves, and whether it does so now: an exponentially weighted mean and variance of the logarithm of each active minute
/// (Roberts 1959; the variance as in Finch 2009, "Incremental calculation of weighted mean and variance", section 9).
///
/// An alarm needs several minutes in a row that are far above everything usual, both by the tenant's own spread and by factor; what is far above
/// teaches the mean only as much as the border of the usual would, so that an attack does not become usual while it lasts, and growth does within days.
package struct Behaviour: Sendable, Equatable {
    package enum Verdict: Sendable, Equatable {
        case usual
        /// Far above, but not for long enough.
        case remarkable
        /// The first minute of an alarm.
        case alarmed
        /// The alarm goes on.
        case alarming
        /// The alarm is over.
        case released
    }

    /// Active minutes before anything is judged.
    package static let learning = 60
    /// Minutes in a row that make an alarm, and that end one.
    package static let persistence = 3
    package static let calmness = 10
    /// A minute's weight: half of what is known is half a day of activity old.
    private static let weight = 0.001
    /// Standard deviations above the mean.
    private static let deviations = 3.0
    /// In powers of two: eight times the usual.
    private static let leastRise = 3.0
    private static let leastSpread = 0.25

    /// Of the base-2 logarithm of one more than the value.
    package private(set) var mean: Double
    package private(set) var variance: Double
    /// Active minutes seen.
    package private(set) var samples: Int
    package private(set) var isAlarmed: Bool
    /// Minutes in a row that are far above, or that are not while there is an alarm.
    package private(set) var streak: Int

    package init(mean: Double = 0, variance: Double = 0, samples: Int = 0, isAlarmed: Bool = false, streak: Int = 0) {
        self.mean = mean
        self.variance = variance
        self.samples = samples
        self.isAlarmed = isAlarmed
        self.streak = streak
    }

    /// What is usual, as a value; for people.
    package var usual: Double { Logarithm.power2(mean) - 1 }

    /// Judges one minute and learns from it.
    package mutating func observe(_ value: Double, floor: Double) -> Verdict {
        let seen = Logarithm.base2(max(value, 0) + 1)
        let border = mean + max(Self.leastRise, Self.deviations * max(variance.squareRoot(), Self.leastSpread))
        let isFarAbove = samples >= Self.learning && value >= floor && seen > border
        // A silent minute says nothing of how the tenant behaves when it does something.
        if value > 0 { learn(samples >= Self.learning ? min(seen, border) : seen) }
        return judge(isFarAbove)
    }

    private mutating func judge(_ isFarAbove: Bool) -> Verdict {
        guard isAlarmed else {
            streak = isFarAbove ? streak + 1 : 0
            guard streak >= Self.persistence else { return isFarAbove ? .remarkable : .usual }
            isAlarmed = true
            streak = 0
            return .alarmed
        }
        streak = isFarAbove ? 0 : streak + 1
        guard streak >= Self.calmness else { return .alarming }
        isAlarmed = false
        streak = 0
        return .released
    }

    private mutating func learn(_ seen: Double) {
        // The first minutes count alike; later ones fade.
        let share = max(Self.weight, 1 / Double(samples + 1))
        let difference = seen - mean
        mean += share * difference
        variance = (1 - share) * (variance + share * difference * difference)
        samples += 1
    }
}
