import Domain
import FoundationEssentials
import HTTPTypes
import Postgres

/// Incidents: what operators see of them and do about them.
enum IncidentResource {
    private static let head: SQL = """
        'id', r.id, 'number', r.number, 'key', r.key, 'rule', r.rule, 'severity', r.severity, 'tier', r.tier, 'model', r.model,
            'region', r.region, 'provider', r.provider, 'worker', r.worker_id, 'tenant', r.tenant_id, 'title', r.title,
            'state', CASE WHEN r.resolved_at IS NULL THEN 'open' ELSE 'over' END, 'step', r.step,
            'public_status', CASE WHEN r.step IN ('detected', 'stabilizing') THEN 'investigating' WHEN r.step = 'diagnosed' THEN 'identified'
                WHEN r.step = 'mitigated' THEN 'monitoring' WHEN r.step = 'resolved' THEN 'resolved' ELSE 'postmortem' END,
            'occurrences', r.occurrences, 'drill', r.drill, 'began_at', serving.wire_time(r.began_at),
            'opened_at', serving.wire_time(r.opened_at), 'last_signal_at', serving.wire_time(r.last_signal_at),
            'impact_from', serving.wire_time(r.impact_from), 'impact_until', serving.wire_time(r.impact_until),
            'felt_minutes', (SELECT \(FeltMinutes.count) FROM (SELECT r.felt, r.impact_from, r.impact_until, r.last_signal_at) AS incident),
            'stabilizing_at', serving.wire_time(r.stabilizing_at), 'diagnosed_at', serving.wire_time(r.diagnosed_at),
            'mitigated_at', serving.wire_time(r.mitigated_at), 'resolved_at', serving.wire_time(r.resolved_at),
            'reported_at', serving.wire_time(r.reported_at), 'acknowledged_at', serving.wire_time(r.acknowledged_at),
            'acknowledged_by', r.acknowledged_by, 'published_at', serving.wire_time(r.published_at), 'veto_reason', r.veto_reason,
            'postmortem_due', serving.wire_time(r.postmortem_due),
            'postmortem_overdue', coalesce(r.step = 'resolved' AND r.postmortem_due <= now(), false)
        """

    private static let listing = Listing(
        document: "json_build_object(\(head))", source: "reliability.incident AS r", order: "r.opened_at", usualOrder: .descending,
        filters: [
            .choice("state", "CASE WHEN r.resolved_at IS NULL THEN 'open' ELSE 'over' END", ["open", "over"]), .text("rule", "r.rule"),
            .text("severity", "r.severity"), .text("model", "r.model"), .text("region", "r.region"), .text("tier", "r.tier"),
            .reference("tenant", "r.tenant_id", to: .tenants),
            .choice(
                "postmortem_overdue", "CASE WHEN coalesce(r.step = 'resolved' AND r.postmortem_due <= now(), false) THEN 'true' ELSE 'false' END",
                ["true", "false"]),
            .since("r.opened_at"), .until("r.opened_at"),
        ])

    /// With what was known when it opened and its write-up.
    private static let whole = Listing(
        document: """
            (json_build_object(\(head))::jsonb || jsonb_build_object('snapshot', r.snapshot, 'postmortem', r.postmortem))
            """, source: "reliability.incident AS r")

    private static let events = Listing(
        document: """
            json_build_object('id', r.id, 'at', serving.wire_time(r.at), 'kind', r.kind, 'actor', r.actor, 'text', r.text, 'detail', r.detail)
            """,
        source: "reliability.incident_event AS r", order: "r.id", orderType: "bigint", idType: "bigint", filters: [.text("kind", "r.kind")])

    static var routes: [AdminRoute] { [list, single, eventList, export, acknowledgement, note, resolution, postmortem] }

    private static let list = AdminRoute.read("incidents") { call, databases in try await listing.page(call, databases.serving) }

    private static let single = AdminRoute.read("incidents/{id}") { call, databases in
        try call.refuseQuery()
        let id = try await id(call.reference) { try await databases.serving.queryOne($0) }
        guard let found = try await whole.one(where: "r.id = \(id)", { try await databases.serving.queryOne($0) }) else {
            throw AdminRefusal.notFound
        }
        return AdminAnswer(body: found.document)
    }

    private static let eventList = AdminRoute.read("incidents/{id}/events") { call, databases in
        let id = try await id(call.reference) { try await databases.serving.queryOne($0) }
        var listing = events
        listing.visible = "r.incident_id = \(id)"
        return try await listing.page(call, databases.serving)
    }

    private static let export = AdminRoute.read("incidents/{id}/export") { call, databases in
        try call.refuseQuery()
        let id = try await id(call.reference) { try await databases.serving.queryOne($0) }
        return AdminAnswer(body: try await IncidentExport(pool: databases.serving).document(id))
    }

