import Domain
import FoundationEssentials
import Postgres

/// The write-up of an incident as far as its records tell it; a person adds what they do not.
struct PostmortemDraft: Sendable {
    /// Of the reliability room.
    let reliability: PostgresPool

    /// What customers felt, in numbers.
    private struct Impact: Sendable {
        var seconds: Int64 = 0
        var tenants: Int64 = 0
        var bad: Int64 = 0
        var badMinutes: Int64 = 0
        var minutes: Int64 = 0
    }

    /// A JSON object without any provider's, host's or worker's name or id.
    func make(_ id: UUID, until end: Date) async throws -> String {
        let row = try await reliability.queryOne(
            """
            SELECT title, rule, tier, model, region, began_at, opened_at, mitigated_at, impact_from, last_signal_at, occurrences,
                (SELECT coalesce(json_agg(DISTINCT mitigation.action ORDER BY mitigation.action), '[]') FROM reliability.mitigation
                    WHERE mitigation.incident_id = incident.id AND mitigation.mode IN ('automatic', 'manual'))::text AS actions,
                (SELECT coalesce(json_agg(DISTINCT mitigation.action ORDER BY mitigation.action), '[]') FROM reliability.mitigation
                    WHERE mitigation.incident_id = incident.id AND mitigation.mode = 'proposal')::text AS proposals
            FROM reliability.incident AS incident WHERE incident.id = \(id)
            """)
        guard let row, let signal = IncidentSignal(rawValue: try row.value("rule")) else { return "{}" }
        let impact = try await impact(row)
        let cost = IncidentCost(reliability: reliability)
        let (budget, credits) = (try await cost.budget(try scope(row)), try await cost.credits(try scope(row)))
        let (began, opened): (Date, Date) = (try row.value("began_at"), try row.value("opened_at"))
        let mitigated = try row.value("mitigated_at", as: Date?.self) ?? end
        return """
            {"state":"draft","title":\(AdminJSON.string(try row.value("title"))),"began_at":\(time(began)),"detected_at":\(time(opened)),\
            "mitigated_at":\(time(mitigated)),"ended_at":\(time(try row.value("last_signal_at"))),\
            "duration_seconds":\(max(0, try row.value("last_signal_at", as: Date.self).wholeSeconds - began.wholeSeconds)),\
            "seconds_to_detect":\(max(0, opened.wholeSeconds - began.wholeSeconds)),\
            "seconds_to_mitigate":\(max(0, mitigated.wholeSeconds - opened.wholeSeconds)),\
            "impact":\(AdminJSON.string(Self.words(impact))),"customers_touched":\(impact.tenants),"bad_requests":\(impact.bad),\
            "bad_minutes":\(impact.badMinutes),"budget":\(budget),"credits_caused":\(credits),\
            "root_cause":\(AdminJSON.string(Self.cause(signal))),"actions":\(try row.value("actions", as: String.self)),\
            "prevention":\(AdminJSON.string("")),"proposals":\(try row.value("proposals", as: String.self))}
            """
    }

    /// What customers felt; nil: nothing.
    private func scope(_ row: PostgresRow) throws -> IncidentCost.Scope? {
        guard let from = try row.value("impact_from", as: Date?.self) else { return nil }
        let until: Date = try row.value("last_signal_at")
        return IncidentCost.Scope(
            tier: try row.value("tier"), model: try row.value("model"), region: try row.value("region"),
            minutes: from.wholeSeconds / 60..<max(from, until).wholeSeconds / 60 + 1)
    }

    private func time(_ date: Date) -> String { AdminJSON.string(DiagnosisReader.instant(date)) }

    private func impact(_ row: PostgresRow) async throws -> Impact {
        guard let from = try row.value("impact_from", as: Date?.self) else { return Impact() }
        let until: Date = try row.value("last_signal_at")
        let (tier, model, region): (String, String, String) = (try row.value("tier"), try row.value("model"), try row.value("region"))
        let counts = try await reliability.queryOne(
            """
            SELECT count(DISTINCT tenant_id) FILTER (WHERE bad > 0 OR first_token_over > 0) AS tenants, coalesce(sum(bad), 0)::bigint AS bad,
                count(DISTINCT (tenant_id, model, region, minute_at)) FILTER (WHERE bad > 0) AS bad_minutes
            FROM reliability.minute WHERE minute_at >= date_trunc('minute', \(from)::timestamptz) AND minute_at <= \(until)
                AND (\(tier) = '' OR tier = \(tier)) AND (\(model) = '' OR model = \(model)) AND (\(region) = '' OR region = \(region))
            """)
        var impact = Impact(seconds: max(0, until.wholeSeconds - from.wholeSeconds))
        impact.tenants = try counts?.value("tenants") ?? 0
        impact.bad = try counts?.value("bad") ?? 0
        impact.badMinutes = try counts?.value("bad_minutes") ?? 0
        return impact
    }

    private static func words(_ impact: Impact) -> String {
        impact.seconds == 0 && impact.bad == 0
            ? "No customer felt it, as far as was measured."
            : "\(impact.tenants) customers had requests fail or answered late within \(impact.seconds / 60 + 1) minutes; \(impact.bad) requests failed."
    }

    private static func cause(_ signal: IncidentSignal) -> String {
        switch signal {
        case .providerHealth: "A source of capacity stopped answering."
        case .workerHealth: "A worker stopped answering."
        case .probesFailing: "Probes through the customers' path failed."
        case .serverErrors: "Workers answered with errors."
        case .disconnects: "Streams broke before their end."
        case .queueTime: "More requests came than the capacity in place could begin in time."
        case .breachedMinutes, .burn: "Requests failed or were answered late."
        case .redundancy: "Fewer independent sources of capacity served than what is promised needs."
        case .unmeasured: "Nothing was measured."
        }
    }
}
