import Domain
import FoundationEssentials
import PlimsollWire
import Postgres

/// Keeps what is published in step with incidents and maintenance windows: drafts that publish themselves, updates at each step.
struct PublicationDesk: Sendable {
    let serving: PostgresPool
    let reliability: PostgresPool

    func tend(at now: Date) async throws {
        try await draftIncidents(now)
        try await takeVetoes(now)
        try await publishDue(now)
        try await OutagePosts(reliability: reliability).join(at: now)
        try await followIncidents(now)
        try await WindowPublication(reliability: reliability).tend(at: now)
        try await ForceMajeurePublication.end(at: now, reliability)
    }

    /// An incident that customers feel has a draft from the first moment at which they do; a drill's is published at once and says that it is one
    /// (once: what it takes of redundancy is no trouble of its own).
    private func draftIncidents(_ now: Date) async throws {
        try await reliability.execute(
            """
            INSERT INTO reliability.status_post (kind, incident_id, title, impact, models, regions, began_at, publish_at, created_by)
            SELECT 'incident', incident.id,
                left(concat(CASE WHEN incident.drill THEN 'Drill: ' END, 'Disruption',
                    CASE WHEN cardinality(touched.models) > 0 THEN ' of ' || array_to_string(touched.models, ', ') END,
                    CASE WHEN incident.region <> '' THEN ' in ' || coalesce((SELECT nullif(region_names ->> incident.region, '')
                        FROM reliability.status_settings), incident.region) END), 200),
                CASE WHEN incident.drill THEN 'none' WHEN incident.severity = 'page' THEN 'major' ELSE 'minor' END,
                CASE WHEN cardinality(touched.models) > 0 THEN touched.models ELSE ARRAY[''] END,
                array_fill(incident.region, ARRAY[greatest(cardinality(touched.models), 1)]), coalesce(incident.impact_from, incident.opened_at),
                CASE WHEN incident.drill THEN incident.opened_at
                    ELSE incident.impact_from + make_interval(mins => \(IncidentRules.draftMinutes)) END, 'automatic'
            FROM reliability.incident AS incident CROSS JOIN LATERAL (SELECT CASE WHEN incident.drill THEN array_remove(ARRAY[incident.model], '')
                ELSE \(FeltMinutes.models) END AS models) AS touched
            WHERE (incident.impact_from IS NOT NULL OR incident.drill AND incident.rule <> 'redundancy') AND incident.tenant_id IS NULL
                AND incident.opened_at > \(now)::timestamptz - interval '90 days'
            ON CONFLICT (incident_id) DO NOTHING
            """)
    }

    private func takeVetoes(_ now: Date) async throws {
        try await reliability.execute(
            """
            UPDATE reliability.status_post AS post SET vetoed_at = \(now), vetoed_by = 'incident', veto_reason = incident.veto_reason
            FROM reliability.incident AS incident
            WHERE incident.id = post.incident_id AND incident.veto_reason IS NOT NULL AND post.vetoed_at IS NULL AND post.published_at IS NULL
            """)
    }

    /// Ten minutes that customers felt, whether it still lasts or is over by now: an incident that was felt for less stays a draft, however long it stands
    /// open. So does one while another incident tells of the same places: the public hears of one trouble once.
    private func publishDue(_ now: Date) async throws {
        try await reliability.transaction { connection in
            let rows = try await connection.query(
                """
                UPDATE reliability.status_post AS post SET published_at = \(now)
                WHERE post.published_at IS NULL AND post.vetoed_at IS NULL AND post.told_by IS NULL AND post.publish_at <= \(now)
                    AND (post.incident_id IS NULL OR EXISTS (
                    SELECT 1 FROM reliability.incident WHERE incident.id = post.incident_id AND (incident.drill OR \(FeltMinutes.isPublic("incident")))
                        AND NOT (incident.impact_from IS NOT NULL AND NOT incident.drill AND \(Self.isToldByAnother))))
                RETURNING post.id, post.incident_id
                """)
            for row in rows {
                guard let incident = try row.value("incident_id", as: UUID?.self) else { continue }
                try await connection.execute(
                    "UPDATE reliability.incident SET published_at = \(now) WHERE id = \(incident) AND published_at IS NULL")
                try await connection.execute(
                    """
                    INSERT INTO reliability.incident_event (incident_id, at, kind, actor, text)
                    VALUES (\(incident), \(now), 'published', 'automatic', 'the draft was published on the status page')
                    """)
            }
        }
    }

