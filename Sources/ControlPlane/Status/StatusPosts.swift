import FoundationEssentials
import PlimsollWire
import Postgres

/// Reads what has been published: incidents and maintenance with their updates.
struct StatusPosts: Sendable {
    /// Of each kind, beside incidents that are open.
    private static let most = 100

    /// Of the reliability room.
    let pool: PostgresPool

    private struct Post {
        var id: String
        var title: String
        var impact: StatusImpact
        var places: [(model: String, region: String)]
        var began: Date
        var ends: Date?
        var published: Date
        /// Oldest first.
        var updates: [StatusUpdate] = []
        var note: StatusNote?

        var status: StatusStep { updates.last { $0.corrects == nil }?.status ?? (ends == nil ? .investigating : .scheduled) }
        var updatedAt: Date { updates.last?.createdAt ?? published }

        func reached(_ steps: StatusStep...) -> Date? { updates.first { steps.contains($0.status) && $0.corrects == nil }?.createdAt }

        /// When one of these steps came, since which no other has: what was told as over and went on is not over, or is since it was told so again.
        func ended(_ steps: StatusStep...) -> Date? {
            updates.filter { $0.corrects == nil }.reversed().prefix { steps.contains($0.status) }.last?.createdAt
        }
    }

    /// - Parameter components: Places that the page shows.
    func read(_ components: [StatusPlace]) async throws -> (incidents: [StatusIncident], maintenances: [StatusMaintenance]) {
        let incidents = try await posts("incident").map { post in
            StatusIncident(
                id: post.id, title: post.title, impact: post.impact, status: post.status, components: Self.ids(post, components),
                startedAt: post.began, createdAt: post.published, updatedAt: post.updatedAt, monitoringAt: post.reached(.monitoring),
                resolvedAt: post.ended(.resolved, .postmortem), updates: post.updates.reversed(), note: post.note)
        }
        let maintenances = try await posts("maintenance").map { post in
            StatusMaintenance(
                id: post.id, title: post.title, impact: post.impact, status: post.status, components: Self.ids(post, components),
                scheduledFor: post.began, scheduledUntil: post.ends ?? post.began, createdAt: post.published, updatedAt: post.updatedAt,
                completedAt: post.ended(.completed), updates: post.updates.reversed())
        }
        return (incidents, maintenances)
    }

    private static func ids(_ post: Post, _ components: [StatusPlace]) -> [String] {
        let touched = components.filter { component in
            post.places.isEmpty
                || post.places.contains { ($0.model.isEmpty || $0.model == component.model) && ($0.region.isEmpty || $0.region == component.region) }
        }
        return touched.map(\.componentId)
    }

    private func posts(_ kind: String) async throws -> [Post] {
        let rows = try await pool.query(
            """
            SELECT id, title, impact, models, regions, began_at, ends_at, published_at FROM reliability.status_post AS post
            WHERE kind = \(kind) AND published_at IS NOT NULL AND (kind = 'incident' AND \(Self.isOpen) OR id IN (
                SELECT id FROM reliability.status_post WHERE kind = \(kind) AND published_at IS NOT NULL
                    AND greatest(began_at, ends_at, published_at, \(Self.lastTold)) > now() - interval '90 days'
                ORDER BY began_at DESC, id LIMIT \(Self.most)))
            ORDER BY began_at DESC, id
            """)
        var posts: [Post] = []
        for row in rows {
            let (models, regions): ([String], [String]) = (try row.value("models"), try row.value("regions"))
            posts.append(
                Post(
                    id: (try row.value("id", as: UUID.self)).uuidString.lowercased(), title: try row.value("title"),
                    impact: StatusImpact(rawValue: try row.value("impact")) ?? .minor, places: Array(zip(models, regions)).map { ($0, $1) },
                    began: try row.value("began_at"), ends: try row.value("ends_at"), published: try row.value("published_at")))
        }
        try await addUpdates(to: &posts)
        return posts
    }

    /// As `StatusIncident.isOpen`: whatever its age, and whatever came after it.
    private static let isOpen: SQL = """
        coalesce((SELECT status NOT IN ('resolved', 'postmortem') FROM reliability.status_update WHERE post_id = post.id AND corrects IS NULL
            ORDER BY created_at DESC, status_update.id DESC LIMIT 1), true)
        """

    /// What was open for months is over on the page for as long as anything else.
    private static let lastTold: SQL = "(SELECT max(created_at) FROM reliability.status_update WHERE post_id = status_post.id)"

    private func addUpdates(to posts: inout [Post]) async throws {
        let places = Dictionary(uniqueKeysWithValues: posts.enumerated().map { ($1.id, $0) })
        let rows = try await pool.query(
            """
            SELECT u.id, u.post_id, u.status, u.body, u.note::text AS note, u.corrects, u.created_at,
                (SELECT id FROM reliability.status_update AS later WHERE later.corrects = u.id) AS corrected_by
            FROM reliability.status_update AS u WHERE u.post_id = ANY(\(posts.compactMap { UUID(uuidString: $0.id) })::uuid[])
            ORDER BY u.created_at, u.id
            """)
        for row in rows {
            guard let at = places[try row.value("post_id", as: UUID.self).uuidString.lowercased()],
                let step = StatusStep(rawValue: try row.value("status"))
            else { continue }
            posts[at].updates.append(
                StatusUpdate(
                    id: try row.value("id", as: UUID.self).uuidString.lowercased(), status: step, body: try row.value("body"),
                    createdAt: try row.value("created_at"), corrects: try row.value("corrects", as: UUID?.self)?.uuidString.lowercased(),
                    correctedBy: try row.value("corrected_by", as: UUID?.self)?.uuidString.lowercased()))
            if let note = try row.value("note", as: String?.self) { posts[at].note = try WireCoder.decode(StatusNote.self, from: note.utf8) }
        }
    }
}
