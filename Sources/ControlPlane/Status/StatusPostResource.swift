import FoundationEssentials
import HTTPTypes
import HTTPWire
import Postgres

/// What is published, as operators write it. Words that were published stay; a mistake is corrected in the open.
enum StatusPostResource {
    static let resource = AdminResource(
        path: "status-posts", kind: "status_post", table: "reliability.status_post",
        listing: Listing(
            document: """
                json_build_object('id', r.id, 'kind', r.kind, 'incident', r.incident_id, 'window', r.window_id, 'title', r.title,
                    'impact', r.impact, 'models', r.models, 'regions', r.regions, 'began_at', serving.wire_time(r.began_at),
                    'ends_at', serving.wire_time(r.ends_at), 'publish_at', serving.wire_time(r.publish_at),
                    'published_at', serving.wire_time(r.published_at), 'told_by', r.told_by,
                    'vetoed_at', serving.wire_time(r.vetoed_at), 'vetoed_by', r.vetoed_by,
                    'veto_reason', r.veto_reason, 'created_by', r.created_by, 'created_at', serving.wire_time(r.created_at),
                    'updates', coalesce((SELECT json_agg(json_build_object('id', u.id, 'status', u.status, 'body', u.body,
                        'corrects', u.corrects, 'actor', u.actor, 'created_at', serving.wire_time(u.created_at)) ORDER BY u.created_at, u.id)
                        FROM reliability.status_update AS u WHERE u.post_id = r.id), '[]'))
                """,
            source: "reliability.status_post AS r", usualOrder: .descending, filters: [.choice("kind", "r.kind", ["incident", "maintenance"])]),
        naming: .none)

    private static let incidentSteps = ["investigating", "identified", "monitoring", "resolved", "postmortem"]
    private static let maintenanceSteps = ["scheduled", "in_progress", "verifying", "completed"]

    static let creation = AdminRoute.change(.post, "status-posts") { call, fields, connection in
        let kind = fields.text("kind", .choice(["incident", "maintenance"]), .required) ?? ""
        let title = fields.text("title", .label, .required) ?? ""
        let impact = fields.text("impact", .choice(["none", "minor", "major", "critical"])) ?? "minor"
        let (model, region) = (fields.text("model", .modelName), fields.text("region", .slug))
        let began = fields.value(AdminField("began_at", .instant)) as? Date
        let ends = fields.value(AdminField("ends_at", .instant)) as? Date
        let status = fields.text("status", .choice(incidentSteps + maintenanceSteps))
        let body = fields.text("body", .text(1...4_000), .required) ?? ""
        let publish = fields.value(AdminField("publish_at", .instant)) as? Date
        let start = began ?? .now
        if (kind == "maintenance") != (ends != nil) { fields.add("ends_at", "is for maintenance, which needs it") }
        if let ends, ends <= start { fields.add("ends_at", "must be after began_at") }
        let steps = kind == "maintenance" ? maintenanceSteps : incidentSteps
        if let status, !steps.contains(status) { fields.add("status", "must be one of \(steps.joined(separator: ", "))") }
        try fields.finish()
        try await FieldLookup.checkPlace(model: model, region: region, connection)
        try await NameScrub.refuse([("title", title), ("body", body)], connection)
        let row = try await connection.queryOne(
            """
            INSERT INTO reliability.status_post (kind, title, impact, models, regions, began_at, ends_at, publish_at, published_at, created_by)
            VALUES (\(kind), \(title), \(impact), \(model == nil && region == nil ? [] : [model ?? ""])::text[],
                \(model == nil && region == nil ? [] : [region ?? ""])::text[], \(start), \(ends), \(publish),
                CASE WHEN \(publish)::timestamptz IS NULL THEN now() END, \(call.actor.label)) RETURNING id
            """)
        guard let id = try row?.value("id", as: UUID.self) else { throw PostgresError(.decoding, "no row came back") }
        try await append(id, status ?? steps[0], body, call, connection)
        return try await resource.change(connection, id, "create", status: .created)
    }

