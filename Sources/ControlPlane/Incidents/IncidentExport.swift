import FoundationEssentials
import HTTPWire
import Postgres

/// An incident as it may be handed to a customer: what happened and when, without a name or id of any provider, pool, host, worker, gateway or other customer.
struct IncidentExport: Sendable {
    /// Of the serving room.
    let pool: PostgresPool

    func document(_ id: UUID) async throws -> String {
        let answers = try await pool.pipeline([
            incident(id), timeline(id), actions(id), NameScrub.names(for: "(SELECT tenant_id FROM reliability.incident WHERE id = \(id))"),
        ])
        guard let row = answers[0].first else { throw AdminRefusal.notFound }
        let scrub = try NameScrub(answers[3])
        let steps: String = try answers[1].first?.value("document") ?? "[]"
        let done: String = try answers[2].first?.value("document") ?? "[]"
        let postmortem = try scrub.clean(try JSONValue.parse(row.value("postmortem", as: String.self)))
        let head: String = try row.value("document")
        return "\(head.dropLast()),\"timeline\":\(steps),\"actions\":\(done),\"postmortem\":\(AdminJSON.text(postmortem))}"
    }

    private func incident(_ id: UUID) -> SQL {
        """
        SELECT json_build_object('number', number, 'title', title, 'tier', tier, 'model', model, 'region', region,
            'began_at', serving.wire_time(began_at), 'detected_at', serving.wire_time(opened_at),
            'impact_from', serving.wire_time(impact_from), 'impact_until', serving.wire_time(impact_until),
            'felt_minutes', \(FeltMinutes.count), 'mitigated_at', serving.wire_time(mitigated_at), 'resolved_at', serving.wire_time(resolved_at),
            'reported_at', serving.wire_time(reported_at))::text AS document, coalesce(postmortem, 'null')::text AS postmortem
        FROM reliability.incident AS incident WHERE id = \(id)
        """
    }

    /// Steps only: words of the timeline are for operators.
    private func timeline(_ id: UUID) -> SQL {
        """
        SELECT coalesce(json_agg(json_build_object('at', serving.wire_time(at), 'kind', kind, 'step', CASE WHEN kind = 'step' THEN text END)
            ORDER BY id), '[]')::text AS document
        FROM reliability.incident_event WHERE incident_id = \(id) AND kind IN ('opened', 'signal', 'step', 'published', 'resolved', 'postmortem')
        """
    }

    private func actions(_ id: UUID) -> SQL {
        """
        SELECT coalesce(json_agg(json_build_object('action', action, 'from', serving.wire_time(created_at), 'until', serving.wire_time(ended_at))
            ORDER BY created_at, id), '[]')::text AS document
        FROM reliability.mitigation WHERE incident_id = \(id) AND mode IN ('automatic', 'manual')
        """
    }
}
