/// Availability of one minute of one tenant, model and region (reference, section 2.2).
package enum MinuteStatus: String, Sendable, Equatable {
    case good
    case bad
    /// No traffic; the probes' verdict stands for it.
    case goodIdle = "good:idle"
    case badIdle = "bad:idle"
    /// Nothing was measured. Time without evidence is never uptime.
    case unmeasured = "bad:unmeasured"
    case excluded
}

/// Rule of a contract by which traffic makes a minute bad.
package enum TrafficRule: Sendable {
    /// One bad request spoils the minute.
    case anyBad
    /// Bad when the share of bad requests among those that count is above the threshold.
    case ratio(above: Ratio)

    /// Whichever calls more minutes bad.
    package static func stricter(_ one: TrafficRule, _ other: TrafficRule) -> TrafficRule {
        guard case .ratio(let left) = one, case .ratio(let right) = other else { return .anyBad }
        return .ratio(above: min(left, right))
    }
}

/// Everything that is known about one minute. Counters that were lost leave nothing here: then probes decide, and without one it is not measured.
package struct MinuteEvidence: Sendable {
    package var good: Int64 = 0
    package var bad: Int64 = 0
    package var excluded: Int64 = 0
    package var probeSuccesses: Int64 = 0
    package var probeFailures: Int64 = 0
    /// Inside an accepted maintenance window.
    package var inMaintenance = false

    package init() {}

    /// What the customer's promise sees: accepted maintenance does not count.
    package func promiseStatus(_ rule: TrafficRule) -> MinuteStatus {
        inMaintenance ? .excluded : budgetStatus(rule)
    }

    /// What the internal error budget sees: maintenance counts like any other time.
    package func budgetStatus(_ rule: TrafficRule) -> MinuteStatus {
        guard good + bad > 0 else { return idleStatus }
        switch rule {
        case .anyBad: return bad > 0 ? .bad : .good
        case .ratio(let threshold): return Ratio(bad, good + bad) > threshold ? .bad : .good
        }
    }

    private var idleStatus: MinuteStatus {
        if probeSuccesses > 0 { return .goodIdle }
        return probeFailures > 0 ? .badIdle : .unmeasured
    }
}

/// How likely a minute stays clean under the rule that any bad request spoils it. For advice on which rule to sell, not for decisions.
package enum CleanMinute {
    /// (1 - error rate) to the power of the requests in the minute.
    package static func probability(errorRate: Ratio, requests: Int) -> Double {
        var base = 1 - Double(errorRate.numerator) / Double(errorRate.denominator)
        var exponent = max(requests, 0)
        var result = 1.0
        while exponent > 0 {
            if exponent & 1 == 1 { result *= base }
            base *= base
            exponent >>= 1
        }
        return result
    }
}
