import FoundationEssentials
import Postgres

/// Force majeure is left out of contracts only where everybody can read it: with its last approval it is on the status page, and so is its withdrawal.
enum ForceMajeurePublication {
    /// Once, when it holds.
    static func publish(_ exclusion: UUID, by actor: String, _ connection: PostgresConnection) async throws {
        try await connection.execute(
            """
            WITH post AS (
                INSERT INTO reliability.status_post (kind, exclusion_id, title, impact, models, regions, began_at, published_at, created_by)
                SELECT 'incident', held.id, 'Force majeure', 'major',
                    CASE WHEN held.model IS NULL AND held.region IS NULL THEN '{}' ELSE ARRAY[coalesce(held.model, '')] END,
                    CASE WHEN held.model IS NULL AND held.region IS NULL THEN '{}' ELSE ARRAY[coalesce(held.region, '')] END,
                    held.starts_at, now(), \(actor)
                FROM reliability.effective_exclusion AS held WHERE held.id = \(exclusion) AND held.code = 'force_majeure'
                ON CONFLICT (exclusion_id) DO NOTHING RETURNING id, exclusion_id)
            INSERT INTO reliability.status_update (post_id, status, body, actor)
            SELECT post.id, CASE WHEN held.ends_at <= now() THEN 'resolved' ELSE 'identified' END,
                'From ' || serving.wire_time(held.starts_at) || ' to ' || serving.wire_time(held.ends_at)
                    || ' the service is held to have been hit by force majeure, which contracts leave out: ' || held.reason, \(actor)
            FROM post JOIN reliability.exclusion AS held ON held.id = post.exclusion_id
            """)
    }

    /// What was held to be force majeure up to a time that is over now is told as over: an open post would say that it still is.
    static func end(at now: Date, _ reliability: PostgresPool) async throws {
        try await StatusTelling(reliability: reliability).tell(
            """
            SELECT post.id AS post_id, 'resolved' AS status, 'The time that is held to have been hit by force majeure is over.' AS body
            FROM reliability.status_post AS post JOIN reliability.exclusion AS held ON held.id = post.exclusion_id
            WHERE post.published_at IS NOT NULL AND held.ends_at <= \(now) AND NOT EXISTS (
                SELECT 1 FROM reliability.status_update AS told WHERE told.post_id = post.id AND told.status IN ('resolved', 'postmortem'))
            """)
    }

    static func withdraw(_ exclusion: UUID, by actor: String, _ connection: PostgresConnection) async throws {
        try await connection.execute(
            """
            INSERT INTO reliability.status_update (post_id, status, body, actor)
            SELECT id, 'resolved', 'This is not held to be force majeure any more: the time counts like any other.', \(actor)
            FROM reliability.status_post WHERE exclusion_id = \(exclusion)
            """)
    }
}