    /// By a post that is there or due: of the first of several that customers feel by their rules or, where none is, of the loss that is nearest to the
    /// cause, at the same place and time.
    private static var isToldByAnother: SQL {
        let rank = { (name: SQL) -> SQL in "(coalesce(array_position(\(FeltMinutes.rules)::text[], \(name).rule), 0), \(name).number)" }
        return """
            EXISTS (SELECT 1 FROM reliability.incident AS other JOIN reliability.status_post AS told ON told.incident_id = other.id
                WHERE other.id <> incident.id AND NOT other.drill AND \(rank("other")) < \(rank("incident")) AND told.vetoed_at IS NULL
                    AND (told.published_at IS NOT NULL OR other.resolved_at IS NULL AND \(FeltMinutes.isPublic("other")))
                    AND \(OutagePosts.isAtOneTime("other", "incident")) AND told.models && post.models AND told.regions && post.regions)
            """
    }

    /// What several incidents tell of is as far as the one of them that is least far. Whoever writes by hand is not contradicted.
    private func followIncidents(_ now: Date) async throws {
        for found in try await reliability.query(steps(now)).compactMap(News.init) {
            try await StatusTelling(reliability: reliability).holding(found.post) { connection in
                guard let row = try await connection.queryOne("\(steps(now)) AND post.id = \(found.post)"), let news = try News(row) else { return }
                try await tell(news, connection)
            }
        }
    }

    /// A step of which the public has not heard.
    private struct News {
        var post: UUID
        var step: IncidentStep
        var minutes: Int64
        var isDrill: Bool
        /// What ended all of it; nil: it is not over, or that is not known.
        var end: IncidentEnd?
        var postmortem: String?

        /// Nil: it has.
        init?(_ row: PostgresRow) throws {
            let steps = try row.value("steps", as: [String].self).compactMap { IncidentStep(rawValue: $0) }
            guard let step = IncidentStep.together(steps) else { return nil }
            let heard = { (name: String) in try row.value(name, as: String?.self).flatMap(IncidentStep.PublicStatus.init) }
            guard step.isNews(after: try heard("told"), said: try heard("said")) else { return nil }
            self.step = step
            post = try row.value("id")
            minutes = max(0, try row.value("minutes"))
            isDrill = try row.value("drill")
            end = IncidentEnd.together(try row.value("ends", as: [String].self).map { IncidentEnd(rawValue: $0) })
            postmortem = try row.value("postmortem")
        }
    }

    /// Published posts of incidents with how far those are, what was told of them, and what a person said since.
    private func steps(_ now: Date) -> SQL {
        """
        SELECT post.id, incident.drill, outage.steps, outage.ends, outage.postmortem::text AS postmortem, coalesce(outage.minutes,
                floor(extract(epoch FROM coalesce(incident.resolved_at, \(now)) - incident.opened_at) / 60)::bigint) AS minutes,
            told.status AS told, (SELECT status FROM reliability.status_update AS u
                WHERE u.post_id = post.id AND u.corrects IS NULL AND u.actor <> 'automatic' AND coalesce((u.created_at, u.id) > (told.created_at, told.id), TRUE)
                ORDER BY u.created_at DESC, u.id DESC LIMIT 1) AS said
        FROM reliability.status_post AS post JOIN reliability.incident AS incident ON incident.id = post.incident_id
        CROSS JOIN LATERAL (\(OutagePosts.outage(of: "post"))) AS outage
        LEFT JOIN LATERAL (SELECT status, created_at, id FROM reliability.status_update AS u
            WHERE u.post_id = post.id AND u.corrects IS NULL AND u.actor = 'automatic'
            ORDER BY u.created_at DESC, u.id DESC LIMIT 1) AS told ON TRUE
        WHERE post.published_at IS NOT NULL
            AND greatest(post.published_at, coalesce(incident.resolved_at, 'infinity')) > \(now)::timestamptz - interval '90 days'
        """
    }

