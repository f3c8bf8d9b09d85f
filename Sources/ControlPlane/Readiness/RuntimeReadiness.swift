import FoundationEssentials
import Postgres
import Telemetry

/// Lines about runtimes, by what the agents of their hosts tell.
enum RuntimeReadiness {
    /// Of images, and of weights where their digest is recorded or told: no image has a known content that loads others than it should.
    @Sendable static func image(_ sources: ReadinessSources) async throws -> ReadinessFinding {
        let (weights, finding) = (try await weights(sources), try await images(sources))
        guard weights.others.isEmpty else { return .missing("other weights run than are recorded: \(weights.others)", at: finding.evidenceAt) }
        var told = finding
        if !weights.words.isEmpty { told.text += "; weights: \(weights.words)" }
        return told
    }

    /// What hosts tell of the weights that they serve, against what people recorded.
    private static func weights(_ sources: ReadinessSources) async throws -> (others: String, words: String) {
        let row = try await sources.serving(
            """
            SELECT coalesce(string_agg(name || ' on ' || others, '; ' ORDER BY name) FILTER (WHERE others <> ''), '') AS others,
                coalesce(string_agg(name || CASE WHEN recorded IS NULL THEN ' unrecorded, ' ELSE ' as recorded, ' END || 'told by ' || told || ' of ' || runtimes
                    || CASE WHEN recorded IS NULL THEN ' (' || digests || ')' ELSE '' END, ', ' ORDER BY name), '') AS words
            FROM (
                SELECT release.name, release.weights_digest AS recorded, count(*) AS runtimes, count(worker.weights_digest) AS told,
                    string_agg(DISTINCT worker.weights_digest, ', ') AS digests,
                    coalesce(string_agg(host.name || ' ' || worker.runtime || ' (' || worker.weights_digest || ')', ', ' ORDER BY host.name, worker.runtime)
                        FILTER (WHERE worker.weights_digest <> release.weights_digest), '') AS others
                FROM serving.workers AS worker JOIN serving.releases AS release ON release.name = worker.release
                JOIN serving.hosts AS host ON host.id = worker.host_id
                WHERE worker.accepted AND worker.retired_at IS NULL AND release.state = 'active' AND \(Reporting.isCurrent("host.last_heartbeat_at"))
                GROUP BY release.name, release.weights_digest) AS served
            WHERE recorded IS NOT NULL OR told > 0
            """)
        return (try row.value("others"), try row.value("words"))
    }

    /// Digests are recorded by people. What hosts tell of the images that they run proves them.
    private static func images(_ sources: ReadinessSources) async throws -> ReadinessFinding {
        let rows = try await sources.databases.serving.query(
            """
            SELECT release.id, release.name, release.image_digest IS NOT NULL AS is_recorded, release.updated_at, min(worker.last_reported_at) AS at,
                count(*) AS runtimes, count(*) FILTER (WHERE worker.image_digest IS NULL) AS untold,
                coalesce(string_agg(host.name || ' ' || worker.runtime || ' (' || worker.image_digest || ')', ', ' ORDER BY host.name, worker.runtime)
                    FILTER (WHERE worker.image_digest <> release.image_digest), '') AS others
            FROM serving.workers AS worker JOIN serving.releases AS release ON release.name = worker.release
            JOIN serving.hosts AS host ON host.id = worker.host_id
            WHERE worker.accepted AND worker.retired_at IS NULL AND release.state = 'active' AND \(Reporting.isCurrent("host.last_heartbeat_at"))
            GROUP BY release.id, release.name, release.image_digest, release.updated_at ORDER BY release.name
            """)
        guard !rows.isEmpty else { return .missing("no worker on a host that reports serves a release") }
        let at = try rows.map { try $0.value("at", as: Date?.self) ?? .distantPast }.min() ?? .distantPast
        let without = try rows.filter { try !$0.value("is_recorded", as: Bool.self) }.map { try $0.value("name", as: String.self) }
        if !without.isEmpty { return .missing("served without the digest of an image: \(without.joined(separator: ", "))", at: at) }
        let others = try rows.filter { try !$0.value("others", as: String.self).isEmpty }.map { row in
            "\(try row.value("name", as: String.self)) on \(try row.value("others", as: String.self))"
        }
        if !others.isEmpty { return .missing("another image runs than is recorded: \(others.joined(separator: "; "))", at: at) }
        if let unseen = try await unseen(rows, sources) { return unseen }
        return .proven("\(rows.count) served releases, all with the digest of their image, which all of their hosts tell of what they run", at: at)
    }

    /// What is recorded and hosts do not tell, as old as the oldest record; nil: they tell it all.
    private static func unseen(_ rows: [PostgresRow], _ sources: ReadinessSources) async throws -> ReadinessFinding? {
        let rows = try rows.filter { try $0.value("untold", as: Int.self) > 0 }
        let records = try await records(of: try rows.map { try $0.value("id", as: UUID.self).lowercased }, sources)
        var (words, at): ([String], Date) = ([], .distantFuture)
        for row in rows {
            let record = records[try row.value("id", as: UUID.self).lowercased]
            let (untold, runtimes): (Int, Int) = (try row.value("untold"), try row.value("runtimes"))
            words.append(
                "\(try row.value("name", as: String.self)) as recorded by \(record?.actor ?? "nobody that is known"), not seen on hosts "
                    + "(\(untold) of \(runtimes) runtimes tell none)")
            at = min(at, try record?.at ?? row.value("updated_at"))
        }
        guard !words.isEmpty else { return nil }
        return .missing(words.joined(separator: "; ") + "; agents tell the digest where their command names the image by it (NAME@sha256:…)", at: at)
    }

