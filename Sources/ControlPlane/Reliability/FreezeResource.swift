import FoundationEssentials
import HTTPTypes
import Postgres

/// Whether changes must wait, and leave to make one although they must.
enum FreezeResource {
    /// The worst state, and every budget that is not as it should be.
    static let state = AdminRoute.read("freeze") { call, databases in
        for name in call.query.keys where !["model", "region", "tier"].contains(name) {
            throw AdminRefusal.fault(name, "is not a parameter of this request")
        }
        let scope = FreezeScope(model: call.query["model"], region: call.query["region"], tier: call.query["tier"])
        let row = try await databases.serving.queryOne(
            """
            SELECT json_build_object('state', coalesce((array_agg(r.freeze_state ORDER BY r.freeze_state = 'frozen' DESC))[1], 'normal'),
                'budgets', coalesce(json_agg(\(BudgetResource.document) ORDER BY r.freeze_state DESC, s.model, s.region, s.tier)
                    FILTER (WHERE r.subject_id IS NOT NULL), '[]'::json))::text AS document
            FROM \(BudgetResource.source) WHERE s.ended_at IS NULL AND r.freeze_state <> 'normal' AND \(FreezeDesk.matches(scope, of: "s"))
            """)
        return AdminAnswer(body: try row?.value("document") ?? "{}")
    }

    static let passes = AdminResource(
        path: "freeze-passes", kind: "freeze_pass", table: "reliability.freeze_pass",
        listing: Listing(
            document: """
                json_build_object('id', r.id, 'kind', r.kind, 'change', r.change, 'model', r.model, 'region', r.region, 'tier', r.tier,
                    'reason', r.reason, 'requested_by', r.requested_by, 'approved_by', r.approved_by,
                    'approved_at', serving.wire_time(r.approved_at), 'expires_at', serving.wire_time(r.expires_at),
                    'uses', (SELECT count(*) FROM reliability.freeze_use WHERE pass_id = r.id), 'created_at', serving.wire_time(r.created_at))
                """,
            source: "reliability.freeze_pass AS r", usualOrder: .descending, filters: [.text("kind", "r.kind")]),
        naming: .none)

    static let creation = AdminRoute.change(.post, "freeze-passes") { call, fields, connection in
        let kind = fields.text("kind", .choice(["security", "p0"]), .required)
        let change = fields.text("change", .choice(FrozenChange.allCases.map(\.rawValue)))
        let (model, region, tier) = (fields.text("model", .modelName), fields.text("region", .slug), fields.text("tier", .slug))
        let reason = fields.text("reason", .reason, .required)
        let seconds = fields.integer("seconds", 300...86_400) ?? 3_600
        try fields.finish()
        let row = try await connection.queryOne(
            """
            INSERT INTO reliability.freeze_pass (kind, change, model, region, tier, reason, requested_by, expires_at)
            VALUES (\(kind), \(change), \(model), \(region), \(tier), \(reason), \(call.actor.label), now() + make_interval(secs => \(seconds)))
            RETURNING id
            """)
        guard let id = try row?.value("id", as: UUID.self) else { throw AdminRefusal.failed }
        return try await passes.change(connection, id, "create", status: .created)
    }

    /// By another person than who asked.
    static let approval = AdminRoute.wideChange(.post, "freeze-passes/{id}/approve") { call, fields, connection, databases in
        try fields.finish()
        let id = try await passes.locked(call.reference, connection)
        let row = try await connection.queryOne(
            "SELECT requested_by, approved_by IS NOT NULL AS approved, expires_at <= now() AS expired FROM reliability.freeze_pass WHERE id = \(id)")
        guard let row else { throw AdminRefusal.notFound }
        try await Approval.admit(
            call, passes.kind, id, requestedBy: try row.value("requested_by"), already: [], sparesFirst: true, connection, databases)
        if try row.value("approved") { throw AdminRefusal.conflict("approved", "it is approved already") }
        if try row.value("expired") { throw AdminRefusal.conflict("expired", "its time is over; ask for another one") }
        try await connection.execute(
            "UPDATE reliability.freeze_pass SET approved_by = \(call.actor.label), approved_at = now() WHERE id = \(id)")
        return try await passes.change(connection, id, "approve")
    }
}
