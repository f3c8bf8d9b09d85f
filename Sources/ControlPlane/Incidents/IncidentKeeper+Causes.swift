import Domain
import FoundationEssentials

extension IncidentKeeper {
    /// What was spent fast counts for days in the windows that make tickets: those do not keep a page open, which ends with clean minutes.
    static func isAfterglow(_ trigger: IncidentTrigger, pages: Set<String>) -> Bool {
        trigger.key.signal == .burn && !trigger.isPage && pages.contains(trigger.key.text)
    }

    /// Of a wider budget that is told of or has an incident. A ticket stands for no page, and for no forecast: less is done about it.
    ///
    /// - Parameters:
    ///   - known: Keys of what is told of or has an incident.
    ///   - pages: Those of them that wake people.
    static func isPart(_ trigger: IncidentTrigger, known: Set<String>, pages: Set<String>) -> Bool {
        trigger.key.widerBudgets.contains { wider in
            pages.contains(wider.text) || !trigger.isPage && wider.signal == trigger.key.signal && known.contains(wider.text)
        }
    }

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
