import FoundationEssentials
import Postgres

/// Force majeure is left out of contracts only where everybody can read it: with its last approval it is on the status page, and so is its withdrawal.
enum ForceMajeurePublication {
    /// Before it is asked for: its reason is what will be read.
    static func check(_ reason: String?, _ connection: PostgresConnection) async throws {
        let words = try await PublicWords.read { try await connection.query($0) }
        if let name = reason.flatMap({ words.found(in: $0) }) {
            throw AdminRefusal.fault("reason", "names \(name): it is published, and customers see no provider, pool, host or gateway")
        }
    }

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

    static func withdraw(_ exclusion: UUID, by actor: String, _ connection: PostgresConnection) async throws {
        try await connection.execute(
            """
            INSERT INTO reliability.status_update (post_id, status, body, actor)
            SELECT id, 'resolved', 'This is not held to be force majeure any more: the time counts like any other.', \(actor)
            FROM reliability.status_post WHERE exclusion_id = \(exclusion)
            """)
    }
}