    private static let acknowledgement = AdminRoute.change(.post, "incidents/{id}/acknowledge") { call, fields, connection in
        try await changed(call, "acknowledge", connection) { book, id in
            try fields.finish()
            let changed = try await book.connection.execute(
                """
                UPDATE reliability.incident SET acknowledged_at = \(book.now), acknowledged_by = \(call.actor.name)
                WHERE id = \(id) AND acknowledged_at IS NULL
                """)
            guard changed == 1 else { return }
            try await book.note(id, "acknowledged", "acknowledged by \(call.actor.name)", actor: call.actor.label)
            try await PageBook(connection: book.connection, now: book.now).tell(id, .acknowledged)
        }
    }

    private static let note = AdminRoute.change(.post, "incidents/{id}/note") { call, fields, connection in
        try await changed(call, "note", connection) { book, id in
            let text = fields.text("text", .text(1...2000), .required) ?? ""
            let step = fields.text("step", .choice(["diagnosed"]))
            try fields.finish()
            try await book.note(id, "note", text, actor: call.actor.label)
            guard step != nil else { return }
            let row = try await book.connection.queryOne("SELECT step FROM reliability.incident WHERE id = \(id)")
            guard let now = try row.flatMap({ IncidentStep(rawValue: try $0.value("step")) }), [.detected, .stabilizing].contains(now) else {
                throw AdminRefusal.conflict("too_late", "a cause can be named before the incident is mitigated")
            }
            try await book.move(id, to: .diagnosed, actor: call.actor.label)
        }
    }

    /// A person says that it is over, before ten minutes were clean, or although nothing measures that.
    private static let resolution = AdminRoute.wideChange(.post, "incidents/{id}/resolve") { call, fields, connection, databases in
        try await changed(call, "resolve", connection) { book, id in
            let reason = fields.text("reason", .reason, .required) ?? ""
            try fields.finish()
            let open = try await book.connection.queryOne("SELECT 1 AS yes FROM reliability.incident WHERE id = \(id) AND resolved_at IS NULL")
            guard open != nil else { throw AdminRefusal.conflict("over", "this incident is over") }
            let draft = try await PostmortemDraft(reliability: databases.reliability).make(id, until: book.now)
            try await book.resolve(id, draft: draft, actor: call.actor.label, end: .person, reason: reason)
        }
    }

    private static let written: [StaticString] = ["impact", "root_cause", "customer_effect", "prevention"]

    private static let postmortem = AdminRoute.change(.post, "incidents/{id}/postmortem") { call, fields, connection in
        try await changed(call, "postmortem", connection) { book, id in
            var members: [String] = ["\"state\":\"written\"", "\"author\":\(AdminJSON.string(call.actor.name))"]
            for name in written {
                let isNeeded = ["root_cause", "prevention"].contains("\(name)")
                if let text = fields.text(name, .text(3...20_000), isNeeded ? .required : .optional) {
                    members.append("\(AdminJSON.string("\(name)")):\(AdminJSON.string(text))")
                }
            }
            let credits = fields.text("credits_caused", .text(3...20_000))
            try fields.finish()
            let desk = PostmortemDesk(connection: book.connection, now: book.now)
            guard try await desk.file(id, "{\(members.joined(separator: ","))}", credits: credits, actor: call.actor.label) else {
                throw AdminRefusal.conflict("not_resolved", "it is written up when it is resolved, and once")
            }
        }
    }

    /// A change of one incident, which it answers.
    private static func changed(
        _ call: AdminCall, _ verb: String, _ connection: PostgresConnection, _ work: (IncidentBook, UUID) async throws -> Void
    ) async throws -> AdminChange {
        let id = try await id(call.reference) { try await connection.queryOne($0) }
        guard try await connection.queryOne("SELECT id FROM reliability.incident WHERE id = \(id) FOR UPDATE") != nil else {
            throw AdminRefusal.notFound
        }
        try await work(IncidentBook(connection: connection, now: Date()), id)
        guard let found = try await listing.one(where: "r.id = \(id)", { try await connection.queryOne($0) }) else { throw AdminRefusal.notFound }
        return AdminChange(document: found.document, action: verb, subjectKind: "incident", subjectId: id.lowercased)
    }

    /// Of an id, or of the number that people use.
    private static func id(_ reference: String, _ run: (SQL) async throws -> PostgresRow?) async throws -> UUID {
        if let id = UUID(uuidString: reference) { return id }
        guard let number = Int64(reference), let row = try await run("SELECT id FROM reliability.incident WHERE number = \(number)") else {
            throw AdminRefusal.notFound
        }
        return try row.value("id")
    }
}
