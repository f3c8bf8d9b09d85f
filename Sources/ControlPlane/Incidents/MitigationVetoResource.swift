import Domain
import FoundationEssentials
import HTTPTypes
import Postgres

/// What the policy may not do whatever happens, said beforehand: an action with as much of its target as is meant.
enum MitigationVetoResource {
    private static let state: SQL =
        "CASE WHEN r.withdrawn_at IS NOT NULL THEN 'withdrawn' WHEN r.expires_at <= now() THEN 'expired' ELSE 'active' END"

    static let resource = AdminResource(
        path: "mitigations/vetoes", kind: "mitigation_veto", table: "reliability.mitigation_veto",
        listing: Listing(
            document: """
                json_build_object('id', r.id, 'action', r.action, 'tier', r.tier, 'model', r.model, 'region', r.region, 'provider', r.provider,
                    'worker', r.worker_id, 'pool', r.pool, 'release', r.release, 'tenant', r.tenant_id, 'to_model', r.to_model,
                    'to_region', r.to_region, 'state', \(state), 'reason', r.reason, 'requested_by', r.requested_by,
                    'created_at', serving.wire_time(r.created_at), 'expires_at', serving.wire_time(r.expires_at),
                    'withdrawn_at', serving.wire_time(r.withdrawn_at), 'withdrawn_by', r.withdrawn_by)
                """,
            source: "reliability.mitigation_veto AS r", usualOrder: .descending,
            filters: [.choice("state", state, ["active", "expired", "withdrawn"]), .text("action", "r.action")]),
        naming: .none)

    static var routes: [AdminRoute] { resource.reads + [creation, withdrawal] }

    private static let creation = AdminRoute.change(.post, "mitigations/vetoes") { call, fields, connection in
        let action = fields.text("action", .choice(MitigationAction.allCases.map(\.rawValue)), .required).flatMap(MitigationAction.init)
        let target = MitigationTarget(action ?? .drainWorker, &fields)
        let reason = fields.text("reason", .reason, .required) ?? ""
        // Ninety days: what is never to be done belongs into the policy.
        let minutes = fields.integer("minutes", 1...129_600) ?? 1_440
        if let action {
            for name in target.named where !named(by: action).contains(name) { fields.add(name, "does not belong to this action") }
        }
        try fields.finish()
        let now = Date()
        let row = try await connection.queryOne(
            """
            INSERT INTO reliability.mitigation_veto (action, tier, model, region, provider, worker_id, pool, release, tenant_id, to_model, to_region,
                reason, requested_by, created_at, expires_at)
            VALUES (\(target.action.rawValue), \(target.tier), \(target.model), \(target.region), \(target.provider),
                \(target.worker.flatMap { UUID(uuidString: $0) }), \(target.pool), \(target.release), \(target.tenant.flatMap { UUID(uuidString: $0) }),
                \(target.toModel), \(target.toRegion), \(reason), \(call.actor.label), \(now), \(now.addingTimeInterval(Double(minutes) * 60)))
            RETURNING id
            """)
        guard let id = try row?.value("id", as: UUID.self) else { throw AdminRefusal.failed }
        return try await resource.change(connection, id, "create", status: .created)
    }

    /// Of a worker more is known than a target names.
    private static func named(by action: MitigationAction) -> Set<String> {
        action.subjects.union(action.subjects.contains("worker") ? ["provider", "region", "model", "pool", "release"] : [])
    }

    private static let withdrawal = AdminRoute.change(.post, "mitigations/vetoes/{id}/withdraw") { call, fields, connection in
        // Kept by the audit row.
        _ = fields.text("reason", .reason)
        try fields.finish()
        let id = try await resource.locked(call.reference, connection)
        let done = try await connection.execute(
            """
            UPDATE reliability.mitigation_veto SET withdrawn_at = now(), withdrawn_by = \(call.actor.label)
            WHERE id = \(id) AND withdrawn_at IS NULL AND expires_at > now()
            """)
        guard done > 0 else { throw AdminRefusal.conflict("over", "it holds nothing any more") }
        return try await resource.change(connection, id, "withdraw")
    }
}
