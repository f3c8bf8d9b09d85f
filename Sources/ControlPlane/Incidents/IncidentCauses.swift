import Domain
import FoundationEssentials

/// Who or what open incidents come from, by what is known at this moment.
struct IncidentCauses: Sendable {
    /// Of tenants that behave unlike themselves.
    var alarms: [TenantAlarms.Alarm] = []
    /// By model.
    var culprits: [String: CulpritReader.Findings] = [:]

    /// What is known now, of models of which customers feel something.
    static func read(of incidents: [OpenIncident], _ databases: ControlDatabases, now: Date) async throws -> IncidentCauses {
        let models = Set(incidents.filter { $0.signal.isFelt && !$0.isDrill && !$0.model.isEmpty }.map(\.model))
        let culprits = CulpritReader(serving: databases.serving, billing: databases.billing, reliability: databases.reliability, now: now)
        return IncidentCauses(
            alarms: try await TenantAlarms(serving: databases.serving, reliability: databases.reliability, now: now).read(),
            culprits: try await culprits.read(models))
    }

    /// The incidents with their causes. Where the snapshot names nobody, the loudest of the alarmed is who may be throttled; what is worse than the others
    /// stays the cause; what took over lately and is not known to be well is a suspect.
    func laid(to incidents: [OpenIncident]) -> [OpenIncident] {
        var laid = incidents
        for index in laid.indices where laid[index].signal.isFelt {
            laid[index].tenant = laid[index].tenant ?? alarms.loudest(laid[index])?.lowercased
            guard let found = culprits[laid[index].model] else { continue }
            if laid[index].release == nil, let release = found.release {
                switch release.verdict {
                case .worse: laid[index].release = release.name
                case .unknown: laid[index].suspect = release.name
                case .alike: break
                }
            }
            if laid[index].provider.isEmpty, let provider = found.providers[laid[index].region] { laid[index].provider = provider.name }
            if laid[index].worker == nil, let worker = found.workers[laid[index].region] { laid[index].worker = UUID(uuidString: worker.name) }
        }
        return laid
    }

    /// Writes down, once, what is a sign of incidents: alarms of those who ask for what one is about, and what is worse than the others.
    func note(_ incidents: [OpenIncident], _ book: IncidentBook) async throws {
        for incident in incidents where incident.signal.isFelt {
            for alarm in alarms where alarm.tokens(of: incident) > 0 { try await book.noteAlarm(incident.id, alarm) }
            guard let found = culprits[incident.model] else { continue }
            if incident.release == nil, let release = found.release, release.verdict == .worse {
                try await book.noteCulprit(incident.id, "release", release)
            }
            if incident.provider.isEmpty, let provider = found.providers[incident.region] {
                try await book.noteCulprit(incident.id, "provider", provider)
            }
            if incident.worker == nil, let worker = found.workers[incident.region] { try await book.noteCulprit(incident.id, "worker", worker) }
        }
    }
}
