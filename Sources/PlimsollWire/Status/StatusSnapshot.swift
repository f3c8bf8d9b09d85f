package import FoundationEssentials

/// Everything that the public may know about the service. It has no place for a provider, a host, a worker, a gateway or a tenant: what is not
/// here cannot be published.
package struct StatusSnapshot: Sendable, Codable, Equatable {
    /// Rises with each one that is made.
    package var version: Int64
    package var generatedAt: Date
    /// End of the newest minute of which anything is known; nil: nothing ever was.
    package var evidenceUntil: Date?
    package var page: StatusPage
    package var components: [StatusComponent]
    /// Newest first.
    package var incidents: [StatusIncident]
    /// The latest beginning first.
    package var maintenances: [StatusMaintenance]

    package init(
        version: Int64, generatedAt: Date, evidenceUntil: Date? = nil, page: StatusPage, components: [StatusComponent] = [],
        incidents: [StatusIncident] = [], maintenances: [StatusMaintenance] = []
    ) {
        self.version = version
        self.generatedAt = generatedAt
        self.evidenceUntil = evidenceUntil
        self.page = page
        self.components = components
        self.incidents = incidents
        self.maintenances = maintenances
    }
}

/// Who publishes it, and whom to ask.
package struct StatusPage: Sendable, Codable, Equatable {
    package var id: String
    package var name: String
    /// Where the page is found, without a slash at its end; nil: not told.
    package var url: String?
    package var supportContact: String?
    package var supportHours: String?

    package init(id: String, name: String, url: String? = nil, supportContact: String? = nil, supportHours: String? = nil) {
        self.id = id
        self.name = name
        self.url = url
        self.supportContact = supportContact
        self.supportHours = supportHours
    }
}

/// How a component does now, or did at its worst.
package enum ComponentStatus: String, Sendable, Codable, CaseIterable {
    case operational
    case underMaintenance = "under_maintenance"
    /// Nothing is known: never to be told as operational.
    case unmeasured
    case degradedPerformance = "degraded_performance"
    case partialOutage = "partial_outage"
    case majorOutage = "major_outage"
}

/// One model in one region.
package struct StatusComponent: Sendable, Codable, Equatable {
    package var id: String
    package var model: String
    package var modelName: String
    package var region: String
    package var regionName: String
    package var status: ComponentStatus
    /// When anything was first known of it; nil: never.
    package var measuredSince: Date?
    /// The last 90 days of UTC, oldest first; today is not over.
    package var days: [StatusPeriod]
    /// The last 24 hours, oldest first; the last one is not over.
    package var hours: [StatusPeriod]

    package init(
        id: String, model: String, modelName: String, region: String, regionName: String, status: ComponentStatus, measuredSince: Date? = nil,
        days: [StatusPeriod] = [], hours: [StatusPeriod] = []
    ) {
        self.id = id
        self.model = model
        self.modelName = modelName
        self.region = region
        self.regionName = regionName
        self.status = status
        self.measuredSince = measuredSince
        self.days = days
        self.hours = hours
    }
}

/// A day or an hour of a component. Minutes are counted exactly; volumes of requests are nobody's business, so only rates are told.
package struct StatusPeriod: Sendable, Codable, Equatable {
    package var start: Date
    package var good: Int64
    package var bad: Int64
    /// Announced maintenance.
    package var excluded: Int64
    package var unmeasured: Int64
    /// Nil: the component was not there yet.
    package var worst: ComponentStatus?
    /// Failed requests, parts per million of those that count; nil: there was none that counts.
    package var failedPpm: Int64?
    /// Requests that were answered with 429, parts per million of all; nil: there was none.
    package var limitedPpm: Int64?
    /// Microseconds to the first token; nil: no sample.
    package var firstTokenP50: Int64?
    package var firstTokenP95: Int64?

    package init(
        start: Date, good: Int64 = 0, bad: Int64 = 0, excluded: Int64 = 0, unmeasured: Int64 = 0, worst: ComponentStatus? = nil,
        failedPpm: Int64? = nil, limitedPpm: Int64? = nil, firstTokenP50: Int64? = nil, firstTokenP95: Int64? = nil
    ) {
        self.start = start
        self.good = good
        self.bad = bad
        self.excluded = excluded
        self.unmeasured = unmeasured
        self.worst = worst
        self.failedPpm = failedPpm
        self.limitedPpm = limitedPpm
        self.firstTokenP50 = firstTokenP50
        self.firstTokenP95 = firstTokenP95
    }
}
