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
    package enum PublicStatus: String, Sendable, CaseIterable, Comparable {
        case investigating, identified, monitoring, resolved, postmortem

        package static func < (one: Self, other: Self) -> Bool {
            allCases.firstIndex(of: one) ?? 0 < allCases.firstIndex(of: other) ?? 0
        }
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

    /// Whether the public is told of it without a person: once, and never what is behind the words that a person has said since. A write-up is told even
    /// where a person has announced one.
    ///
    /// - Parameters:
    ///   - told: What was told last without a person; nil: nothing.
    ///   - said: What a person said since; nil: nothing.
    package func isNews(after told: PublicStatus?, said: PublicStatus?) -> Bool {
        guard publicStatus != told else { return false }
        return said.map { publicStatus > $0 || self == .reported } ?? true
    }

    /// Of one outage of which several incidents tell: as far as the one that is least far, and written up with the first write-up.
    package static func together(_ steps: [IncidentStep]) -> IncidentStep? {
        guard let least = allCases.first(where: steps.contains) else { return nil }
        return least == .resolved && steps.contains(.reported) ? .reported : least
    }
}

/// What ended an incident.
package enum IncidentEnd: String, Sendable, CaseIterable {
    /// As many minutes as it takes were measured and clean.
    case cleanMinutes = "clean_minutes"
    case person

    /// Of one outage of which several incidents tell; nil: not known of each.
    package static func together(_ ends: [IncidentEnd?]) -> IncidentEnd? {
        ends.contains(.person) ? .person : ends.contains(nil) ? nil : ends.first ?? nil
    }
}

package enum IncidentRules {
    /// Microseconds after the end of an incident until which it must be written up.
    package static let postmortemTime: Int64 = 48 * 3600 * 1_000_000
    /// Minutes of what it is about, measured and clean, after which it is over.
    package static let cleanMinutes = 10
    /// Minutes without a probe from anywhere, after which what is sold is unmeasured.
    package static let silentMinutes = 3
    /// Minutes without a probe from outside, where there are to be some, after which that is told.
    package static let outsideSilentMinutes = 3
    /// A budget that ends sooner at the present pace is told before it does.
    package static let forecastHours = 24
    /// Minutes that customers felt after which its draft is published.
    package static let draftMinutes = 10

    package static func postmortemDue(resolvedAt: Int64) -> Int64 { resolvedAt + postmortemTime }
}

/// Open incidents by what they are about, and when each showed last: a second trigger of the same is counted, not opened.
package struct OpenIncidents: Sendable {
    package enum Sign: Sendable {
        /// There is none of it.
        case opens
        /// It is open, and showed again after a minute's silence.
        case recurs
        /// It is open, and shows as it did.
        case goesOn
    }

    private static let silence = 60.0

    /// Seconds since 1970.
    private var seen: [String: Double]

    /// - Parameter seen: Of those that are open, by their keys: seconds since 1970 of the last sign.
    package init(_ seen: [String: Double] = [:]) {
        self.seen = seen
    }

    package mutating func trigger(_ key: String, at now: Double) -> Sign {
        defer { seen[key] = now }
        guard let last = seen[key] else { return .opens }
        return now - last > Self.silence ? .recurs : .goesOn
    }
}