    /// Who wrote their digests last, and when.
    private static func records(of releases: [String], _ sources: ReadinessSources) async throws -> [String: (actor: String, at: Date)] {
        let rows = try await sources.databases.audit.query(
            """
            SELECT DISTINCT ON (subject_id) subject_id, actor, at FROM audit.entry
            WHERE subject_kind = 'release' AND subject_id = ANY(\(releases)) AND change LIKE '%"image_digest"%' ORDER BY subject_id, sequence DESC
            """)
        return try rows.reduce(into: [:]) { $0[try $1.value("subject_id")] = (try $1.value("actor"), try $1.value("at")) }
    }

    /// Probes ask with texts that are known. What runtimes wrote into their logs, as their agents told it, is looked through for them; debug captures that
    /// tenants asked for end by themselves.
    @Sendable static func logging(_ sources: ReadinessSources) async throws -> ReadinessFinding {
        let captures = try await sources.serving(
            """
            SELECT count(*) FILTER (WHERE expires_at > now()) AS open, count(*) FILTER (WHERE expires_at < now() - interval '10 minutes') AS overdue
            FROM serving.captures WHERE erased_at IS NULL
            """)
        let overdue: Int = try captures.value("overdue")
        if overdue > 0 { return .missing("\(overdue) debug captures have expired and are not erased") }
        let own = try await sources.serving(gatewayLogs)
        if LogCanary.lines > 0 {
            return .missing("a probe's prompt stands in this control plane's own log, in \(LogCanary.lines) lines since its start")
        }
        let writing: String = try own.value("writing")
        if !writing.isEmpty { return .missing("a probe's prompt stands in the log of gateways: \(writing)") }
        let told = try await sources.serving(tellingTails)
        let telling: String = try told.value("telling")
        if !telling.isEmpty { return .missing("a probe's prompt stands in the log of: \(telling)", at: try told.value("at")) }
        let row = try await sources.serving(
            """
            SELECT count(*) AS workers, min(log_tail_at) AS at,
                coalesce(string_agg(name, ', ' ORDER BY name) FILTER (WHERE NOT is_told), '') AS untold
            FROM (SELECT host.name || ' ' || worker.runtime AS name, worker.log_tail_at,
                coalesce(worker.log_tail_at > now() - interval '1 day', false) AS is_told FROM \(Rotation.workers)) AS rotating
            """)
        let (untold, at): (String, Date?) = (try row.value("untold"), try row.value("at"))
        if !untold.isEmpty {
            return .missing(
                "the log was not told within a day of: \(untold); agents tell the last lines once an hour, of runtimes that they start themselves",
                at: at)
        }
        guard let at else { return .missing("no runtime is in rotation, so that no log was looked through") }
        let blind: String = try own.value("blind")
        if !blind.isEmpty { return .missing("of an older release, which does not look into its own log: \(blind)", at: at) }
        return .proven(
            "no probe's prompt is in the last log lines of \(try row.value("workers", as: Int.self)) runtimes, all that are in rotation, and in no line of "
                + "\(try own.value("gateways", as: Int.self)) gateways and this control plane since their starts; "
                + "\(try captures.value("open", as: Int.self)) debug captures by tenants' consent are open, none overdue", at: at)
    }

    /// Gateways, through which probes' prompts pass like customers', look at each line that they log.
    private static let gatewayLogs: SQL = """
        SELECT count(*) AS gateways, coalesce(string_agg(name || ' (' || prompts_logged || ' lines)', ', ' ORDER BY name) FILTER (WHERE prompts_logged > 0), '')
                AS writing,
            coalesce(string_agg(name, ', ' ORDER BY name) FILTER (WHERE prompts_logged IS NULL), '') AS blind
        FROM serving.gateways WHERE state = 'active' AND last_seen_at > now() - interval '10 minutes'
        """

    /// A prompt may be in a log as it is, over several lines, or as JSON and Python write texts, also within another text. Of a long one the beginning is
    /// enough, because lines are cut.
    private static let tellingTails: SQL = """
        WITH asked AS (
            SELECT \(OutsideProbe.prompt) AS text UNION SELECT probe_prompt FROM serving.models WHERE probe_prompt IS NOT NULL
        ), as_json AS (
            SELECT substr(to_json(text)::text, 2, length(to_json(text)::text) - 2) AS form FROM asked
        ), as_python AS (
            SELECT replace(replace(text, chr(92), repeat(chr(92), 2)), chr(10), chr(92) || 'n') AS form FROM asked
        ), written AS (
            SELECT text AS form FROM asked UNION SELECT form FROM as_json UNION SELECT form FROM as_python
            UNION SELECT replace(form, '''', chr(92) || '''') FROM as_python
            UNION SELECT substr(to_json(form)::text, 2, length(to_json(form)::text) - 2) FROM as_json
        ), told AS (
            SELECT host.name || ' ' || worker.runtime AS name, worker.log_tail_at,
                (SELECT string_agg(line, chr(10) ORDER BY place) FROM jsonb_array_elements_text(worker.log_tail) WITH ORDINALITY AS tail (line, place)) AS tail
            FROM serving.workers AS worker JOIN serving.hosts AS host ON host.id = worker.host_id
            WHERE worker.accepted AND worker.retired_at IS NULL AND worker.log_tail_at > now() - interval '30 days'
        )
        SELECT min(log_tail_at) AS at, coalesce(string_agg(name, ', ' ORDER BY name), '') AS telling FROM told
        WHERE EXISTS (SELECT 1 FROM written WHERE position(left(form, 60) IN told.tail) > 0)
        """
}