    private func tell(_ news: News, _ connection: PostgresConnection) async throws {
        let note = news.step == .reported ? try await note(news.postmortem, minutes: news.minutes) : nil
        let words = try note.map { String(decoding: try WireCoder.encode($0), as: UTF8.self) }
        try await connection.execute(
            """
            INSERT INTO reliability.status_update (post_id, status, body, note, actor)
            VALUES (\(news.post), \(news.step.publicStatus.rawValue), \(Self.text(news.step, minutes: news.minutes, isDrill: news.isDrill, end: news.end)),
                \(words)::jsonb, 'automatic')
            """)
    }

    /// What an operator wrote up, without the names that are nobody's business.
    private func note(_ postmortem: String?, minutes: Int64) async throws -> StatusNote? {
        guard let postmortem else { return nil }
        let scrub = try await NameScrub.read { try await serving.query($0) }
        let written = try JSONDecoder().decode(Postmortem.self, from: Data(postmortem.utf8))
        return written.note(minutes: minutes, scrub)
    }

    private static func words(_ end: IncidentEnd?) -> String {
        switch end {
        case .cleanMinutes: "Requests have been answered as promised for \(IncidentRules.cleanMinutes) minutes."
        case .person: "One of us has looked at it, and says that it is over."
        case nil: "It is over."
        }
    }

    static func text(_ step: IncidentStep, minutes: Int64, isDrill: Bool, end: IncidentEnd?) -> String {
        let drill = isDrill ? "This is a planned drill. " : ""
        return drill
            + {
                switch step {
                case .detected where isDrill, .stabilizing where isDrill: "We take something away on purpose, and look whether anybody feels it."
                case .detected, .stabilizing: "Requests are failing or slow. We are looking for the cause."
                case .diagnosed: "The cause is known, and we are working around it."
                case .mitigated: "We see no further failures, and are watching whether that lasts."
                case .resolved: "\(isDrill ? "It is over." : words(end)) It lasted \(Counted.text(minutes, "minute"))."
                case .reported: "We have written up what happened."
                }
            }()
    }
}

/// A postmortem as it is kept; parts that are missing were not written.
private struct Postmortem: Decodable {
    let parts: [String: String]

    private struct Name: CodingKey {
        var stringValue: String
        var intValue: Int? { nil }

        init(stringValue: String) { self.stringValue = stringValue }

        init?(intValue: Int) { nil }
    }

    init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: Name.self)
        var parts: [String: String] = [:]
        for key in container.allKeys {
            if let text = try? container.decode(String.self, forKey: key) { parts[key.stringValue] = text }
            // Figures of the draft, and what a person says of them.
            if let figures = try? container.nestedContainer(keyedBy: Name.self, forKey: key),
                let words = try? figures.decode(String.self, forKey: Name(stringValue: "words"))
            {
                parts[key.stringValue] = words
            }
        }
        self.parts = parts
    }

    func note(minutes: Int64, _ scrub: NameScrub) -> StatusNote {
        let part = { (name: String) in scrub.clean(parts[name] ?? "") }
        return StatusNote(
            impact: part("impact"), durationMinutes: minutes, rootCause: part("root_cause"), effect: part("customer_effect"),
            credits: part("credits_caused"),
            prevention: part("prevention"))
    }
}
