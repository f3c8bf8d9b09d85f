import FoundationEssentials
import Postgres

/// Lines about runtimes, by what the agents of their hosts tell.
enum RuntimeReadiness {
    /// Digests are recorded by people. What hosts tell of the images that they run proves them.
    @Sendable static func image(_ sources: ReadinessSources) async throws -> ReadinessFinding {
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
        return .proven(
            "no probe's prompt is in the last log lines of \(try row.value("workers", as: Int.self)) runtimes, all that are in rotation; "
                + "\(try captures.value("open", as: Int.self)) debug captures by tenants' consent are open, none overdue", at: at)
    }

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
