import Domain
import PlimsollWire

extension ComponentStatus {
    var words: String {
        switch self {
        case .operational: "Operational"
        case .underMaintenance: "Under maintenance"
        case .unmeasured: "Unmeasured"
        case .degradedPerformance: "Degraded performance"
        case .partialOutage: "Partial outage"
        case .majorOutage: "Major outage"
        }
    }

    /// A sign that tells it without a colour.
    var sign: HTML {
        switch self {
        case .operational: "✓"
        case .underMaintenance: "⚙"
        case .unmeasured: "?"
        case .degradedPerformance: "~"
        case .partialOutage: "!"
        case .majorOutage: "✕"
        }
    }

    private var severity: Int { ComponentStatus.allCases.firstIndex(of: self) ?? 0 }

    static func worst(_ statuses: some Sequence<ComponentStatus>) -> ComponentStatus? { statuses.max { $0.severity < $1.severity } }
}

extension StatusStep {
    var words: String {
        switch self {
        case .investigating: "Investigating"
        case .identified: "Identified"
        case .monitoring: "Monitoring"
        case .resolved: "Resolved"
        case .postmortem: "Post-incident note"
        case .scheduled: "Scheduled"
        case .inProgress: "In progress"
        case .verifying: "Verifying"
        case .completed: "Completed"
        }
    }
}

extension StatusImpact {
    var words: String {
        switch self {
        case .none: "No impact"
        case .minor: "Minor impact"
        case .major: "Major impact"
        case .critical: "Critical impact"
        }
    }
}

extension StatusNote {
    /// What was written of it, in the order in which it is read.
    var parts: [(title: String, text: String)] {
        [
            ("Impact", impact), ("Duration", Counted.text(durationMinutes, "minute")), ("Root cause", rootCause), ("Effect", effect),
            ("Credits", credits), ("Prevention", prevention),
        ].filter { !$0.1.isEmpty }
    }
}

/// What the whole service does, in one line.
struct OverallStatus {
    let status: ComponentStatus
    let headline: String

    init(_ snapshot: StatusSnapshot) {
        let states = snapshot.components.map(\.status)
        let worst = ComponentStatus.worst(states) ?? .unmeasured
        let isAll = states.allSatisfy { $0 == worst }
        // Of no component, so no component tells of it.
        let isElsewhere = snapshot.incidents.contains { $0.isOpen && $0.impact != .none && $0.components.isEmpty }
        guard !isElsewhere || worst != .operational && worst != .underMaintenance else {
            (status, headline) = (.degradedPerformance, "An incident is open")
            return
        }
        status = worst
        headline =
            switch worst {
            case .operational: "All systems operational"
            case .underMaintenance: isAll ? "Under maintenance" : "Some components are under maintenance"
            case .unmeasured: isAll ? "The service is unmeasured right now" : "Some components are unmeasured right now"
            case .degradedPerformance: isAll ? "Degraded performance" : "Some components are degraded"
            case .partialOutage: "Partial outage"
            case .majorOutage: isAll ? "Major outage" : "Some components are down"
            }
    }

    /// As Statuspage knows it.
    var indicator: String {
        switch status {
        case .operational: "none"
        case .underMaintenance: "maintenance"
        case .unmeasured, .degradedPerformance: "minor"
        case .partialOutage: "major"
        case .majorOutage: "critical"
        }
    }
}

extension StatusSnapshot {
    /// Announced maintenance of it is under way, and its state tells of something else.
    func hasWorkBeside(_ component: StatusComponent) -> Bool {
        component.status != .underMaintenance && maintenances.contains { $0.isActive && $0.components.contains(component.id) }
    }

    /// The same when there has been no news for so long that nothing live in it counts; history stays.
    var withoutNews: StatusSnapshot {
        var old = self
        for index in old.components.indices { old.components[index].status = .unmeasured }
        return old
    }
}
