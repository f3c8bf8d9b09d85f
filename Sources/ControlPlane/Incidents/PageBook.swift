import Domain
import FoundationEssentials
import Postgres

/// What people are told of, in the same transaction in which it happens.
enum PageEvent: String, Sendable, CaseIterable {
    case opened
    case acknowledged
    case resolved
    case overdue
    /// What was overdue is there.
    case reported

    /// The end of an earlier event is told only after that.
    static let beginnings: [PageEvent: PageEvent] = [.acknowledged: .opened, .resolved: .opened, .reported: .overdue]
}

/// The outbox of pages.
struct PageBook: Sendable {
    let connection: PostgresConnection
    let now: Date

    /// For each channel that hears of such incidents. What is told of the end goes to those who were, may have been, or are being told of the beginning;
    /// who is to hear only when nobody acknowledges is told when that is so.
    func tell(_ incident: UUID, _ event: PageEvent) async throws {
        switch event {
        case .opened: try await announce(incident)
        case .acknowledged:
            // Receivers take an acknowledgement for a sign that it goes on.
            guard try await isOpen(incident) else { return }
            try await dropWaiting(incident)
            try await follow(incident, event, after: .opened)
        case .resolved:
            try await dropWaiting(incident, isOver: true)
            try await dropAcknowledgement(incident)
            try await follow(incident, event, after: .opened)
        case .overdue: try await announce(incident, event: .overdue)
        case .reported:
            try await dropUntold(incident)
            try await follow(incident, event, after: .overdue)
        }
    }

    /// What was told as a ticket is a page now: who hears of pages only hears of it for the first time, and who was told before hears it anew, unless they
    /// wait for nobody to acknowledge and somebody has. That is another delivery, because receivers pass over one that they know.
    func raise(_ incident: UUID) async throws {
        try await connection.execute(
            """
            UPDATE reliability.page AS page SET id = gen_random_uuid(), state = 'pending', attempts = 0, next_attempt_at = \(now), ended_at = NULL
            FROM reliability.page_channel AS channel, reliability.incident AS incident
            WHERE page.incident_id = \(incident) AND page.event = 'opened' AND page.state IN ('delivered', 'dead')
                AND channel.id = page.channel_id AND incident.id = page.incident_id
                AND (channel.escalate_after_seconds IS NULL OR incident.acknowledged_at IS NULL)
            """)
        try await announce(incident)
    }

    private func announce(_ incident: UUID, event: PageEvent = .opened) async throws {
        try await connection.execute(
            """
            INSERT INTO reliability.page (channel_id, incident_id, event, created_at, next_attempt_at)
            SELECT channel.id, incident.id, \(event.rawValue)::text, \(now)::timestamptz,
                \(now)::timestamptz + make_interval(secs => coalesce(channel.escalate_after_seconds, 0))
            FROM reliability.page_channel AS channel, reliability.incident AS incident
            WHERE incident.id = \(incident) AND channel.state <> 'deleted'
                AND (channel.least_severity = 'ticket' OR incident.severity = 'page' OR \(event == .overdue))
                AND (channel.escalate_after_seconds IS NULL OR incident.acknowledged_at IS NULL OR \(event != .opened))
            ON CONFLICT (incident_id, channel_id, event) DO NOTHING
            """)
    }

    /// Nobody needs to be woken any more, nor to hear of what came and went while they did not want to hear.
    private func dropWaiting(_ incident: UUID, isOver: Bool = false) async throws {
        try await connection.execute(
            """
            UPDATE reliability.page AS page SET state = 'dropped', ended_at = \(now)
            FROM reliability.page_channel AS channel
            WHERE page.incident_id = \(incident) AND page.channel_id = channel.id AND page.state = 'pending' AND page.event = 'opened'
                AND (channel.escalate_after_seconds IS NOT NULL OR \(isOver) AND channel.state = 'paused') AND page.attempts = 0
            """)
    }

    private func isOpen(_ incident: UUID) async throws -> Bool {
        try await connection.queryOne("SELECT 1 AS yes FROM reliability.incident WHERE id = \(incident) AND resolved_at IS NULL") != nil
    }

    /// Behind the end it would begin anew.
    private func dropAcknowledgement(_ incident: UUID) async throws {
        try await connection.execute(
            """
            UPDATE reliability.page SET state = 'dropped', ended_at = \(now)
            WHERE incident_id = \(incident) AND event = 'acknowledged' AND state = 'pending'
            """)
    }

    /// What is late is there before anybody was told that it is late.
    private func dropUntold(_ incident: UUID) async throws {
        try await connection.execute(
            """
            UPDATE reliability.page SET state = 'dropped', ended_at = \(now)
            WHERE incident_id = \(incident) AND event = 'overdue' AND state = 'pending' AND attempts = 0
            """)
    }

    /// A dead letter that is sent again may tell of what is over by now.
    func retry(_ page: UUID) async throws -> Bool {
        let row = try await connection.queryOne(
            """
            UPDATE reliability.page SET state = 'pending', attempts = 0, next_attempt_at = \(now), ended_at = NULL
            WHERE id = \(page) AND state <> 'pending' RETURNING incident_id, event
            """)
        guard let row else { return false }
        let incident: UUID = try row.value("incident_id")
        let known = try await connection.queryOne("SELECT step FROM reliability.incident WHERE id = \(incident)")
        let (event, step): (String, String) = (try row.value("event"), try known?.value("step") ?? "")
        if event == "opened", ["resolved", "reported"].contains(step) { try await close(page, incident, .resolved, after: .opened) }
        if event == "overdue", step == "reported" { try await close(page, incident, .reported, after: .overdue) }
        return true
    }

    /// Whoever hears of the beginning once more hears of the end after it, once more where they heard of it before.
    private func close(_ page: UUID, _ incident: UUID, _ event: PageEvent, after beginning: PageEvent) async throws {
        try await follow(incident, event, after: beginning)
        try await connection.execute(
            """
            UPDATE reliability.page AS page SET state = 'pending', attempts = 0, next_attempt_at = \(now), ended_at = NULL
            FROM reliability.page AS begun WHERE begun.id = \(page) AND page.incident_id = \(incident) AND page.channel_id = begun.channel_id
                AND page.event = \(event.rawValue) AND page.state <> 'pending'
            """)
    }

    private func follow(_ incident: UUID, _ event: PageEvent, after beginning: PageEvent) async throws {
        try await connection.execute(
            """
            INSERT INTO reliability.page (channel_id, incident_id, event, created_at, next_attempt_at)
            SELECT page.channel_id, page.incident_id, \(event.rawValue)::text, \(now)::timestamptz, \(now)::timestamptz FROM reliability.page AS page
            WHERE page.incident_id = \(incident) AND page.event = \(beginning.rawValue)
                AND (page.state IN ('pending', 'delivered') OR page.state = 'dead' AND page.may_be_heard)
            ON CONFLICT (incident_id, channel_id, event) DO NOTHING
            """)
    }
}
