import FoundationEssentials
import HTTPTypes
import HTTPWire
import Postgres

/// Scheduled maintenance. A window is announced once; what was announced is not moved, it is cancelled and announced anew.
enum MaintenanceResource {
    static let resource = AdminResource(
        path: "maintenance-windows", kind: "maintenance_window", table: "reliability.maintenance_window",
        listing: Listing(
            document: """
                json_build_object('id', r.id, 'model', r.model, 'region', r.region, 'title', r.title, 'reason', r.reason,
                    'starts_at', serving.wire_time(r.starts_at), 'ends_at', serving.wire_time(r.ends_at),
                    'announced_at', serving.wire_time(r.announced_at), 'announced_by', r.announced_by,
                    'lead_seconds', extract(epoch FROM r.starts_at - r.announced_at)::bigint, 'state', r.state,
                    'completed_at', serving.wire_time(r.completed_at), 'created_at', serving.wire_time(r.created_at))
                """,
            source: "reliability.maintenance_window AS r",
            filters: [
                .text("state", "r.state"), .text("model", "r.model"), .text("region", "r.region"), .since("r.starts_at"), .until("r.starts_at"),
            ]),
        naming: .none)

    static let creation = AdminRoute.change(.post, "maintenance-windows") { call, fields, connection in
        let (model, region) = (fields.text("model", .modelName), fields.text("region", .slug))
        let title = fields.text("title", .label, .required)
        let reason = fields.text("reason", .reason, .required)
        let starts = fields.value(AdminField("starts_at", .instant, .required)) as? Date
        let ends = fields.value(AdminField("ends_at", .instant, .required)) as? Date
        if let starts, let ends, starts >= ends { fields.add("ends_at", "must be after starts_at") }
        for (name, date) in [("starts_at", starts), ("ends_at", ends)] {
            if let date, Int64(date.timeIntervalSince1970) % 60 != 0 { fields.add(name, "must be a whole minute") }
        }
        try fields.finish()
        try await FieldLookup.checkPlace(model: model, region: region, connection)
        // Its title is on the status page at once, its reason in the evidence of months.
        try await NameScrub.refuse([("title", title), ("reason", reason)], connection)
        let row = try await connection.queryOne(
            """
            INSERT INTO reliability.maintenance_window (model, region, title, reason, starts_at, ends_at, announced_by)
            VALUES (\(model), \(region), \(title), \(reason), \(starts), \(ends), \(call.actor.label)) RETURNING id
            """)
        guard let id = try row?.value("id", as: UUID.self) else { throw AdminRefusal.failed }
        return try await resource.change(connection, id, "create", status: .created)
    }

    /// Nothing is excluded by it any more, unless it has begun: then it ends now.
    static let cancellation = AdminRoute.change(.post, "maintenance-windows/{id}/cancel") { call, fields, connection in
        // Kept by the audit row.
        _ = fields.text("reason", .reason)
        try fields.finish()
        let id = try await resource.locked(call.reference, connection)
        let done = try await connection.execute(
            """
            UPDATE reliability.maintenance_window SET updated_at = now(), state = CASE WHEN starts_at <= now() THEN 'completed' ELSE 'cancelled' END,
                completed_at = CASE WHEN starts_at <= now() THEN least(now(), ends_at) END
            WHERE id = \(id) AND state = 'scheduled'
            """)
        guard done > 0 else { throw AdminRefusal.conflict("ended", "it is over or cancelled already") }
        return try await resource.change(connection, id, "cancel")
    }
}

/// Time that contracts leave out for a reason other than maintenance; it holds once others have approved it.
enum ExclusionResource {
    static let codes = ["customer_network", "over_quota", "force_majeure", "scheduled_maintenance", "over_limit", "misuse"]
    /// What one customer did or has: left out for that one alone, or one approval would do for everybody what force majeure needs two and the public for.
    private static let ofOneCustomer = ["customer_network", "over_quota", "over_limit", "misuse"]

    static let resource = AdminResource(
        path: "exclusions", kind: "exclusion", table: "reliability.exclusion",
        listing: Listing(
            document: """
                json_build_object('id', r.id, 'tenant', r.tenant_id, 'model', r.model, 'region', r.region, 'code', r.code, 'reason', r.reason,
                    'starts_at', serving.wire_time(r.starts_at), 'ends_at', serving.wire_time(r.ends_at), 'requested_by', r.requested_by,
                    'approved_by', r.approved_by, 'published', r.published, 'withdrawn_at', serving.wire_time(r.withdrawn_at),
                    'withdrawn_by', r.withdrawn_by,
                    'effective', EXISTS (SELECT 1 FROM reliability.effective_exclusion AS e WHERE e.id = r.id),
                    'created_at', serving.wire_time(r.created_at))
                """,
            source: "reliability.exclusion AS r",
            filters: [
                .reference("tenant", "r.tenant_id", to: .tenants), .choice("code", "r.code", codes), .text("model", "r.model"),
                .text("region", "r.region"), .since("r.starts_at"), .until("r.starts_at"),
            ]),
        naming: .none,
        fields: [
            AdminField("model", .modelName, changeable: false),
            AdminField("region", .slug, changeable: false),
            AdminField("code", .choice(codes), .required, changeable: false),
            AdminField("reason", .reason, .required, changeable: false),
            AdminField("starts_at", .instant, .required, changeable: false),
            AdminField("ends_at", .instant, .required, changeable: false),
            AdminField("published", .boolean, changeable: false),
        ])

