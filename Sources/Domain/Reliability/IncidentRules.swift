/// Breached minutes in a row, after which an incident is opened (reference, section 2.14).
package struct BreachStreak: Sendable {
    package static let shippedNeed = 5

    package let need: Int
    package private(set) var length = 0

    package init(need: Int = shippedNeed) {
        self.need = need
    }

    /// True in the minute that makes it long enough. A minute of which nothing is known breaks it: it is told by an alert of its own.
    package mutating func note(_ isBreached: Bool?) -> Bool {
        length = isBreached == true ? length + 1 : 0
        return length == need
    }
}

/// Where an incident stands.
package enum IncidentStep: String, Sendable, CaseIterable {
    case detected, stabilizing, diagnosed, mitigated, resolved, reported

    /// What the status page says of it.
    package enum PublicStatus: String, Sendable {
        case investigating, identified, monitoring, resolved, postmortem
    }

    package var publicStatus: PublicStatus {
        switch self {
        case .detected, .stabilizing: .investigating
        case .diagnosed: .identified
        case .mitigated: .monitoring
        case .resolved: .resolved
        case .reported: .postmortem
        }
    }

    /// Of one outage of which several incidents tell: as far as the one that is least far, and written up with the first write-up.
    package static func together(_ steps: [IncidentStep]) -> IncidentStep? {
        guard let least = allCases.first(where: steps.contains) else { return nil }
        return least == .resolved && steps.contains(.reported) ? .reported : least
    }
}

package enum IncidentRules {
    /// Microseconds after the end of an incident until which it must be written up.
    package static let postmortemTime: Int64 = 48 * 3600 * 1_000_000
    /// Clean minutes after which it is over.
    package static let cleanMinutes = 10
    /// Minutes without a probe from anywhere, after which what is sold is unmeasured.
    package static let silentMinutes = 10
    /// Minutes without a probe from outside, where there are to be some, after which that is told.
    package static let outsideSilentMinutes = 3
    /// A budget that ends sooner at the present pace is told before it does.
    package static let forecastHours = 24
    /// Minutes of customer impact after which its draft is published.
    package static let draftMinutes = 10

    package static func postmortemDue(resolvedAt: Int64) -> Int64 { resolvedAt + postmortemTime }
}

/// Open incidents by what they are about: a second trigger of the same is counted, not opened.
package struct OpenIncidents: Sendable {
    package private(set) var occurrences: [String: Int] = [:]

    package init() {}

    /// True when it is new.
    package mutating func trigger(_ key: String) -> Bool {
        occurrences[key, default: 0] += 1
        return occurrences[key] == 1
    }

    package mutating func resolve(_ key: String) { occurrences[key] = nil }
}
