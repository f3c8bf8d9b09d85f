import Domain
import FoundationEssentials
import Postgres

/// Writes incidents and their timeline. Each change and what it tells are one transaction of the caller's.
struct IncidentBook: Sendable {
    let connection: PostgresConnection
    let now: Date

    /// Open ones, the oldest first.
    func open() async throws -> [OpenIncident] {
        try await connection.query(
            "SELECT \(OpenIncident.columns) FROM reliability.incident AS incident WHERE resolved_at IS NULL ORDER BY opened_at, id FOR UPDATE"
        ).compactMap { try OpenIncident($0) }
    }

    /// Makes it, with what was found at this moment, and has people told.
    ///
    /// - Parameter snapshot: Nil where nothing was looked at yet: `complete` follows.
    func add(_ trigger: IncidentTrigger, snapshot: String?) async throws -> UUID {
        let (key, signal) = (trigger.key, trigger.key.signal)
        let worker = UUID(uuidString: key.subject)
        let row = try await connection.queryOne(
            """
            INSERT INTO reliability.incident (key, rule, severity, tier, model, region, provider, worker_id, tenant_id, title, drill, began_at, opened_at,
                last_signal_at, impact_from, snapshot)
            VALUES (\(key.text), \(signal.rawValue), \((trigger.severity ?? signal.severity).rawValue), \(key.tier), \(key.model), \(key.region), \(key.provider),
                \(worker), \(UUID(uuidString: key.tenant)), \(Self.title(key)), \(trigger.isDrill), \(trigger.beganAt), \(now), \(now),
                \(trigger.isFelt ? trigger.beganAt : nil), \(snapshot ?? "{}")::jsonb)
            RETURNING id
            """)
        guard let id = try row?.value("id", as: UUID.self) else { throw PostgresError(.decoding, "an incident has no id") }
        try await note(id, "opened", trigger.text)
        try await PageBook(connection: connection, now: now).tell(id, .opened)
        return id
    }

    /// What was found soon after it was made; what is there stays.
    func complete(_ key: String, snapshot: String) async throws {
        try await connection.execute(
            "UPDATE reliability.incident SET snapshot = \(snapshot)::jsonb WHERE key = \(key) AND resolved_at IS NULL AND snapshot = '{}'")
    }

    /// Without a provider's or host's name: customers may see it.
    static func title(_ key: IncidentKey) -> String {
        let parts = [key.model, key.region, key.tier].filter { !$0.isEmpty }
        let title = key.tenant.isEmpty ? key.signal.title : key.signal.title + ", of one customer"
        return String(([title] + (parts.isEmpty ? [] : [parts.joined(separator: ", ")])).joined(separator: ": ").prefix(200))
    }

    /// Seconds after which it is written down that a rule still holds.
    private static let signPause: TimeInterval = 5

    /// Its rule held again.
    ///
    /// - Parameter isNew: It is an occurrence of its own.
    func seenAgain(_ incident: OpenIncident, _ trigger: IncidentTrigger, isNew: Bool) async throws {
        if trigger.isPage, incident.severity != BurnRule.Severity.page.rawValue { try await raise(incident.id, trigger) }
        guard now.timeIntervalSince(incident.lastSignalAt) >= Self.signPause else { return }
        try await connection.execute(
            """
            UPDATE reliability.incident SET last_signal_at = \(now), occurrences = occurrences + \(isNew ? 1 : 0) WHERE id = \(incident.id)
            """)
        guard isNew else { return }
        try await note(incident.id, "signal", trigger.text)
        if incident.step == .mitigated { try await move(incident.id, to: .stabilizing) }
    }

    /// What was a ticket is a page by now. Never the other way: whoever was woken hears of its end.
    private func raise(_ id: UUID, _ trigger: IncidentTrigger) async throws {
        try await connection.execute(
            """
            UPDATE reliability.incident SET severity = 'page', impact_from = coalesce(impact_from, \(trigger.isFelt ? trigger.beganAt : nil)) WHERE id = \(id)
            """)
        try await note(id, "signal", "it is a page now: \(trigger.text)")
        try await PageBook(connection: connection, now: now).raise(id)
    }