    static let creation = AdminRoute.change(.post, "exclusions") { call, fields, connection in
        let tenant = fields.text("tenant", .reference)
        // Or work that was announced too late, outside the agreed window or beyond the month's minutes would be left out all the same.
        if fields.raw("code")?.string == "scheduled_maintenance" {
            fields.add("code", "maintenance is left out by its window alone: plimsoll maintenance-windows create")
        }
        if let code = fields.raw("code")?.string, tenant == nil, ofOneCustomer.contains(code) {
            fields.add("tenant", "is required with \(code): it is left out for that customer alone")
        }
        // Customers find it in their month and its evidence, and of force majeure everybody does on the status page.
        try await NameScrub.refuse(
            [("reason", fields.raw("reason")?.string)],
            for: "(SELECT id FROM serving.tenants WHERE \(tenant)::text IN (id::text, name::text) LIMIT 1)", connection)
        let places = known(model: fields.text(of: "model"), region: fields.text(of: "region"))
        let id = try await TenantOwned.insert(
            resource, "reliability.exclusion", tenant: tenant, &fields, connection, more: [("requested_by", "\(call.actor.label)")])
        try await FieldLookup.check(places, connection)
        return try await resource.change(connection, id, "create", status: .created)
    }

    /// What nothing was ever served by or in leaves nothing out, and whoever asked would think that it does. It is about time that has passed, so that what is
    /// gone since is known, too.
    private static func known(model: String?, region: String?) -> [FieldLookup] {
        var lookups: [FieldLookup] = []
        if let model {
            lookups.append(
                FieldLookup(
                    field: "model",
                    query:
                        "SELECT 1 FROM (SELECT name FROM serving.models UNION SELECT model FROM reliability.agreement) AS known WHERE name = \(model) LIMIT 1"
                ))
        }
        guard let region else { return lookups }
        lookups.append(
            FieldLookup(
                field: "region",
                query: """
                    SELECT 1 FROM (SELECT region FROM serving.pools UNION SELECT region FROM serving.gateways UNION SELECT region FROM reliability.agreement
                        UNION SELECT unnest(ARRAY[primary_region, backup_region]::text[]) FROM serving.skus) AS known WHERE region = \(region) LIMIT 1
                    """))
        return lookups
    }

    /// By somebody else than who asked, told apart as approvers of agreements are: one person who makes tokens could leave out whatever would be credited.
    static let approval = AdminRoute.wideChange(.post, "exclusions/{id}/approve") { call, fields, connection, databases in
        try fields.finish()
        let id = try await resource.locked(call.reference, connection)
        let row = try await connection.queryOne(
            """
            SELECT requested_by, approved_by, withdrawn_at IS NOT NULL AS withdrawn, code = 'force_majeure' AND NOT published AS secret,
                code = 'scheduled_maintenance' AS maintenance
            FROM reliability.exclusion WHERE id = \(id)
            """)
        guard let row else { throw AdminRefusal.notFound }
        try await Approval.admit(
            call, resource.kind, id, requestedBy: try row.value("requested_by"), already: try row.value("approved_by"), sparesFirst: true, connection,
            databases)
        if try row.value("withdrawn") { throw AdminRefusal.conflict("withdrawn", "it was withdrawn") }
        if try row.value("secret") { throw AdminRefusal.conflict("not_published", "force majeure must be published; ask for it anew with published") }
        if try row.value("maintenance") { throw AdminRefusal.conflict("not_a_window", "maintenance is left out by its window alone") }
        try await connection.execute(
            "UPDATE reliability.exclusion SET approved_by = approved_by || \(call.actor.label)::text, updated_at = now() WHERE id = \(id)")
        try await ForceMajeurePublication.publish(id, by: call.actor.label, connection)
        return try await resource.change(connection, id, "approve")
    }

    static let withdrawal = AdminRoute.change(.post, "exclusions/{id}/withdraw") { call, fields, connection in
        // Kept by the audit row.
        _ = fields.text("reason", .reason)
        try fields.finish()
        let id = try await resource.locked(call.reference, connection)
        let done = try await connection.execute(
            """
            UPDATE reliability.exclusion SET withdrawn_at = now(), withdrawn_by = \(call.actor.label), updated_at = now()
            WHERE id = \(id) AND withdrawn_at IS NULL
            """)
        if done > 0 { try await ForceMajeurePublication.withdraw(id, by: call.actor.label, connection) }
        return try await resource.change(connection, id, "withdraw")
    }
}
