import Domain
import FoundationEssentials

/// Who or what open incidents come from.
extension IncidentKeeper {
    /// Alarms of tenants who ask for what an incident is about are signs of it; where the snapshot names nobody, the loudest of them is who may be
    /// throttled.
    nonisolated func blamed(
        _ incidents: [OpenIncident], _ alarms: [TenantAlarms.Alarm], _ book: IncidentBook
    ) async throws -> [OpenIncident] {
        guard !alarms.isEmpty else { return incidents }
        var blamed = incidents
        for index in blamed.indices where blamed[index].signal.isFelt {
            for alarm in alarms where alarm.tokens(of: blamed[index]) > 0 { try await book.noteAlarm(blamed[index].id, alarm) }
            blamed[index].tenant = blamed[index].tenant ?? alarms.loudest(blamed[index])?.lowercased
        }
        return blamed
    }

    /// What is worse than the others is written down once and stays the incident's cause; what took over lately and is not known to be well is a suspect.
    nonisolated func traced(
        _ incidents: [OpenIncident], _ culprits: [String: CulpritReader.Findings], _ book: IncidentBook
    ) async throws -> [OpenIncident] {
        var traced = incidents
        for index in traced.indices where traced[index].signal.isFelt {
            guard let found = culprits[traced[index].model] else { continue }
            if traced[index].release == nil, let release = found.release {
                if release.verdict == .worse {
                    try await book.noteCulprit(traced[index].id, "release", release)
                    traced[index].release = release.name
                } else if release.verdict == .unknown {
                    traced[index].suspect = release.name
                }
            }
            if traced[index].worker == nil, let worker = found.workers[traced[index].region] {
                try await book.noteCulprit(traced[index].id, "worker", worker)
                traced[index].worker = UUID(uuidString: worker.name)
            }
        }
        return traced
    }

    static func words(_ thin: FleetReader.Thin) -> String {
        // Whoever is gone has no good score either.
        let lost = thin.lost.filter { $0 != .scores || !thin.lost.contains(.providers) }.map { aspect in
            switch aspect {
            case .providers: "fewer than two providers serve \(thin.terms.model)"
            case .scores: "fewer than two providers with a good score serve \(thin.terms.model)"
            case .backup: "no worker of \(thin.terms.model) lives in its backup region \(thin.terms.backupRegion ?? "(none is named)")"
            case .fallback:
                thin.terms.fallbackModel.map { "no worker of its fallback \($0) lives" } ?? "the SKU that is its fallback is gone, or none is named"
            case .drill: "no drill of its fallback held within 30 days"
            }
        }
        return lost.joined(separator: "; ") + (thin.isOverridden ? "; it is sold by an override, which excuses what was missing then" : "")
    }
}
