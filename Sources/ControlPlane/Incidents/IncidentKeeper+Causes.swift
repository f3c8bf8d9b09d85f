import Domain
import FoundationEssentials

extension IncidentKeeper {
    static func words(_ thin: FleetReader.Thin) -> String {
        // Whoever is gone has no good score either.
        let lost = thin.lost.filter { $0 != .scores || !thin.lost.contains(.providers) }.map { aspect in
            switch aspect {
            case .providers: "fewer than two providers serve \(thin.terms.model)"
            case .scores: "fewer than two providers with a good score serve \(thin.terms.model)"
            case .backup: "no worker of \(thin.terms.model) lives in its backup region \(thin.terms.backupRegion ?? "(none is named)")"
            case .warm: "workers of \(thin.terms.model) do not serve in both of its regions"
            case .fallback:
                thin.terms.fallbackModel.map { "no worker of its fallback \($0) lives" } ?? "the SKU that is its fallback is gone, or none is named"
            case .drill: "no drill of its fallback held within 30 days"
            }
        }
        return lost.joined(separator: "; ") + (thin.isOverridden ? "; it is sold by an override, which excuses what was missing then" : "")
    }
}
