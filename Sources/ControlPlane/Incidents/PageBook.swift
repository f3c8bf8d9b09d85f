import Domain
import FoundationEssentials
import Postgres

/// What people are told of, in the same transaction in which it happens.
enum PageEvent: String, Sendable, CaseIterable {
    case opened
    case acknowledged
    case resolved
    case overdue
}

/// The outbox of pages.
struct PageBook: Sendable {
    let connection: PostgresConnection
    let now: Date

    /// For each channel that hears of such incidents. What is told of the end goes to those who were, or are being, told of the beginning;
    /// who is to hear only when nobody acknowledges is told when that is so.
    func tell(_ incident: UUID, _ event: PageEvent) async throws {
        switch event {
        case .opened: try await announce(incident)
        case .acknowledged, .resolved:
            try await dropWaiting(incident)
            try await follow(incident, event)
        case .overdue: try await announce(incident, event: .overdue)
        }
    }

    private func announce(_ incident: UUID, event: PageEvent = .opened) async throws {
        try await connection.execute(
            """
            INSERT INTO reliability.page (channel_id, incident_id, event, created_at, next_attempt_at)
            SELECT channel.id, incident.id, \(event.rawValue)::text, \(now)::timestamptz,
                \(now)::timestamptz + make_interval(secs => coalesce(channel.escalate_after_seconds, 0))
            FROM reliability.page_channel AS channel, reliability.incident AS incident
            WHERE incident.id = \(incident) AND channel.state = 'active'
                AND (channel.least_severity = 'ticket' OR incident.severity = 'page' OR \(event == .overdue))
            ON CONFLICT (incident_id, channel_id, event) DO NOTHING
            """)
    }

    /// Nobody needs to be woken any more.
    private func dropWaiting(_ incident: UUID) async throws {
        try await connection.execute(
            """
            UPDATE reliability.page AS page SET state = 'dropped', ended_at = \(now)
            FROM reliability.page_channel AS channel
            WHERE page.incident_id = \(incident) AND page.channel_id = channel.id AND page.state = 'pending' AND page.event = 'opened'
                AND channel.escalate_after_seconds IS NOT NULL AND page.attempts = 0
            """)
    }

    private func follow(_ incident: UUID, _ event: PageEvent) async throws {
        try await connection.execute(
            """
            INSERT INTO reliability.page (channel_id, incident_id, event, created_at, next_attempt_at)
            SELECT page.channel_id, page.incident_id, \(event.rawValue)::text, \(now)::timestamptz, \(now)::timestamptz FROM reliability.page AS page
            WHERE page.incident_id = \(incident) AND page.event = 'opened' AND page.state IN ('pending', 'delivered')
            ON CONFLICT (incident_id, channel_id, event) DO NOTHING
            """)
    }
}
