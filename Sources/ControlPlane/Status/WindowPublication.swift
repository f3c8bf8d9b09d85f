import FoundationEssentials
import Postgres

/// Maintenance announces itself: a window is published when it is made, and tells when it begins and ends.
struct WindowPublication: Sendable {
    let reliability: PostgresPool

    func tend(at now: Date) async throws {
        try await reliability.execute(
            """
            INSERT INTO reliability.status_post (kind, window_id, title, impact, models, regions, began_at, ends_at, publish_at, published_at,
                created_by)
            SELECT 'maintenance', planned.id, planned.title, 'none',
                CASE WHEN planned.model IS NULL AND planned.region IS NULL THEN '{}' ELSE ARRAY[coalesce(planned.model, '')] END,
                CASE WHEN planned.model IS NULL AND planned.region IS NULL THEN '{}' ELSE ARRAY[coalesce(planned.region, '')] END,
                planned.starts_at, planned.ends_at, planned.announced_at, \(now), 'automatic'
            FROM reliability.maintenance_window AS planned
            WHERE planned.state <> 'cancelled' AND planned.ends_at > \(now)::timestamptz - interval '90 days'
            ON CONFLICT (window_id) DO NOTHING
            """)
        for step in Self.steps { try await tell(step, at: now) }
    }

    private struct Step {
        var status: String
        var body: String
        /// Of windows; this step is told once, and not when a person has told one that follows it.
        var condition: @Sendable (Date) -> SQL
    }

    private static let steps = [
        Step(status: "scheduled", body: "Work on the service is planned for this time. Requests may be slower than usual.") { _ in "TRUE" },
        Step(status: "in_progress", body: "The work has begun.") {
            "planned.state <> 'cancelled' AND planned.starts_at <= \($0) AND coalesce(planned.completed_at, planned.ends_at) > \($0)"
        },
        Step(status: "completed", body: "The work is done.") {
            "planned.state <> 'cancelled' AND coalesce(planned.completed_at, planned.ends_at) <= \($0)"
        },
        Step(status: "completed", body: "The work was called off.") { _ in "planned.state = 'cancelled'" },
    ]

    private static let order = ["scheduled", "in_progress", "verifying", "completed"]

    private func tell(_ step: Step, at now: Date) async throws {
        let told = Array(Self.order.drop { $0 != step.status })
        try await StatusTelling(reliability: reliability).tell(
            """
            SELECT post.id AS post_id, \(step.status) AS status, \(step.body) AS body
            FROM reliability.status_post AS post JOIN reliability.maintenance_window AS planned ON planned.id = post.window_id
            WHERE post.published_at IS NOT NULL AND (\(step.condition(now))) AND NOT EXISTS (
                SELECT 1 FROM reliability.status_update AS told WHERE told.post_id = post.id AND told.status = ANY(\(told)::text[]))
            """)
    }
}
