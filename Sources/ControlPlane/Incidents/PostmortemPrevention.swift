import Domain
import FoundationEssentials
import Postgres

/// What a draft says of how to prevent the like: a sentence for each thing in the timeline that asks for it. A person says the rest.
enum PostmortemPrevention {
    /// Of an `incident`. Names of actions only: what is written here may be handed to customers.
    static let columns: SQL = """
        \(actions("mitigation.state = 'proposed'")) AS open_proposals,
        \(actions("mitigation.mode IN ('automatic', 'manual') AND (mitigation.end_reason = 'it did not help' OR \(CapacityBook.isRefused))"))
            AS actions_refused,
        EXISTS (SELECT 1 FROM reliability.incident AS other WHERE other.rule = 'redundancy' AND other.drill = incident.drill
            AND incident.model IN ('', other.model) AND incident.region IN ('', other.region)
            AND other.opened_at <= coalesce(incident.resolved_at, now()) AND coalesce(other.resolved_at > incident.opened_at, TRUE))
            AS has_lost_redundancy
        """

    private static func actions(_ isMeant: SQL) -> SQL {
        """
        (SELECT string_agg(DISTINCT mitigation.action, ', ' ORDER BY mitigation.action) FROM reliability.mitigation
            WHERE mitigation.incident_id = incident.id AND \(isMeant))
        """
    }

    /// Empty: the records ask for nothing.
    ///
    /// - Parameter opened: From when on an action has its time.
    static func words(_ row: PostgresRow, _ signal: IncidentSignal, from opened: Date) throws -> String {
        var words: [String] = []
        if try row.value("by_release") {
            words.append("Find out why the release that was worse passed its checks, and keep it out until it is mended.")
        }
        if try row.value("by_worker") { words.append("Look at the worker that was worse than the others before it serves again.") }
        if try row.value("by_provider") { words.append("Review the source of capacity that was worse than the others before it serves again.") }
        if try row.value("by_tenant") { words.append("Agree on limits or reserved capacity with the customer that asked for far more than usual.") }
        if try signal == .redundancy || row.value("has_lost_redundancy") {
            words.append("Put back the independent sources of capacity that what is promised needs.")
        }
        if let open = try row.value("open_proposals", as: String?.self) { words.append("Decide what is still proposed: \(open).") }
        if let refused = try row.value("actions_refused", as: String?.self) {
            words.append("See why these actions were refused, failed or did not help: \(refused).")
        }
        if let inForce = try row.value("in_force_at", as: Date?.self), inForce.timeIntervalSince(opened) > MitigationReach.promised {
            let seconds = Int64(inForce.timeIntervalSince(opened).rounded(.up))
            words.append("See why the first action came into force only \(Counted.text(seconds, "second")) after the incident was seen.")
        }
        return words.joined(separator: " ")
    }
}
