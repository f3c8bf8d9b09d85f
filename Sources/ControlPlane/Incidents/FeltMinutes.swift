import Domain
import FoundationEssentials
import Postgres

/// When customers felt incidents whose rule does not say that they do: a worker or provider that is lost, redundancy that is. The minutes tell.
struct FeltMinutes: Sendable {
    /// Of the reliability room.
    let pool: PostgresPool
    let now: Date

    /// How far back minutes are looked at; what is told later changes nothing.
    private static let sight: TimeInterval = 900

    /// Notes of incidents that are open since when and until when so far. A minute is felt when requests of customers failed in it, or more first tokens
    /// were late than may be, of what the incident touches; drills are left out. Ten minutes without one end it: what comes later has signs of its own.
    func note() async throws {
        try await pool.execute(
            """
            UPDATE reliability.incident AS known SET impact_from = coalesce(known.impact_from, felt.began), impact_until = felt.ended
            FROM (SELECT id, min(minute_at) AS began, max(minute_at) + interval '1 minute' AS ended
                FROM (SELECT incident.id, tier, region, \(Self.models) AS models,
                        greatest(date_trunc('minute', began_at), \(now.addingTimeInterval(-Self.sight))) AS since,
                        coalesce(impact_until + make_interval(mins => \(IncidentRules.cleanMinutes)), 'infinity') AS ends
                    FROM reliability.incident WHERE resolved_at IS NULL AND NOT drill AND rule = ANY(\(Self.rules))) AS open
                CROSS JOIN LATERAL (SELECT minute.minute_at FROM reliability.minute
                    WHERE minute.minute_at >= open.since AND minute.minute_at <= \(now) AND minute.minute_at < open.ends AND NOT minute.drill
                        AND (cardinality(open.models) = 0 OR minute.model = ANY(open.models)) AND open.region IN ('', minute.region)
                        AND open.tier IN ('', minute.tier)
                    GROUP BY minute.minute_at
                    -- As many late ones as `LatencyCounter` allows are within the objective.
                    HAVING sum(minute.bad) > 0 OR sum(minute.first_token_over)::bigint > sum(minute.first_token_samples)::bigint / 20) AS minute
                GROUP BY id) AS felt
            WHERE known.id = felt.id AND (known.impact_from IS NULL OR known.impact_until IS NULL OR known.impact_until < felt.ended)
            """)
    }

    /// Of incidents that are judged by minutes.
    static let rules = IncidentSignal.allCases.filter(\.isJudgedByMinutes).map(\.rawValue)

    /// Models that an `incident` touches: its own, or those that its workers served when it opened; none: all.
    static let models: SQL = """
        (CASE WHEN incident.model <> '' THEN ARRAY[incident.model::text] ELSE ARRAY(SELECT DISTINCT worker ->> 'model'
            FROM jsonb_array_elements(CASE WHEN jsonb_typeof(incident.snapshot #> '{fleet,workers}') = 'array'
                THEN incident.snapshot #> '{fleet,workers}' ELSE '[]' END) AS worker
            WHERE worker ->> 'model' IS NOT NULL ORDER BY 1) END)
        """
}