    static let update = AdminRoute.change(.post, "status-posts/{id}/updates") { call, fields, connection in
        let status = fields.text("status", .choice(incidentSteps + maintenanceSteps), .required) ?? ""
        let body = fields.text("body", .text(1...4_000), .required) ?? ""
        try fields.finish()
        try await NameScrub.refuse([("body", body)], connection)
        let id = try await resource.locked(call.reference, connection)
        let row = try await connection.queryOne("SELECT kind FROM reliability.status_post WHERE id = \(id)")
        let steps = try row?.value("kind", as: String.self) == "maintenance" ? maintenanceSteps : incidentSteps
        guard steps.contains(status) else { throw AdminRefusal.fault("status", "must be one of \(steps.joined(separator: ", "))") }
        try await append(id, status, body, call, connection)
        return try await resource.change(connection, id, "update")
    }

    static let correction = AdminRoute.change(.post, "status-posts/{id}/correct") { call, fields, connection in
        let mistaken = fields.text("update", .reference)
        let body = fields.text("body", .text(1...4_000), .required) ?? ""
        try fields.finish()
        try await NameScrub.refuse([("body", body)], connection)
        let id = try await resource.locked(call.reference, connection)
        let wanted = mistaken.flatMap { UUID(uuidString: $0) }
        if mistaken != nil, wanted == nil { throw AdminRefusal.fault("update", "must be the id of an update") }
        let row = try await connection.queryOne(
            """
            SELECT u.id, u.status FROM reliability.status_update AS u WHERE u.post_id = \(id) AND (\(wanted)::uuid IS NULL OR u.id = \(wanted))
                AND NOT EXISTS (SELECT 1 FROM reliability.status_update AS later WHERE later.corrects = u.id)
            ORDER BY u.created_at DESC, u.id DESC LIMIT 1
            """)
        guard let row else { throw AdminRefusal.conflict("nothing_to_correct", "there is no such update, or it has been corrected already") }
        try await append(id, try row.value("status"), body, call, connection, corrects: try row.value("id"))
        return try await resource.change(connection, id, "correct")
    }

    static let veto = AdminRoute.change(.post, "status-posts/{id}/veto") { call, fields, connection in
        let reason = fields.text("reason", .reason, .required)
        try fields.finish()
        let id = try await resource.locked(call.reference, connection)
        let changed = try await connection.execute(
            """
            UPDATE reliability.status_post SET vetoed_at = now(), vetoed_by = \(call.actor.label), veto_reason = \(reason)
            WHERE id = \(id) AND published_at IS NULL AND vetoed_at IS NULL
            """)
        guard changed == 1 else { throw AdminRefusal.conflict("not_a_draft", "it has been published or vetoed already; publish an update instead") }
        try await connection.execute(
            """
            UPDATE reliability.incident SET veto_reason = \(reason)
            WHERE id = (SELECT incident_id FROM reliability.status_post WHERE id = \(id)) AND veto_reason IS NULL
            """)
        return try await resource.change(connection, id, "veto")
    }

    /// Before its time, in spite of a veto, or as a post of its own although another one tells of it.
    static let publication = AdminRoute.change(.post, "status-posts/{id}/publish") { call, fields, connection in
        try fields.finish()
        let id = try await resource.locked(call.reference, connection)
        let row = try await connection.queryOne(
            """
            UPDATE reliability.status_post SET published_at = now(), told_by = NULL, vetoed_at = NULL, vetoed_by = NULL, veto_reason = NULL
            WHERE id = \(id) AND published_at IS NULL RETURNING incident_id
            """)
        guard let row else { throw AdminRefusal.conflict("published", "it has been published already") }
        if let incident = try row.value("incident_id", as: UUID?.self) { try await note(published: incident, call, connection) }
        return try await resource.change(connection, id, "publish")
    }

    /// As where it publishes itself, and no veto is left on what is public.
    private static func note(published incident: UUID, _ call: AdminCall, _ connection: PostgresConnection) async throws {
        try await connection.execute(
            "UPDATE reliability.incident SET published_at = coalesce(published_at, now()), veto_reason = NULL WHERE id = \(incident)")
        try await connection.execute(
            """
            INSERT INTO reliability.incident_event (incident_id, at, kind, actor, text)
            VALUES (\(incident), now(), 'published', \(call.actor.label), 'the draft was published on the status page by hand')
            """)
    }

    private static func append(
        _ post: UUID, _ status: String, _ body: String, _ call: AdminCall, _ connection: PostgresConnection, corrects: UUID? = nil
    ) async throws {
        try await connection.execute(
            """
            INSERT INTO reliability.status_update (post_id, status, body, corrects, actor)
            VALUES (\(post), \(status), \(body), \(corrects), \(call.actor.label))
            """)
    }
}
