import Domain
import FoundationEssentials
import Postgres

/// The write-up of an incident as far as its records tell it; a person adds what they do not.
struct PostmortemDraft: Sendable {
    /// Of the reliability room.
    let reliability: PostgresPool

    struct Made: Sendable {
        /// A JSON object without any provider's, host's or worker's name or id.
        var document: String
        /// Customers felt it, or so much of a budget is spent: it must be written up, whomever it woke.
        var isDue: Bool
    }

    /// What customers felt, in numbers.
    private struct Impact: Sendable {
        var minutes: Int64 = 0
        var tenants: Int64 = 0
        var requests: Int64 = 0
        var bad: Int64 = 0
        var late: Int64 = 0
        var badMinutes: Int64 = 0
        /// Of a drill: left out of all others.
        var drilled: Int64 = 0
    }

    func make(_ id: UUID, until end: Date) async throws -> Made {
        let row = try await reliability.queryOne(
            """
            SELECT title, rule, tier, model, region, tenant_id, began_at, opened_at, mitigated_at, impact_from, last_signal_at, resolved_at,
                \(MitigationReach.firstInForce([id.lowercased])) AS in_force_at,
                \(FeltMinutes.models) AS models, coalesce(\(FeltMinutes.count), 0) AS felt_minutes,
                (SELECT coalesce(json_agg(DISTINCT mitigation.action ORDER BY mitigation.action), '[]') FROM reliability.mitigation
                    WHERE mitigation.incident_id = incident.id AND mitigation.mode IN ('automatic', 'manual'))::text AS actions,
                (SELECT coalesce(json_agg(DISTINCT mitigation.action ORDER BY mitigation.action), '[]') FROM reliability.mitigation
                    WHERE mitigation.incident_id = incident.id AND mitigation.mode = 'proposal')::text AS proposals,
                reliability.fallback_answers(ARRAY(SELECT mitigation.id FROM reliability.mitigation
                    WHERE mitigation.incident_id = incident.id))::text AS fallback_answers,
                \(PostmortemPrevention.columns),
                \(Self.traced("release")) AS by_release, \(Self.traced("worker")) AS by_worker,
                \(Self.traced("provider")) AS by_provider,
                incident.snapshot ->> 'noisy_tenant' IS NOT NULL OR \(Self.traced("abuse_event")) AS by_tenant
            FROM reliability.incident AS incident WHERE incident.id = \(id)
            """)
        guard let row, let signal = IncidentSignal(rawValue: try row.value("rule")) else { return Made(document: "{}", isDue: false) }
        let scope = try scope(row, signal, until: end)
        let (impact, cost) = (try await impact(scope), IncidentCost(reliability: reliability))
        let (budget, credits) = (try await cost.budget(scope), try await cost.credits(scope))
        let (began, opened): (Date, Date) = (try row.value("began_at"), try row.value("opened_at"))
        let (inForce, felt) = (try row.value("in_force_at", as: Date?.self), try row.value("felt_minutes", as: Int64.self))
        let mitigated = try row.value("mitigated_at", as: Date?.self) ?? end
        let document = """
            {"state":"draft","title":\(AdminJSON.string(try row.value("title"))),"began_at":\(time(began)),"detected_at":\(time(opened)),\
            "in_force_at":\(inForce.map(time) ?? "null"),"mitigated_at":\(time(mitigated)),"ended_at":\(time(try row.value("last_signal_at"))),\
            "duration_seconds":\(max(0, try row.value("last_signal_at", as: Date.self).wholeSeconds - began.wholeSeconds)),\
            "seconds_to_detect":\(max(0, opened.wholeSeconds - began.wholeSeconds)),\
            "seconds_to_mitigate":\(max(0, (inForce ?? mitigated).wholeSeconds - opened.wholeSeconds)),\
            "felt_minutes":\(felt),"impact":\(AdminJSON.string(Self.words(impact))),\
            "customers_touched":\(impact.tenants),"bad_requests":\(impact.bad),\
            "late_first_tokens":\(impact.late),"bad_minutes":\(impact.badMinutes),"excluded_drill_requests":\(impact.drilled),\
            "fallback_answers":\(try row.value("fallback_answers", as: String.self)),\
            "budget":\(budget.document),"credits_caused":\(credits),\
            "root_cause":\(AdminJSON.string(try Self.cause(signal, row))),"actions":\(try row.value("actions", as: String.self)),\
            "prevention":\(AdminJSON.string(try PostmortemPrevention.words(row, signal, from: opened))),"proposals":\(try row.value("proposals", as: String.self))}
            """
        return Made(document: document, isDue: impact.tenants > 0 && felt > 0 || IncidentBurn.requiresPostmortem(budget.part))
    }

