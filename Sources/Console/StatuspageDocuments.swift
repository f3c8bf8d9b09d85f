import FoundationEssentials
import PlimsollWire

/// The snapshot in the shape of Statuspage's API, version 2, which clients exist for.
///
/// That shape has no word for what is unmeasured. Such a component is told as `degraded_performance`, so that no client takes it for running, its
/// description says why, and a member of our own (`measured`) says it to those who know it.
struct StatuspageDocuments {
    let live: StatusSnapshot
    let stale: StatusSnapshot

    var documents: [StatusDocument] {
        [
            document("summary") { Summary($0) }, document("status") { Status($0) }, document("components") { Components($0) },
            document("incidents") { Incidents($0) { _ in true } }, document("incidents/unresolved") { Incidents($0) { $0.isOpen } },
            document("scheduled-maintenances") { Works($0) { _ in true } },
            document("scheduled-maintenances/upcoming") { Works($0) { $0.status == .scheduled } },
            document("scheduled-maintenances/active") { Works($0) { $0.isActive } },
        ]
    }

    private func document(_ name: String, _ shape: (StatusSnapshot) -> some Encodable) -> StatusDocument {
        let (fresh, old) = (text(shape(live)), text(shape(stale)))
        return StatusDocument(
            path: "/api/v2/\(name).json", contentType: "application/json; charset=utf-8", live: fresh, stale: old == fresh ? nil : old)
    }

    private func text(_ value: some Encodable) -> String {
        do {
            return String(decoding: try WireCoder.encode(value), as: UTF8.self)
        } catch {
            preconditionFailure("texts, numbers and dates can be encoded")
        }
    }
}

private struct Page: Encodable {
    let id, name, url, timeZone: String
    let updatedAt: Date

    init(_ snapshot: StatusSnapshot) {
        id = snapshot.page.id
        name = snapshot.page.name
        url = snapshot.page.url ?? ""
        timeZone = "Etc/UTC"
        updatedAt = snapshot.generatedAt
    }
}

private struct Overall: Encodable {
    let indicator, description: String

    init(_ snapshot: StatusSnapshot) {
        let overall = OverallStatus(snapshot)
        indicator = overall.indicator
        description = overall.headline
    }
}

private struct Component: Encodable {
    let id, name, status: String
    let createdAt, updatedAt: Date
    let position: Int
    let description: String
    let showcase = true
    let startDate: String?
    let groupId: String?
    let pageId: String
    let group = false
    let onlyShowIfDegraded = false
    let measured: Bool

    enum CodingKeys: CodingKey {
        case id, name, status, createdAt, updatedAt, position, description, showcase, startDate, groupId, pageId, group, onlyShowIfDegraded, measured
    }

    init(_ component: StatusComponent, position: Int, _ snapshot: StatusSnapshot) {
        id = component.id
        name = "\(component.modelName) (\(component.regionName))"
        measured = component.status != .unmeasured
        status = (measured ? component.status : .degradedPerformance).rawValue
        createdAt = component.measuredSince ?? snapshot.generatedAt
        updatedAt = snapshot.generatedAt
        self.position = position
        let words = [
            measured ? nil : "Unmeasured: there is no evidence of the last minutes, for or against it.",
            snapshot.hasWorkBeside(component) ? "Announced maintenance is under way." : nil,
        ]
        description = words.compactMap(\.self).joined(separator: " ")
        startDate = component.measuredSince.map { String(Moment.machine($0).prefix(10)) }
        groupId = nil
        pageId = snapshot.page.id
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(id, forKey: .id)
        try container.encode(name, forKey: .name)
        try container.encode(status, forKey: .status)
        try container.encode(createdAt, forKey: .createdAt)
        try container.encode(updatedAt, forKey: .updatedAt)
        try container.encode(position, forKey: .position)
        try container.encode(description, forKey: .description)
        try container.encode(showcase, forKey: .showcase)
        // Clients look for members that are null, too.
        try container.encode(startDate, forKey: .startDate)
        try container.encode(groupId, forKey: .groupId)
        try container.encode(pageId, forKey: .pageId)
        try container.encode(group, forKey: .group)
        try container.encode(onlyShowIfDegraded, forKey: .onlyShowIfDegraded)
        try container.encode(measured, forKey: .measured)
    }
}

private struct Update: Encodable {
    let id, status, body, incidentId: String
    let createdAt, updatedAt, displayAt: Date
    /// Which state each of them had at that time is not kept, and the present one would be a lie of the past: the incident names its components.
    let affectedComponents: [Component]?
    let deliverNotifications = false
    let customTweet: String?
    let tweetId: String?

    enum CodingKeys: CodingKey {
        case id, status, body, incidentId, createdAt, updatedAt, displayAt, affectedComponents, deliverNotifications, customTweet, tweetId
    }

    /// - Parameter note: Where it is the update that tells of the write-up: this shape has no other place for what is written.
    init(_ update: StatusUpdate, incident: String, note: StatusNote? = nil) {
        id = update.id
        status = update.status.rawValue
        let mark = update.correctedBy != nil ? "(Corrected later.) " : update.corrects != nil ? "(Correction.) " : ""
        body = ([mark + update.body] + (note?.parts ?? []).map { "\($0.title): \($0.text)" }).joined(separator: "\n\n")
        incidentId = incident
        (createdAt, updatedAt, displayAt) = (update.createdAt, update.createdAt, update.createdAt)
        affectedComponents = nil
        customTweet = nil
        tweetId = nil
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(id, forKey: .id)
        try container.encode(status, forKey: .status)
        try container.encode(body, forKey: .body)
        try container.encode(incidentId, forKey: .incidentId)
        try container.encode(createdAt, forKey: .createdAt)
        try container.encode(updatedAt, forKey: .updatedAt)
        try container.encode(displayAt, forKey: .displayAt)
        try container.encode(affectedComponents, forKey: .affectedComponents)
        try container.encode(deliverNotifications, forKey: .deliverNotifications)
        try container.encode(customTweet, forKey: .customTweet)
        try container.encode(tweetId, forKey: .tweetId)
    }
}

