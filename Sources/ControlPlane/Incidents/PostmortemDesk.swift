import Domain
import FoundationEssentials
import Postgres

/// Sees to it that incidents are written up in time.
struct PostmortemDesk: Sendable {
    let connection: PostgresConnection
    let now: Date

    /// What is overdue is told once to everybody who was told of the incident's beginning, and stands in its timeline.
    func remind() async throws {
        let rows = try await connection.query(
            """
            SELECT id FROM reliability.incident AS incident
            WHERE step = 'resolved' AND postmortem_due <= \(now)
                AND NOT EXISTS (SELECT 1 FROM reliability.incident_event AS event
                    WHERE event.incident_id = incident.id AND event.kind = 'postmortem' AND event.text = \(Self.overdue))
            """)
        for row in rows {
            let id: UUID = try row.value("id")
            try await IncidentBook(connection: connection, now: now).note(id, "postmortem", Self.overdue)
            try await PageBook(connection: connection, now: now).tell(id, .overdue)
        }
    }

    /// Drafts whose budget was not in the ledger yet when they were made, and is now: each is made anew once, because it looks at all agreements that the
    /// incident touched.
    static func unsettled(_ serving: PostgresPool, _ reliability: PostgresPool) async throws -> [UUID] {
        let progress = try await reliability.queryOne("SELECT closed_until FROM reliability.minute_progress")
        guard let closed = try progress?.value("closed_until", as: Date.self) else { return [] }
        let rows = try await serving.query(
            """
            SELECT incident.id FROM reliability.incident AS incident
            WHERE step = 'resolved' AND postmortem ->> 'state' = 'draft' AND postmortem -> 'budget' ->> 'is_settled' = 'false'
                AND incident.resolved_at > now() - interval '7 days' AND date_trunc('minute', incident.resolved_at) + interval '1 minute' <= \(closed)
            ORDER BY incident.resolved_at LIMIT 20
            """)
        return try rows.map { try $0.value("id") }
    }

    /// Puts a newer draft in the place of a draft. Whom it touched and what it spent of a budget may only be known by now: then it is due as if it had been.
    func renew(_ id: UUID, _ draft: PostmortemDraft.Made) async throws {
        let row = try await connection.queryOne(
            """
            UPDATE reliability.incident AS incident SET postmortem = \(draft.document)::jsonb,
                postmortem_due = coalesce(incident.postmortem_due, CASE WHEN \(draft.isDue) THEN incident.resolved_at + \(Self.time) END)
            FROM reliability.incident AS before
            WHERE incident.id = \(id) AND before.id = incident.id AND incident.step = 'resolved' AND incident.postmortem ->> 'state' = 'draft'
            RETURNING before.postmortem_due IS NULL AND incident.postmortem_due IS NOT NULL AS is_new
            """)
        guard try row?.value("is_new") == true else { return }
        try await IncidentBook(connection: connection, now: now).note(
            id, "postmortem", "it must be written up: customers felt it, or it spent more than a fifth of an error budget")
    }

    private static let time: SQL = "make_interval(secs => \(Double(IncidentRules.postmortemTime) / 1_000_000))"

    private static let overdue = "the write-up is overdue"

    /// Takes the write-up; the incident's last step. False when it is not resolved, or was reported before.
    ///
    /// - Parameter credits: What a person says of the credits, beside the figures of the draft.
    func file(_ id: UUID, _ document: String, credits: String? = nil, actor: String) async throws -> Bool {
        let changed = try await connection.execute(
            """
            UPDATE reliability.incident SET step = 'reported', reported_at = \(now), postmortem = postmortem || \(document)::jsonb
                || CASE WHEN \(credits)::text IS NULL THEN '{}' ELSE jsonb_build_object('credits_caused',
                    coalesce(postmortem -> 'credits_caused', '{}') || jsonb_build_object('words', \(credits)::text)) END
            WHERE id = \(id) AND step = 'resolved'
            """)
        guard changed == 1 else { return false }
        try await IncidentBook(connection: connection, now: now).note(id, "postmortem", "written", actor: actor)
        try await PageBook(connection: connection, now: now).tell(id, .reported)
        return true
    }
}
