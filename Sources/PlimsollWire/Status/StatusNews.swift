package import FoundationEssentials

/// How much an incident hurts.
package enum StatusImpact: String, Sendable, Codable, CaseIterable {
    case none, minor, major, critical
}

/// Where an incident, or announced maintenance, stands in public.
package enum StatusStep: String, Sendable, Codable, CaseIterable {
    case investigating, identified, monitoring, resolved, postmortem
    case scheduled
    case inProgress = "in_progress"
    case verifying, completed
}

/// A published word on an incident or on maintenance. It stays as it is for ever; a mistake is corrected by another one that names it.
package struct StatusUpdate: Sendable, Codable, Equatable {
    package var id: String
    package var status: StatusStep
    package var body: String
    package var createdAt: Date
    /// The update whose mistake this one corrects.
    package var corrects: String?
    /// The update that corrects this one.
    package var correctedBy: String?

    package init(id: String, status: StatusStep, body: String, createdAt: Date, corrects: String? = nil, correctedBy: String? = nil) {
        self.id = id
        self.status = status
        self.body = body
        self.createdAt = createdAt
        self.corrects = corrects
        self.correctedBy = correctedBy
    }
}

/// What is told of an incident when it has been written up.
package struct StatusNote: Sendable, Codable, Equatable {
    package var impact: String
    package var durationMinutes: Int64
    package var rootCause: String
    package var effect: String
    package var credits: String
    package var prevention: String

    package init(impact: String, durationMinutes: Int64, rootCause: String, effect: String, credits: String, prevention: String) {
        self.impact = impact
        self.durationMinutes = durationMinutes
        self.rootCause = rootCause
        self.effect = effect
        self.credits = credits
        self.prevention = prevention
    }
}

package struct StatusIncident: Sendable, Codable, Equatable {
    package var id: String
    package var title: String
    package var impact: StatusImpact
    package var status: StatusStep
    /// Ids of components.
    package var components: [String]
    package var startedAt: Date
    /// When it was published.
    package var createdAt: Date
    package var updatedAt: Date
    package var monitoringAt: Date?
    package var resolvedAt: Date?
    /// Newest first.
    package var updates: [StatusUpdate]
    package var note: StatusNote?

    package init(
        id: String, title: String, impact: StatusImpact, status: StatusStep, components: [String], startedAt: Date, createdAt: Date,
        updatedAt: Date, monitoringAt: Date? = nil, resolvedAt: Date? = nil, updates: [StatusUpdate] = [], note: StatusNote? = nil
    ) {
        self.id = id
        self.title = title
        self.impact = impact
        self.status = status
        self.components = components
        self.startedAt = startedAt
        self.createdAt = createdAt
        self.updatedAt = updatedAt
        self.monitoringAt = monitoringAt
        self.resolvedAt = resolvedAt
        self.updates = updates
        self.note = note
    }

    package var isOpen: Bool { status != .resolved && status != .postmortem }
}

package struct StatusMaintenance: Sendable, Codable, Equatable {
    package var id: String
    package var title: String
    package var impact: StatusImpact
    package var status: StatusStep
    package var components: [String]
    package var scheduledFor: Date
    package var scheduledUntil: Date
    package var createdAt: Date
    package var updatedAt: Date
    package var completedAt: Date?
    /// Newest first.
    package var updates: [StatusUpdate]

    package init(
        id: String, title: String, impact: StatusImpact, status: StatusStep, components: [String], scheduledFor: Date, scheduledUntil: Date,
        createdAt: Date, updatedAt: Date, completedAt: Date? = nil, updates: [StatusUpdate] = []
    ) {
        self.id = id
        self.title = title
        self.impact = impact
        self.status = status
        self.components = components
        self.scheduledFor = scheduledFor
        self.scheduledUntil = scheduledUntil
        self.createdAt = createdAt
        self.updatedAt = updatedAt
        self.completedAt = completedAt
        self.updates = updates
    }

    package var isActive: Bool { status == .inProgress || status == .verifying }
}
