import Domain
import FoundationEssentials
import PlimsollWire

/// What is told of a place now: by its last minutes without those of work that contracts accept, and by what is published of it.
struct PresentState: Sendable {
    let place: StatusPlace
    /// Minutes since 1970 that are over.
    let until: Int64
    /// Accepted work, there and elsewhere.
    let work: [AnnouncedWork]
    let incidents: [StatusIncident]
    let maintenances: [StatusMaintenance]

    /// - Parameter minutes: The last `PublicStatus.windowMinutes` of the place.
    func judge(_ minutes: [BookMinute]) -> PublicStatus.State {
        let window = (until - PublicStatus.windowMinutes)..<until
        let accepted = MinuteGaps.merged(work.filter { $0.place == place }.map(\.minutes), within: window)
        let counting = minutes.filter { minute in !accepted.contains { $0.contains(minute.minute) } }
        let leftOut = accepted.reduce(0) { $0 + Int64($1.count) }
        return PublicStatus.state(
            counting.map(\.evidence), latency: counting.map(\.firstTokens).reduce(LatencyCounter(), +),
            isMaintained: maintenances.contains { $0.isActive && $0.components.contains(place.componentId) }, leftOut: leftOut,
            hasIncident: incidents.contains { isTold($0, isWorkAlone: leftOut == PublicStatus.windowMinutes) })
    }

    /// While nothing but accepted work counts, an incident that began in it is the work's own.
    private func isTold(_ incident: StatusIncident, isWorkAlone: Bool) -> Bool {
        guard incident.isOpen, incident.impact != .none, incident.components.contains(place.componentId) else { return false }
        let began = Int64((incident.startedAt.timeIntervalSince1970 / 60).rounded(.down))
        return !isWorkAlone || !work.contains { $0.place == place && $0.minutes.contains(began) && $0.minutes.upperBound >= until }
    }
}