    /// Minutes of what customers felt; where the rule itself does not say that they did, those from its beginning to its end of what it touches: its
    /// model, or those that its workers served when it opened.
    private func scope(_ row: PostgresRow, _ signal: IncidentSignal, until end: Date) throws -> IncidentCost.Scope {
        let felt = try signal.isJudgedByMinutes ? nil : row.value("impact_from", as: Date?.self)
        let until = try felt == nil ? row.value("resolved_at", as: Date?.self) ?? end : row.value("last_signal_at", as: Date.self)
        let from = try felt ?? row.value("began_at")
        return IncidentCost.Scope(
            tier: try row.value("tier"), models: try row.value("models"), region: try row.value("region"),
            tenant: try row.value("tenant_id"), minutes: from.wholeSeconds / 60..<max(from, until).wholeSeconds / 60 + 1)
    }

    private func time(_ date: Date) -> String { AdminJSON.string(DiagnosisReader.instant(date)) }

    private func impact(_ scope: IncidentCost.Scope) async throws -> Impact {
        let row = try await reliability.queryOne(
            """
            SELECT count(DISTINCT tenant_id) FILTER (WHERE NOT drill AND (bad > 0 OR first_token_over > 0)) AS tenants,
                coalesce(sum(good + bad) FILTER (WHERE NOT drill), 0)::bigint AS requests, coalesce(sum(bad) FILTER (WHERE NOT drill), 0)::bigint AS bad,
                coalesce(sum(first_token_over) FILTER (WHERE NOT drill), 0)::bigint AS late,
                count(DISTINCT (tenant_id, model, region, minute_at)) FILTER (WHERE NOT drill AND bad > 0) AS bad_minutes,
                coalesce(sum(good + bad) FILTER (WHERE drill), 0)::bigint AS drilled
            FROM reliability.minute
            WHERE minute_at >= \(SQL.minute(scope.minutes.lowerBound)) AND minute_at < \(SQL.minute(scope.minutes.upperBound)) AND \(scope.isMeant)
            """)
        var impact = Impact(minutes: Int64(scope.minutes.count))
        guard let row else { return impact }
        impact.tenants = try row.value("tenants")
        impact.requests = try row.value("requests")
        impact.bad = try row.value("bad")
        impact.late = try row.value("late")
        impact.badMinutes = try row.value("bad_minutes")
        impact.drilled = try row.value("drilled")
        return impact
    }

    private static func words(_ impact: Impact) -> String {
        let excluded = impact.drilled > 0 ? " Excluded drill traffic: \(Counted.text(impact.drilled, "request"))." : ""
        let minutes = Counted.text(impact.minutes, "minute")
        if impact.requests == 0 { return "No customer asked for what it touches within \(minutes)." + excluded }
        if impact.tenants == 0 {
            let requests = impact.requests == 1 ? "the one request" : "all \(impact.requests) requests"
            return "No customer felt it: \(requests) for what it touches within \(minutes) answered in time." + excluded
        }
        return
            "\(Counted.text(impact.tenants, "customer")) had requests fail or answered late within \(minutes): of \(Counted.text(impact.requests, "request")) for "
            + "what it touches \(impact.bad) failed, and \(impact.late) had a late first token." + excluded
    }

    /// Of an `incident`: its timeline has a sign of such a kind.
    private static func traced(_ kind: String) -> SQL {
        """
        EXISTS (SELECT 1 FROM reliability.incident_event AS event
            WHERE event.incident_id = incident.id AND event.kind = 'signal' AND event.detail ->> \(kind)::text IS NOT NULL)
        """
    }

    /// What showed, and what was found to be behind it.
    private static func cause(_ signal: IncidentSignal, _ row: PostgresRow) throws -> String {
        var words = [cause(signal)]
        if try row.value("by_release") { words.append("A release that had taken over was worse than the others.") }
        if try row.value("by_worker") { words.append("One worker was worse than the others.") }
        if try row.value("by_provider") { words.append("The workers of one source of capacity were worse than the others.") }
        if try row.value("by_tenant") { words.append("One customer asked for far more than usual.") }
        return words.joined(separator: " ")
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
        case .firstTokenLate: "First tokens were late."
        case .redundancy: "Fewer independent sources of capacity served than what is promised needs."
        case .unmeasured: "Nothing was measured."
        case .outsideLost: "Nothing was measured from outside."
        case .budgetEnding: "Requests failed or were answered late for so long that the budget was about to end."
        }
    }
}