    /// A tenant that behaves unlike itself may be a part of it; told once.
    func noteAlarm(_ id: UUID, _ alarm: TenantAlarms.Alarm) async throws {
        let known = try await connection.queryOne(
            """
            SELECT 1 AS yes FROM reliability.incident_event
            WHERE incident_id = \(id) AND kind = 'signal' AND detail ->> 'abuse_event' = \(alarm.event.lowercased) LIMIT 1
            """)
        guard known == nil else { return }
        try await note(id, "signal", alarm.text, detail: "{\"abuse_event\":\(AdminJSON.string(alarm.event.lowercased))}")
    }

    /// A release, worker or provider is worse than the others; told once.
    func noteCulprit(_ id: UUID, _ kind: StaticString, _ finding: CulpritReader.Finding) async throws {
        try await note(id, "signal", finding.text, detail: "{\(AdminJSON.string(kind.description)):\(AdminJSON.string(finding.name))}")
    }

    /// A step that a person does not want would be due; told once.
    func noteWithheld(_ id: UUID, _ what: String) async throws {
        let known = try await connection.queryOne(
            """
            SELECT 1 AS yes FROM reliability.incident_event
            WHERE incident_id = \(id) AND kind = 'mitigation' AND detail ->> 'withheld' = \(what) LIMIT 1
            """)
        guard known == nil else { return }
        try await note(id, "mitigation", "not done, because a person does not want it: \(what)", detail: "{\"withheld\":\(AdminJSON.string(what))}")
    }

    func move(_ id: UUID, to step: IncidentStep, actor: String = "policy") async throws {
        try await connection.execute(
            """
            UPDATE reliability.incident SET step = \(step.rawValue),
                stabilizing_at = CASE WHEN \(step == .stabilizing) THEN coalesce(stabilizing_at, \(now)) ELSE stabilizing_at END,
                diagnosed_at = CASE WHEN \(step == .diagnosed) THEN coalesce(diagnosed_at, \(now)) ELSE diagnosed_at END,
                mitigated_at = CASE WHEN \(step == .mitigated) THEN \(now) ELSE mitigated_at END
            WHERE id = \(id)
            """)
        try await note(id, "step", step.rawValue, actor: actor)
    }

    /// It is over: customers felt it until its last sign, where minutes do not tell until when. What woke people, what customers
    /// felt, and what spent much of a budget must be written up within two days.
    func resolve(_ id: UUID, draft: PostmortemDraft.Made, actor: String, end: IncidentEnd? = nil, reason: String) async throws {
        let due = now.addingTimeInterval(Double(IncidentRules.postmortemTime) / 1_000_000)
        try await connection.execute(
            """
            UPDATE reliability.incident SET step = 'resolved', resolved_at = \(now),
                impact_until = CASE WHEN impact_from IS NULL THEN NULL ELSE coalesce(impact_until, greatest(last_signal_at, impact_from)) END,
                mitigated_at = coalesce(mitigated_at, \(now)), postmortem = \(draft.document)::jsonb,
                postmortem_due = CASE WHEN severity = 'page' OR \(draft.isDue) THEN \(due)::timestamptz END
            WHERE id = \(id)
            """)
        try await note(id, "resolved", reason, detail: end.map { "{\"end\":\"\($0.rawValue)\"}" } ?? "{}", actor: actor)
        try await PageBook(connection: connection, now: now).tell(id, .resolved)
    }

    /// Of an `incident`: what ended it, as `IncidentEnd` names it; null: it is open, or ended before that was written down.
    static let end: SQL = """
        (SELECT event.detail ->> 'end' FROM reliability.incident_event AS event
            WHERE event.incident_id = incident.id AND event.kind = 'resolved' ORDER BY event.id DESC LIMIT 1)
        """

    func note(_ id: UUID, _ kind: String, _ text: String, detail: String = "{}", actor: String = "policy") async throws {
        try await connection.execute(
            """
            INSERT INTO reliability.incident_event (incident_id, at, kind, actor, text, detail)
            VALUES (\(id), \(now), \(kind), \(actor), \(String(text.prefix(2000))), \(detail)::jsonb)
            """)
    }
}
