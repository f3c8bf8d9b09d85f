import Domain
import FoundationEssentials
import Postgres

/// Times of a month in which customers felt an incident that concerns what a tenant uses, with what that tenant had in them. Titles are the
/// operator's and may name a provider: they stay here.
struct IncidentWindows: Sendable {
    /// A JSON array, the earliest first.
    var json: String
    /// The same with a line for each, after a line of names.
    var csv: String

    private static let columns = [
        "number", "rule", "model", "region", "step", "impact_from", "impact_until", "resolved_at", "felt_minutes", "bad_minutes", "requests_good",
        "requests_bad",
        "first_tokens", "first_tokens_late",
    ]

    private static func touches(_ model: SQL) -> SQL { "(cardinality(\(FeltMinutes.models)) = 0 OR \(model) = ANY(\(FeltMinutes.models)))" }

    static func read(
        _ tenant: UUID, _ places: [(model: String, region: String)], _ month: Range<Int64>, _ databases: ControlDatabases
    ) async throws -> IncidentWindows {
        // Of minutes in which it asked for anything its tier is known; else the present one is all there is.
        let row = try await databases.serving.queryOne("SELECT tier FROM serving.tenants WHERE id = \(tenant)")
        let tier = try row?.value("tier", as: String.self) ?? ""
        let (models, regions) = (places.map(\.model), places.map(\.region))
        let rows = try await databases.reliability.query(
            """
            SELECT json_build_object('id', incident.id, 'number', number, 'rule', rule, 'model', model, 'region', region, 'step', step,
                    'impact_from', serving.wire_time(impact_from), 'impact_until', serving.wire_time(impact_until),
                    'resolved_at', serving.wire_time(resolved_at), 'felt_minutes', \(FeltMinutes.count),
                    'bad_minutes', felt.bad_minutes, 'requests_good', felt.good,
                    'requests_bad', felt.bad, 'first_tokens', felt.samples, 'first_tokens_late', felt.late)::text AS document,
                concat_ws(',', number, rule, model, region, step, serving.wire_time(impact_from), coalesce(serving.wire_time(impact_until), ''),
                    coalesce(serving.wire_time(resolved_at), ''), \(FeltMinutes.count), felt.bad_minutes, felt.good, felt.bad, felt.samples, felt.late) AS line
            FROM reliability.incident AS incident, LATERAL (
                SELECT count(*) FILTER (WHERE total.bad > 0) AS bad_minutes, coalesce(sum(total.good), 0)::bigint AS good,
                    coalesce(sum(total.bad), 0)::bigint AS bad, coalesce(sum(total.first_token_samples), 0)::bigint AS samples,
                    coalesce(sum(total.first_token_over), 0)::bigint AS late, bool_or(total.tier = incident.tier) AS is_of_tier
                FROM reliability.minute_total AS total WHERE total.tenant_id = \(tenant) AND \(touches("total.model"))
                    AND incident.region IN ('', total.region) AND total.minute_at >= date_trunc('minute', incident.impact_from)
                    AND total.minute_at < coalesce(incident.impact_until, now()) AND (isempty(incident.felt) OR total.minute_at <@ incident.felt)
                    AND total.minute_at >= \(EvidenceTime.minute(month.lowerBound))
                    AND total.minute_at < \(EvidenceTime.minute(month.upperBound))) AS felt
            WHERE NOT drill AND impact_from < \(EvidenceTime.minute(month.upperBound))
                AND coalesce(impact_until, 'infinity') > \(EvidenceTime.minute(month.lowerBound))
                AND coalesce(incident.tenant_id = \(tenant), TRUE) AND (incident.tier = '' OR coalesce(felt.is_of_tier, incident.tier = \(tier)))
                AND EXISTS (SELECT 1 FROM unnest(\(models)::text[], \(regions)::text[]) AS used (model, region)
                    WHERE \(touches("used.model")) AND incident.region IN ('', used.region))
            ORDER BY impact_from, number
            """)
        let documents = try rows.map { try $0.value("document", as: String.self) }
        let lines = try rows.map { try $0.value("line", as: String.self) }
        return IncidentWindows(
            json: "[\(documents.joined(separator: ","))]", csv: ([columns.joined(separator: ",")] + lines).map { $0 + "\r\n" }.joined())
    }
}
