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

    /// Notes of incidents that are open in which minutes they are felt. A minute is felt when requests of customers failed in it, or more first tokens were
    /// late than may be, of what the incident touches; drills are left out. Minutes less than ten apart are one spell; a later one is another spell of the
    /// same incident, because nothing else tells of it.
    func note() async throws {
        try await pool.execute(
            """
            UPDATE reliability.incident AS known SET felt = told.felt, impact_from = coalesce(known.impact_from, lower(told.felt)),
                impact_until = upper(told.felt)
            FROM (SELECT id, range_agg(tstzrange(lower(spell), CASE WHEN next < upper(spell) + make_interval(mins => \(IncidentRules.cleanMinutes))
                    THEN next ELSE upper(spell) END)) AS felt
                FROM (SELECT id, spell, lead(lower(spell)) OVER (PARTITION BY id ORDER BY spell) AS next FROM (\(seen)) AS seen) AS apart
                GROUP BY id) AS told
            WHERE known.id = told.id AND known.felt <> told.felt
            """)
    }

    /// Spells that are known with minutes that were seen since.
    private var seen: SQL {
        """
        SELECT open.id, unnest(open.felt + range_agg(tstzrange(minute.minute_at, minute.minute_at + interval '1 minute'))) AS spell
        FROM (SELECT id, tier, region, felt, \(Self.models) AS models,
                greatest(date_trunc('minute', began_at), \(now.addingTimeInterval(-Self.sight))) AS since
            FROM reliability.incident WHERE resolved_at IS NULL AND NOT drill AND rule = ANY(\(Self.rules))) AS open
        CROSS JOIN LATERAL (SELECT minute.minute_at FROM reliability.minute
            WHERE minute.minute_at >= open.since AND minute.minute_at <= \(now) AND NOT minute.drill
                AND (cardinality(open.models) = 0 OR minute.model = ANY(open.models)) AND open.region IN ('', minute.region)
                AND open.tier IN ('', minute.tier)
            GROUP BY minute.minute_at
            -- As many late ones as `LatencyCounter` allows are within the objective.
            HAVING sum(minute.bad) > 0 OR sum(minute.first_token_over)::bigint > sum(minute.first_token_samples)::bigint / 20) AS minute
        GROUP BY open.id, open.felt
        """
    }

    /// When customers felt an incident, as a multirange: its spells or, by its rule, from the first sign to the last: that it stands open since does
    /// not say that anybody feels it. Empty: they did not.
    static func spells(of name: SQL = "incident") -> SQL {
        """
        (CASE WHEN \(name).impact_from IS NULL THEN '{}' WHEN isempty(\(name).felt) THEN tstzmultirange(tstzrange(\(name).impact_from,
            greatest(coalesce(\(name).impact_until, \(name).last_signal_at), \(name).impact_from))) ELSE \(name).felt END)
        """
    }

    /// Customers felt an incident for so long, all its spells together, that its draft is published.
    static func isPublic(_ name: SQL) -> SQL {
        """
        (SELECT coalesce(sum(upper(spell) - lower(spell)), '0') >= make_interval(mins => \(IncidentRules.draftMinutes))
            FROM unnest(\(spells(of: name))) AS spell)
        """
    }

    /// Whole minutes in which customers felt an `incident`, begun ones too; null: they did not.
    static let count: SQL = """
        (CASE WHEN incident.impact_from IS NOT NULL THEN coalesce((SELECT ceil(extract(epoch FROM sum(upper(spell) - lower(spell))) / 60)
            FROM unnest(\(spells())) AS spell), 0)::bigint END)
        """

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