/// An incident, or maintenance, which has two members more.
private struct Incident: Encodable {
    let id, name, status, impact, shortlink, pageId: String
    let createdAt, updatedAt, startedAt: Date
    let monitoringAt, resolvedAt: Date?
    let incidentUpdates: [Update]
    let components: [Component]
    var scheduled: (for: Date, until: Date)?

    enum CodingKeys: CodingKey {
        case id, name, status, impact, shortlink, pageId, createdAt, updatedAt, startedAt, monitoringAt, resolvedAt, incidentUpdates, components
        case scheduledFor, scheduledUntil
    }

    init(_ incident: StatusIncident, _ snapshot: StatusSnapshot) {
        (id, name, status, impact) = (incident.id, incident.title, incident.status.rawValue, incident.impact.rawValue)
        shortlink = "\(snapshot.page.url ?? "")/status/incidents/\(incident.id)"
        pageId = snapshot.page.id
        (createdAt, updatedAt, startedAt) = (incident.createdAt, incident.updatedAt, incident.startedAt)
        (monitoringAt, resolvedAt) = (incident.monitoringAt, incident.resolvedAt)
        components = Components.list(snapshot).filter { incident.components.contains($0.id) }
        let written = incident.updates.first { $0.status == .postmortem && $0.corrects == nil }?.id
        incidentUpdates = incident.updates.map { Update($0, incident: incident.id, note: $0.id == written ? incident.note : nil) }
    }

    init(_ work: StatusMaintenance, _ snapshot: StatusSnapshot) {
        (id, name, status, impact) = (work.id, work.title, work.status.rawValue, "maintenance")
        shortlink = "\(snapshot.page.url ?? "")/status/incidents/\(work.id)"
        pageId = snapshot.page.id
        (createdAt, updatedAt, startedAt) = (work.createdAt, work.updatedAt, work.scheduledFor)
        (monitoringAt, resolvedAt) = (nil, work.completedAt)
        components = Components.list(snapshot).filter { work.components.contains($0.id) }
        incidentUpdates = work.updates.map { Update($0, incident: work.id) }
        scheduled = (work.scheduledFor, work.scheduledUntil)
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(id, forKey: .id)
        try container.encode(name, forKey: .name)
        try container.encode(status, forKey: .status)
        try container.encode(impact, forKey: .impact)
        try container.encode(shortlink, forKey: .shortlink)
        try container.encode(pageId, forKey: .pageId)
        try container.encode(createdAt, forKey: .createdAt)
        try container.encode(updatedAt, forKey: .updatedAt)
        try container.encode(startedAt, forKey: .startedAt)
        try container.encode(monitoringAt, forKey: .monitoringAt)
        try container.encode(resolvedAt, forKey: .resolvedAt)
        try container.encode(incidentUpdates, forKey: .incidentUpdates)
        try container.encode(components, forKey: .components)
        guard let scheduled else { return }
        try container.encode(scheduled.for, forKey: .scheduledFor)
        try container.encode(scheduled.until, forKey: .scheduledUntil)
    }
}

private struct Summary: Encodable {
    let page: Page
    let components: [Component]
    let incidents: [Incident]
    let scheduledMaintenances: [Incident]
    let status: Overall

    /// What is open and what is to come, as Statuspage has it.
    init(_ snapshot: StatusSnapshot) {
        page = Page(snapshot)
        components = Components.list(snapshot)
        incidents = snapshot.incidents.filter(\.isOpen).map { Incident($0, snapshot) }
        scheduledMaintenances = snapshot.maintenances.filter { $0.completedAt == nil }.map { Incident($0, snapshot) }
        status = Overall(snapshot)
    }
}

private struct Status: Encodable {
    let page: Page
    let status: Overall

    init(_ snapshot: StatusSnapshot) {
        page = Page(snapshot)
        status = Overall(snapshot)
    }
}

private struct Components: Encodable {
    let page: Page
    let components: [Component]

    init(_ snapshot: StatusSnapshot) {
        page = Page(snapshot)
        components = Self.list(snapshot)
    }

    static func list(_ snapshot: StatusSnapshot) -> [Component] {
        snapshot.components.enumerated().map { Component($1, position: $0 + 1, snapshot) }
    }
}

private struct Incidents: Encodable {
    let page: Page
    let incidents: [Incident]

    init(_ snapshot: StatusSnapshot, _ isWanted: (StatusIncident) -> Bool) {
        page = Page(snapshot)
        // The last fifty, as Statuspage has it, and never without what is open.
        incidents = snapshot.incidents.filter(isWanted).enumerated().filter { $0 < 50 || $1.isOpen }.map { Incident($1, snapshot) }
    }
}

private struct Works: Encodable {
    let page: Page
    let scheduledMaintenances: [Incident]

    init(_ snapshot: StatusSnapshot, _ isWanted: (StatusMaintenance) -> Bool) {
        page = Page(snapshot)
        scheduledMaintenances = snapshot.maintenances.filter(isWanted).prefix(50).map { Incident($0, snapshot) }
    }
}
