import FoundationEssentials
import Postgres

/// One outage is one post: what other tiers feel of it, and what other signs tell of it, is told in the post of its place that is published already.
struct OutagePosts: Sendable {
    let reliability: PostgresPool

    private struct Joined {
        var incident: UUID
        var draft: UUID
        var post: UUID
    }

    /// Drafts of the same model and region at the same time are told in a post that is there, from their first moment: the public knows already. Lost
    /// capacity is not: it stays a draft while others tell of it, and would keep their post open for as long as it lasts.
    func join(at now: Date) async throws {
        try await reliability.transaction { connection in
            for joined in try await found(connection, now) { try await join(joined, connection, now) }
        }
    }

    /// Of what is open, or ended within a day.
    private func found(_ connection: PostgresConnection, _ now: Date) async throws -> [Joined] {
        try await connection.query(
            """
            SELECT incident.id AS incident, draft.id AS draft, told.id AS post
            FROM reliability.status_post AS draft JOIN reliability.incident AS incident ON incident.id = draft.incident_id
            CROSS JOIN LATERAL (SELECT post.id FROM reliability.status_post AS post
                JOIN reliability.status_post AS part ON part.id = post.id OR part.told_by = post.id
                JOIN reliability.incident AS other ON other.id = part.incident_id
                WHERE post.published_at IS NOT NULL AND post.incident_id IS NOT NULL AND part.vetoed_at IS NULL AND NOT other.drill
                    AND post.models @> draft.models AND post.regions @> draft.regions AND \(Self.isAtOneTime("other", "incident"))
                ORDER BY post.published_at, post.id LIMIT 1) AS told
            WHERE draft.published_at IS NULL AND draft.vetoed_at IS NULL AND draft.told_by IS NULL AND incident.impact_from IS NOT NULL
                AND coalesce(incident.resolved_at > \(now)::timestamptz - interval '1 day', TRUE) AND NOT incident.drill
                AND incident.rule <> ALL(\(FeltMinutes.rules)::text[])
            ORDER BY incident.number
            """
        ).map { Joined(incident: try $0.value("incident"), draft: try $0.value("draft"), post: try $0.value("post")) }
    }

    /// The post shows the worst of them from the first on.
    private func join(_ joined: Joined, _ connection: PostgresConnection, _ now: Date) async throws {
        let impacts = ["none", "minor", "major", "critical"]
        let worse: SQL = "array_position(\(impacts)::text[], draft.impact) > array_position(\(impacts)::text[], post.impact)"
        let draft: SQL = "id = \(joined.draft) AND told_by IS NULL AND published_at IS NULL AND vetoed_at IS NULL"
        // Nothing, where somebody else was faster.
        guard try await connection.execute("UPDATE reliability.status_post SET told_by = \(joined.post) WHERE \(draft)") == 1 else { return }
        try await connection.execute(
            """
            UPDATE reliability.status_post AS post SET impact = CASE WHEN \(worse) THEN draft.impact ELSE post.impact END,
                began_at = least(post.began_at, draft.began_at)
            FROM reliability.status_post AS draft
            WHERE post.id = \(joined.post) AND draft.id = \(joined.draft) AND (\(worse) OR draft.began_at < post.began_at)
            """)
        try await connection.execute("UPDATE reliability.incident SET published_at = \(now) WHERE id = \(joined.incident) AND published_at IS NULL")
        try await connection.execute(
            """
            INSERT INTO reliability.incident_event (incident_id, at, kind, actor, text)
            VALUES (\(joined.incident), \(now), 'published', 'automatic', 'it is told on the status page in the post of the same place')
            """)
    }

    /// Customers felt both incidents at one time.
    static func isAtOneTime(_ one: SQL, _ other: SQL) -> SQL {
        let end = { (name: SQL) -> SQL in "coalesce(\(name).impact_until, \(name).resolved_at, 'infinity')" }
        return "(\(one).impact_from <= \(end(other)) AND \(end(one)) >= \(other).impact_from)"
    }

    /// How far the incidents of a post are, what ended them (empty: not known), in how many minutes any of them was felt, and the write-up: its own before those of others.
    static func outage(of post: SQL) -> SQL {
        """
        WITH part AS (SELECT incident.step, incident.postmortem, incident.reported_at, told.id = \(post).id AS is_own,
                coalesce(\(IncidentBook.end), '') AS ended_by, \(FeltMinutes.spells()) AS spells
            FROM reliability.status_post AS told JOIN reliability.incident AS incident ON incident.id = told.incident_id
            WHERE told.id = \(post).id OR told.told_by = \(post).id AND told.vetoed_at IS NULL)
        SELECT (SELECT array_agg(DISTINCT step) FROM part) AS steps, (SELECT array_agg(DISTINCT ended_by) FROM part) AS ends,
            (SELECT part.postmortem FROM part WHERE step = 'reported' ORDER BY is_own DESC, reported_at LIMIT 1) AS postmortem,
            (SELECT ceil(extract(epoch FROM sum(upper(spell) - lower(spell))) / 60)::bigint
                FROM unnest((SELECT range_agg(spell) FROM part, unnest(part.spells) AS spell)) AS spell) AS minutes
        """
    }
}
