import FoundationEssentials
import Postgres

/// Appends to posts what tells itself. Words that are published stay, and who holds the lease may stand still for longer than it lasts: each post is held
/// while it is looked at once more, so that of two who would say the same only the first does.
struct StatusTelling: Sendable {
    let reliability: PostgresPool

    /// Everybody else who would say something of this post waits until the transaction ends.
    func holding(_ post: UUID, _ work: (PostgresConnection) async throws -> Void) async throws {
        try await reliability.transaction { connection in
            let row = try await connection.queryOne("SELECT id FROM reliability.status_post WHERE id = \(post) FOR UPDATE")
            if row != nil { try await work(connection) }
        }
    }

    /// - Parameter news: A query of `post_id`, `status` and `body` that finds nothing any more once it has been told.
    func tell(_ news: SQL) async throws {
        for row in try await reliability.query("SELECT DISTINCT post_id FROM (\(news)) AS news") {
            let post: UUID = try row.value("post_id")
            try await holding(post) { connection in
                // A statement of its own: it sees what was said until the post was held.
                try await connection.execute(
                    """
                    INSERT INTO reliability.status_update (post_id, status, body, actor)
                    SELECT post_id, status, body, 'automatic' FROM (\(news)) AS news WHERE post_id = \(post)
                    """)
            }
        }
    }
}
