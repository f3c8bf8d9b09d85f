import FoundationEssentials
import PlimsollWire

/// Snapshots as they might come, of a service with three components.
enum StatusFixture {
    static let moment = Date(timeIntervalSince1970: 1_795_701_600)

    static func period(_ index: Int, of count: Int, span: Int64, isTroubled: Bool) -> StatusPeriod {
        let start = moment.addingTimeInterval(Double(index - count + 1) * Double(span) * 60)
        guard index > count / 6 else { return StatusPeriod(start: start) }
        let bad: Int64 = index % 23 == 0 ? span / 90 : isTroubled && index == count - 1 ? span / 8 : 0
        let unmeasured: Int64 = index % 37 == 0 ? span / 12 : 0
        let excluded: Int64 = index % 29 == 0 ? span / 16 : 0
        let wave = Int64((index * 7919) % 97)
        return StatusPeriod(
            start: start, good: span - bad - unmeasured - excluded, bad: bad, excluded: excluded, unmeasured: unmeasured,
            worst: bad > 0 ? .degradedPerformance : unmeasured > 0 ? .unmeasured : .operational, failedPpm: bad * 1_000 + wave * 9,
            limitedPpm: wave * 60, firstTokenP50: 310_000 + wave * 900, firstTokenP95: 820_000 + wave * 5_100)
    }

    static func component(_ model: String, _ name: String, _ region: String, _ status: ComponentStatus) -> StatusComponent {
        let isTroubled = status == .partialOutage || status == .degradedPerformance
        return StatusComponent(
            id: "\(model)-\(region)", model: model, modelName: name, region: region, regionName: region == "eu" ? "Europe" : "North America",
            status: status, measuredSince: moment.addingTimeInterval(-75 * 86_400),
            days: (0..<90).map { period($0, of: 90, span: 1_440, isTroubled: isTroubled) },
            hours: (0..<24).map { period($0, of: 24, span: 60, isTroubled: isTroubled) })
    }

    static func snapshot(_ statuses: [ComponentStatus] = [.operational, .operational, .operational]) -> StatusSnapshot {
        StatusSnapshot(
            version: 7, generatedAt: moment, evidenceUntil: moment.addingTimeInterval(-20),
            page: StatusPage(
                id: "4fd2b3c0-3f7a-4a50-9a0e-3f1d4b1e5a11", name: "Harbour Inference", url: "https://status.example",
                supportContact: "support@harbour.example", supportHours: "Monday to Friday, 08:00 to 18:00 UTC"),
            components: [
                component("small", "Harbour Small", "eu", statuses[0]), component("small", "Harbour Small", "us", statuses[1]),
                component("large", "Harbour Large 70B Instruct", "eu", statuses[2]),
            ])
    }

    static func incident(isOpen: Bool, title: String = "Disruption of Harbour Small in Europe") -> StatusIncident {
        let start = moment.addingTimeInterval(isOpen ? -2_400 : -400_000)
        let update = { (id: String, step: StatusStep, after: Double, body: String, corrects: String?, correctedBy: String?) in
            StatusUpdate(
                id: id, status: step, body: body, createdAt: start.addingTimeInterval(after), corrects: corrects, correctedBy: correctedBy)
        }
        var updates = [
            update(
                "00000000-0000-8000-8000-000000000003", .identified, 1_500, "About 9 % of requests failed, not 4 %.",
                "00000000-0000-8000-8000-000000000002", nil),
            update(
                "00000000-0000-8000-8000-000000000002", .identified, 1_200, "About 4 % of requests failed. Traffic is being moved.", nil,
                "00000000-0000-8000-8000-000000000003"),
            update(
                "00000000-0000-8000-8000-000000000001", .investigating, 600, "Requests are failing or slow. We are looking for the cause.", nil, nil),
        ]
        if !isOpen {
            updates.insert(
                update("00000000-0000-8000-8000-000000000004", .resolved, 3_000, "Requests have been answered as promised for 10 minutes.", nil, nil),
                at: 0)
        }
        return StatusIncident(
            id: isOpen ? "0b0f2a52-6a3e-4a0f-9d6c-0d8d6f8f0001" : "0b0f2a52-6a3e-4a0f-9d6c-0d8d6f8f0002", title: title, impact: .major,
            status: isOpen ? .identified : .resolved, components: ["small-eu"], startedAt: start, createdAt: start.addingTimeInterval(600),
            updatedAt: updates[0].createdAt, resolvedAt: isOpen ? nil : start.addingTimeInterval(3_000), updates: updates,
            note: isOpen
                ? nil
                : StatusNote(
                    impact: "9 % of requests in Europe failed.", durationMinutes: 50, rootCause: "Machines went away together.",
                    effect: "Customers saw errors and slow answers.", credits: "Computed and posted on the next invoice.",
                    prevention: "A second source stands by in the same region."))
    }

    static func work(isActive: Bool) -> StatusMaintenance {
        let start = moment.addingTimeInterval(isActive ? -900 : 260_000)
        return StatusMaintenance(
            id: "0b0f2a52-6a3e-4a0f-9d6c-0d8d6f8f0003", title: "Upgrade of the runtime", impact: .none, status: isActive ? .inProgress : .scheduled,
            components: ["large-eu"], scheduledFor: start, scheduledUntil: start.addingTimeInterval(3_600),
            createdAt: moment.addingTimeInterval(-300_000), updatedAt: moment.addingTimeInterval(-300_000),
            updates: [
                StatusUpdate(
                    id: "00000000-0000-8000-8000-000000000005", status: .scheduled, body: "Work on the service is planned for this time.",
                    createdAt: moment.addingTimeInterval(-300_000))
            ])
    }

    static var pastWork: StatusMaintenance {
        var work = work(isActive: false)
        let start = moment.addingTimeInterval(-90_000)
        (work.scheduledFor, work.scheduledUntil, work.completedAt) = (start, start.addingTimeInterval(3_600), start.addingTimeInterval(3_000))
        (work.status, work.title) = (.completed, "New disks")
        work.id = "0b0f2a52-6a3e-4a0f-9d6c-0d8d6f8f0004"
        return work
    }

    /// By the name of what they show.
    static var all: [String: StatusSnapshot] {
        var (incident, work, good) = (
            snapshot([.partialOutage, .operational, .operational]), snapshot([.operational, .operational, .underMaintenance]), snapshot()
        )
        incident.incidents = [Self.incident(isOpen: true), Self.incident(isOpen: false)]
        work.maintenances = [Self.work(isActive: true)]
        good.incidents = [Self.incident(isOpen: false)]
        good.maintenances = [Self.work(isActive: false), Self.pastWork]
        return [
            "good": good, "degraded": snapshot([.operational, .degradedPerformance, .operational]),
            "unmeasured": snapshot([.unmeasured, .unmeasured, .unmeasured]), "incident": incident, "maintenance": work,
        ]
    }
}
